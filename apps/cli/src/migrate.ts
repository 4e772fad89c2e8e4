import { type Credentials, migrate, provideLogin } from '#persistence';
import { parseEnvironment, prepareQueue, variables } from '#runtime';
import { Command } from 'commander';

const migrationEnvironment = variables
  .pick({ MIGRATION_DATABASE_URL: true, DATABASE_URL: true, READER_DATABASE_URL: true })
  .partial({ DATABASE_URL: true, READER_DATABASE_URL: true });

/** Prepares the database as its owner. */
export async function run(argv: readonly string[]): Promise<number> {
  new Command('meterline migrate')
    .description(
      'Applies the migrations as the owner of the database, gives the roles of the service what they may do (also after a ' +
        'restore from a dump), and makes the logins of the service and of readers. Safe to run again.',
    )
    .addHelpText(
      'after',
      `
Environment: MIGRATION_DATABASE_URL logs in as the owner. DATABASE_URL and READER_DATABASE_URL, if they are set, name the
logins of the service and of readers with their passwords; those are made, or given that password.
Ends with 0 when it is done, else with 1.`,
    )
    .parse(argv, { from: 'user' });

  try {
    const environment = parseEnvironment(migrationEnvironment, process.env);
    const owner = environment.MIGRATION_DATABASE_URL;
    const applied = await migrate(owner, prepareQueue);
    process.stdout.write(`${applied.length} migrations were applied${applied.map((name) => `\n  ${name}`).join('')}\n`);
    for (const [kind, url] of [
      ['service', environment.DATABASE_URL],
      ['reader', environment.READER_DATABASE_URL],
    ] as const) {
      if (url === undefined) continue;
      const credentials = credentialsOf(url);
      await provideLogin(owner, kind, credentials);
      process.stdout.write(`${credentials.user} is a login of the ${kind}\n`);
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
    return 1;
  }
}

function credentialsOf(url: string): Credentials {
  const { username, password, searchParams } = new URL(url);
  const user = searchParams.get('user') ?? decodeURIComponent(username);
  return password === '' ? { user } : { user, password: decodeURIComponent(password) };
}
