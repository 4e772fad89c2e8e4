import * as Prisma from '../ground/prisma.js';

/** How a seller wants what the service does on its own. */
export interface SellerSettings {
  /** Whether a correction waits for an operator or is issued as soon as it is proposed. */
  corrections: 'propose' | 'automatic';
  /** Usage of an account that belongs to no registered entity: a warning, or no invoice until it is registered. */
  unregistered_usage: 'warn' | 'hold';
  /** Months after a period's end in which its single values are kept; hashes, sums and derivations stay for ever. */
  usage_detail_retention_months: number;
  /** Whether the report API's answers themselves are kept also when nothing is wrong with them. */
  keep_raw: boolean;
  /** By how many percent an account's net may differ from last month's without a warning; null: never a warning. */
  drift_percent: string | null;
  /** What an account gets whose lines are all zero: no document, or an invoice of 0.00. */
  zero_invoices: 'skip' | 'issue';
  /** Keys (PEM) of the e-invoice portals of India whose answers are believed. */
  irp_public_keys: readonly string[];
  /** For how long the service tries by itself when the report API is away or asks for patience, before it holds. */
  report_api_wait_hours: number;
}

/** What a seller has that chose nothing. */
export const DEFAULT_SETTINGS: Readonly<SellerSettings> = {
  corrections: 'propose',
  unregistered_usage: 'warn',
  usage_detail_retention_months: 13,
  keep_raw: false,
  drift_percent: '50',
  zero_invoices: 'skip',
  irp_public_keys: [],
  report_api_wait_hours: 24,
};

/** The settings as stored; those that a seller never chose have their defaults. */
export function readSettings(stored: unknown): SellerSettings {
  return { ...DEFAULT_SETTINGS, ...(stored as Partial<SellerSettings> | null) };
}

/** A setting of a seller `s`, as text, with its default where it never chose. */
function settingOf(name: keyof SellerSettings): Prisma.Sql {
  return Prisma.sql`coalesce(s.settings->>${name}::text, ${String(DEFAULT_SETTINGS[name])}::text)`;
}

/** The hours that a seller `s` lets the service try by itself. */
export const WAIT_HOURS = Prisma.sql`${settingOf('report_api_wait_hours')}::int`;

/** How long after a period's end a seller `s` keeps its single values. */
export const DETAIL_KEPT = Prisma.sql`make_interval(months => ${settingOf('usage_detail_retention_months')}::int)`;

/** Whether a seller `s` has corrections issued as soon as they are proposed. */
export const ISSUES_CORRECTIONS = Prisma.sql`${settingOf('corrections')} = 'automatic'`;
