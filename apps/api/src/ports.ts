import type { Closes } from '#close';

/** What this application does to closes and documents through the orchestrator. */
export type CloseCommands = Pick<
  Closes,
  'open' | 'retry' | 'waive' | 'issue' | 'cancel' | 'pdf' | 'draftPdf' | 'corrections' | 'usage'
>;

/** What readiness asks of the queue. */
export interface QueuePort {
  /** Resolves when the queue answers. */
  ping(): Promise<unknown>;
}

export const DATABASE = Symbol('database');
export const QUEUE = Symbol('queue');
export const SECRET_KEY = Symbol('secret key');
export const CLOSES = Symbol('closes');
