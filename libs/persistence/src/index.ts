export { type AuditEntry, type AuditEvent, listAuditEvents, recordAudit } from './ground/audit.js';
export { databaseNow } from './ground/clock.js';
export type { Changes } from './ground/columns.js';
export {
  assertWritable,
  type Database,
  isDatabaseAway,
  isSeriesLocked,
  isStatementTimeout,
  openDatabase,
  PersistenceError,
  type Transaction,
} from './ground/database.js';
export {
  answerOnce,
  doOnce,
  dropOldIdempotencyKeys,
  type KeptAnswer,
  type Once,
  type RepeatableRequest,
} from './ground/idempotency.js';
export { documentSha256 } from './ground/document-sha256.js';
export { type Credentials, provideLogin, serviceLogin, type ServiceLogin } from './ground/logins.js';
export { createDatabase, migrate, type PrepareQueue } from './ground/migrate.js';
export { keyAfter, type Page, pageOf, type PageRequest, uuidAfter } from './ground/page.js';
export { QUEUE_SCHEMA, READER_ROLE, SERVICE_ROLE } from './ground/privileges.js';
export { isRefusal, type Refusal } from './ground/refusal.js';
export type { Catalogue } from './ground/prisma.js';
export { afterCommit, readingBounded } from './ground/request-transaction.js';
export { type SecretKey, secretKeySchema } from './ground/secrets.js';
export { type Patience, PATIENCE, serviceSession } from './ground/sessions.js';
export { type Session, session } from './ground/sets.js';
