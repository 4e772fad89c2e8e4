import { openDatabase, serviceLogin } from '#persistence';
import { rotateCertificateKey } from '#persistence/closes';
import { COMMAND_VARIABLES, databasePatience, parseEnvironment, prepareQueue, variables } from '#runtime';
import { Command } from 'commander';

/** Retires the key that certificates are signed with and makes the next one. */
export async function run(argv: readonly string[]): Promise<number> {
  const command = new Command('meterline rotate-key')
    .description(
      'Retires the key that certificates are signed with and makes the next one, sealed with METERLINE_SECRET_KEY. For when ' +
        'that is lost or has leaked: with a new one no process starts before. Else POST /v1/certificate-keys/rotate does it.',
    )
    .requiredOption('--reason <text>', 'why, for the audit')
    .addHelpText(
      'after',
      '\nReads DATABASE_URL and METERLINE_SECRET_KEY, the new one. Stop the processes that have the old one first.\n' +
        'Ends with 0 when it is done, else with 1.',
    )
    .parse(argv, { from: 'user' });

  try {
    const environment = parseEnvironment(variables.pick(COMMAND_VARIABLES), process.env);
    const { reason } = command.opts<{ reason: string }>();
    const { url } = await serviceLogin(environment.DATABASE_URL, prepareQueue);
    const database = openDatabase(url, 1, databasePatience(environment));
    try {
      const { retired, in_use: inUse } = await rotateCertificateKey(database, environment.METERLINE_SECRET_KEY, {
        actor: 'command:rotate-certificate-key',
        reason,
      });
      process.stdout.write(`retired: ${retired?.id ?? 'none was in use'}\nin use:  ${inUse.id}\n`);
      return 0;
    } finally {
      await database.$disconnect();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
    return 1;
  }
}
