import type { Closes } from '#close';

/** What this application does to closes and documents through the orchestrator. */
export type CloseCommands = Pick<
  Closes,
  'desk' | 'pdf' | 'draftPdf' | 'xml' | 'reviews' | 'registrations' | 'corrections' | 'usage'
>;

/** What readiness asks of the queue. */
export interface QueuePort {
  /** Resolves when the queue answers. */
  ping(): Promise<unknown>;
}

/** Figures of another part of the same process, in Prometheus' text format. */
export interface MetricsPort {
  text(): Promise<string>;
}

export const DATABASE = Symbol('database');
export const LIMITS = Symbol('limits of a key');
export const METRICS = Symbol('metrics of other parts');
export const QUEUE = Symbol('queue');
export const SECRET_KEY = Symbol('secret key');
export const ADDRESSES = Symbol('addresses of report APIs');
export const CLOSES = Symbol('closes');
