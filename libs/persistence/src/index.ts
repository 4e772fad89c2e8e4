export {
  type Database,
  openDatabase,
  PersistenceError,
  SERVICE_ROLE,
  SERVICE_ROLE_OPTIONS,
  type Transaction,
} from './database.js';
export { createDatabase, migrate } from './migrate.js';
