import * as Prisma from '../ground/prisma.js';

/**
 * How often a worker that has accounts in hand gives a sign of life; after three that did not come it is taken for dead.
 * Shorter than the time after which a queue gives the batch of a dead worker to another.
 */
export const SIGN_OF_LIFE_SECONDS = 5;

/** Of a row of close_account: its worker has given no sign of life for a while. Null where no worker has it in hand. */
export const SILENT = Prisma.sql`seen_at < clock_timestamp() - make_interval(secs => ${3 * SIGN_OF_LIFE_SECONDS})`;
