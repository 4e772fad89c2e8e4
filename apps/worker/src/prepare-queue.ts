import { runMigrations } from 'bullmq';
import { type PrepareQueue, QUEUE_SCHEMA } from '#persistence';

/** Makes the queue's tables, or brings them up to date, as the owner of the database. */
export const prepareQueue: PrepareQueue = (client) => runMigrations(client, QUEUE_SCHEMA);
