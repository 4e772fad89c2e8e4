import { type EpochSeconds } from '#calendar';

const FIRST_PAUSE_SECONDS = 30;
const LONGEST_PAUSE_SECONDS = 1_800;

/** What stopped a pull and passes by itself, and how often it was met since. */
export interface Waited {
  readonly now: EpochSeconds;
  /** When it was met first; null: just now. */
  readonly since: EpochSeconds | null;
  /** Tries that met it before this one. */
  readonly tries: number;
  /** How long the service goes on by itself, from the first. */
  readonly hours: number;
  /** How long the report API asked to be left alone. */
  readonly leftAloneSeconds?: number | undefined;
  /** In [0, 1): keeps thousands of accounts that met one outage from coming back at one moment. */
  readonly random: number;
}

/**
 * When to try again: after pauses that double from 30 seconds to half an hour, of which the last half is drawn by lot, and
 * not before the report API wants to be asked. The last try is at the end of the hours. Pure.
 *
 * @returns undefined when the hours are used up, or the report API wants to be left alone for longer
 */
export function nextTry(waited: Waited): EpochSeconds | undefined {
  const { now, since, tries, hours, leftAloneSeconds = 0, random } = waited;
  const end = (since ?? now) + hours * 3_600;
  if (now >= end || now + leftAloneSeconds > end) return undefined;
  const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** Math.min(tries, 20));
  const drawn = Math.ceil(pause * (0.5 + random / 2));
  return Math.min(end, now + Math.max(drawn, Math.ceil(leftAloneSeconds)));
}
