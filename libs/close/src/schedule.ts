import { addDays, type EpochSeconds, instantAt, monthAt, nextMonth, previousMonth } from '#calendar';
import { type Database, databaseNow } from '#persistence';
import { type CloseSchedule, listCloseSchedules, markScheduleRun, type ScheduleTiming } from '#persistence/closes';
import type { Desk } from './desk.js';

/** What a schedule does at one instant. */
export interface ScheduledRun {
  readonly at: EpochSeconds;
  /** The month that is closed: the one before, `YYYY-MM`. */
  readonly period: string;
}

/** When a schedule's turn comes next after an instant. Pure. */
export function nextRun(timing: ScheduleTiming, after: EpochSeconds): ScheduledRun {
  for (let month = monthAt(after, timing.timeZone); ; month = nextMonth(month)) {
    const run = runIn(timing, month);
    if (run.at > after) return run;
  }
}

/** The runs that are due and not done yet, oldest first; at most as many as are opened at once. Pure. */
export function dueRuns(schedule: CloseSchedule, now: EpochSeconds): ScheduledRun[] {
  const due: ScheduledRun[] = [];
  const done = schedule.lastRun?.period;
  // The month after the last one that is done has its turn two months after it; what is long done is not looked at again.
  const first = monthAt(schedule.effectiveFrom, schedule.timeZone);
  const next = done === undefined ? first : nextMonth(nextMonth(done));
  for (let month = next > first ? next : first; due.length < OPENED_AT_ONCE; month = nextMonth(month)) {
    const run = runIn(schedule, month);
    if (run.at > now) break;
    if (run.at >= schedule.effectiveFrom) due.push(run);
  }
  return due;
}

/** Months of one seller that one look makes up for, when no worker was there for longer than a month. */
const OPENED_AT_ONCE = 12;

function runIn({ day, hour, minute, timeZone }: ScheduleTiming, month: string): ScheduledRun {
  const lastDay = addDays(`${nextMonth(month)}-01`, -1);
  const wanted = `${month}-${String(day).padStart(2, '0')}`;
  const date = wanted < lastDay ? wanted : lastDay;
  return { at: instantAt(date, { hour, minute }, timeZone), period: previousMonth(month) };
}

/**
 * Opens the closes that schedules are due for, a seller's missed months oldest first. Any number of processes may do so at
 * any time: a month has one close. A month that is not billable yet stays due, so the worker that looks next opens it.
 *
 * @param log told of each month that is opened, and of what is made up for; and of each seller whose months could not be
 * @throws the first failure, when everything else is done
 */
export async function openDueCloses(
  database: Database,
  desk: Pick<Desk, 'open'>,
  log: (
    entry:
      | { event: 'scheduled_close'; seller: string; period: string; missed: boolean }
      | { event: 'schedule_failed'; seller: string; error: unknown },
  ) => void,
): Promise<void> {
  const now = await databaseNow(database);
  const failures: unknown[] = [];
  for (const schedule of await listCloseSchedules(database)) {
    const { seller } = schedule;
    try {
      for (const due of dueRuns(schedule, now)) {
        if (!(await openDue(database, desk, schedule, due.period))) break;
        const missed = nextRun(schedule, due.at).at <= now;
        log({ event: 'scheduled_close', seller, period: due.period, missed });
      }
    } catch (error) {
      // The sellers after this one are not to wait for what is wrong with it.
      log({ event: 'schedule_failed', seller, error });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Answers whether the schedule has done its work for the month. */
async function openDue(
  database: Database,
  desk: Pick<Desk, 'open'>,
  { seller, sellerId, issue }: CloseSchedule,
  period: string,
): Promise<boolean> {
  const opened = await desk.open({
    seller,
    period,
    kind: 'regular',
    dryRun: false,
    issue,
    actor: 'close-schedule',
  });
  // An operator closes that month already, in another way; it is theirs.
  const isTheirs = opened.outcome === 'refused' && opened.code === 'close_differs';
  if (opened.outcome === 'refused' && !isTheirs) return false;
  await markScheduleRun(database, { sellerId, period, closeId: opened.outcome === 'opened' ? opened.id : null });
  return true;
}
