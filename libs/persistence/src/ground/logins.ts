import { createHash, createHmac, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { Client } from 'pg';
import { PersistenceError } from './database.js';
import { migrate, MIGRATION_LOCK, pendingMigrations, type PrepareQueue } from './migrate.js';
import { lackingPrivileges, READER_ROLE, SERVICE_ROLE } from './privileges.js';

/** A login of the database server. Without a password the server must let it in for another reason. */
export interface Credentials {
  readonly user: string;
  readonly password?: string | undefined;
}

/** What a process of the service connects with. */
export interface ServiceLogin {
  readonly url: string;
  /** The URL that was given logs in as an owner of the tables: the database was migrated, and a lesser login was made. */
  readonly wasOwner: boolean;
}

/**
 * The login that a process of the service works with: never one that owns the tables or could become one that does.
 *
 * A lesser login is taken as it is, once the database has what this version needs. With an owner's the database is migrated
 * first, and then a login of its own is made for the service, whose password follows from the owner's, so that all processes
 * with one URL have the same.
 *
 * @param prepareQueue as for `migrate`
 * @throws PersistenceError `migrations_pending`, `privileges_missing` (each names the command that mends it), and
 *   `service_login_unavailable` when the owner may not make a login
 */
export async function serviceLogin(url: string, prepareQueue?: PrepareQueue): Promise<ServiceLogin> {
  if (!(await isOwner(url))) {
    await assertPrepared(url);
    return { url, wasOwner: false };
  }
  await migrate(url, prepareQueue);
  const made = loginFor(url);
  const lesser = withCredentials(url, made);
  if (!(await admits(lesser))) {
    try {
      await provideLogin(url, 'service', made);
    } catch (error) {
      throw loginUnavailable(error);
    }
    await connected(lesser, async () => undefined).catch((error: unknown) => {
      throw loginUnavailable(error);
    });
  }
  return { url: lesser, wasOwner: true };
}

/**
 * Makes a login of the service or of readers, or gives the one that exists the password. It may do what its role may and
 * nothing else.
 *
 * @throws PersistenceError `login_is_owner` for a login that owns tables or may make roles
 */
export async function provideLogin(
  ownerUrl: string,
  kind: 'service' | 'reader',
  { user, password }: Credentials,
): Promise<void> {
  const role = kind === 'service' ? SERVICE_ROLE : READER_ROLE;
  await connected(ownerUrl, async (client) => {
    // Two processes that start at once would both make it.
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const { rows } = await client.query<{ owner: boolean }>(
      `SELECT ${MIGHTY} AS owner FROM pg_roles AS r WHERE rolname = $1`,
      [user],
    );
    if (rows[0]?.owner) throw isTheOwner(user);
    const name = client.escapeIdentifier(user);
    // Only a verifier is sent: statements are logged.
    const secret = password === undefined ? '' : ` PASSWORD ${client.escapeLiteral(scramVerifier(password))}`;
    await client.query(
      rows.length === 0
        ? `CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS${secret}`
        : `ALTER ROLE ${name} LOGIN${secret}`,
    );
    await client.query(`GRANT ${role} TO ${name}`);
  });
}

/** Of a role `r`: whether it is, or may become, more than the service. */
const MIGHTY = `(
  r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
  OR EXISTS (SELECT FROM pg_roles AS other
              WHERE other.oid <> r.oid AND pg_has_role(r.oid, other.oid, 'MEMBER')
                AND (other.rolsuper OR other.rolcreaterole OR other.rolname IN ('pg_execute_server_program',
                     'pg_read_server_files', 'pg_write_server_files', 'pg_write_all_data', 'pg_read_all_data')))
  OR EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
                AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
  OR has_schema_privilege(r.oid, 'public', 'CREATE'))`;

/** Whether a URL logs in as an owner, or as one who could be: in an empty database, who may make the tables. */
async function isOwner(url: string): Promise<boolean> {
  return connected(url, async (client) => {
    const { rows } = await client.query<{ owner: boolean }>(
      `SELECT ${MIGHTY} AS owner FROM pg_roles AS r WHERE rolname = session_user`,
    );
    return rows[0]?.owner ?? false;
  });
}

async function assertPrepared(url: string): Promise<void> {
  await connected(url, async (client) => {
    const { rows } = await client.query<{ user: string; member: boolean }>(
      `SELECT session_user AS user, coalesce((SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles
                                               WHERE rolname = $1), false) AS member`,
      [SERVICE_ROLE],
    );
    const { user = '', member = false } = rows[0] ?? {};
    const lacking = member ? [] : [`membership of ${SERVICE_ROLE}`];
    if (member) {
      const pending = await pendingMigrations(client).catch(() => undefined);
      if (pending && pending.length > 0) {
        throw new PersistenceError(
          'migrations_pending',
          `the database lacks ${pending.length} migrations (${pending[0]}, …); ${REMEDY}`,
          false,
        );
      }
      lacking.push(...(await lackingPrivileges(client)));
    }
    if (lacking.length > 0) {
      throw new PersistenceError(
        'privileges_missing',
        `the login ${user} lacks what the service must be allowed: ${lacking.slice(0, 5).join(', ')}; ${REMEDY}`,
        false,
      );
    }
  });
}

const REMEDY = 'run `meterline migrate` with MIGRATION_DATABASE_URL, the URL of the owner, and this DATABASE_URL';

function isTheOwner(user: string): PersistenceError {
  return new PersistenceError(
    'login_is_owner',
    `the login ${user} owns tables or may make roles; name another login for the service, it will be made`,
    false,
  );
}

function loginUnavailable(cause: unknown): PersistenceError {
  return new PersistenceError(
    'service_login_unavailable',
    `DATABASE_URL logs in as an owner of the tables, and no lesser login could be made for the service ` +
      `(${(cause as Error).message}); make one: CREATE ROLE <login> LOGIN PASSWORD '…'; GRANT ${SERVICE_ROLE} TO <login>; ` +
      'and name it in DATABASE_URL',
    false,
    { cause },
  );
}

/** The login that goes with an owner's URL, one for each database. */
function loginFor(ownerUrl: string): Credentials {
  const { password, pathname } = new URL(ownerUrl);
  const database = decodeURIComponent(pathname.slice(1));
  const user = `${database.slice(0, 48)}_service_login`;
  if (password === '') return { user };
  // Slow on purpose: who has this password must not be able to guess the owner's.
  return {
    user,
    password: scryptSync(decodeURIComponent(password), `meterline service login ${database}`, 24).toString('hex'),
  };
}

function withCredentials(url: string, { user, password }: Credentials): string {
  const lesser = new URL(url);
  // What the query says wins over what stands before the host, which a URL of a socket cannot have.
  if (lesser.host === '' || lesser.searchParams.has('user')) lesser.searchParams.set('user', user);
  else lesser.username = encodeURIComponent(user);
  lesser.password = password ?? '';
  return lesser.href;
}

async function admits(url: string): Promise<boolean> {
  return connected(url, async () => true).catch(() => false);
}

async function connected<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: 'meterline-login' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What PostgreSQL keeps of a password for SCRAM-SHA-256 (RFC 5803, as in pg_authid.rolpassword). */
function scramVerifier(password: string): string {
  const iterations = 4_096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}
