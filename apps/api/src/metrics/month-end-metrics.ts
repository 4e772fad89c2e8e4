import { ACCOUNT_STATES } from '#billing';
import type { MonthEndFigures } from '#persistence/closes';
import { Gauge, Registry } from 'prom-client';

const CLOSE = ['seller', 'period', 'kind', 'dry_run'] as const;

/**
 * The figures of one reading in Prometheus' text format; without a reading only that there is none. Made anew each time:
 * the series of a close that has finished must go, and two who scrape at once must not meet.
 */
export function monthEndMetrics(figures: MonthEndFigures | undefined): Promise<string> {
  const registry = new Registry();
  const gauge = <Label extends string>(name: string, labelNames: readonly Label[], help: string) =>
    new Gauge({ name: `meterline_${name}`, help, labelNames: [...labelNames], registers: [registry] });

  const up = gauge('database_up', [], 'Whether the figures of the month-end could be read from the database just now.');
  up.set(figures ? 1 : 0);
  if (figures) {
    showCloses(gauge, figures);
    showUnbilled(gauge, figures);
    showWhatFollows(gauge, figures);
  }
  return registry.metrics();
}

type MakeGauge = <Label extends string>(name: string, labelNames: readonly Label[], help: string) => Gauge<Label>;

function showCloses(gauge: MakeGauge, figures: MonthEndFigures): void {
  const closes = gauge('closes', [...CLOSE, 'state'], 'Closes that are not finished.');
  const idle = gauge('close_idle_seconds', CLOSE, 'How long nothing has moved in a running close.');
  const accounts = gauge('close_accounts', [...CLOSE, 'state'], 'Accounts of closes that are not finished, by state.');
  const oldest = gauge(
    'oldest_unfinished_close_age_seconds',
    ['state'],
    'How long the close that has been in this state the longest has been in it.',
  );
  const ages = { running: 0, review: 0 };
  for (const { seller, period, kind, dryRun, state, count, ageSeconds, idleSeconds } of figures.closes) {
    const of = { seller, period, kind, dry_run: `${dryRun}` };
    closes.set({ ...of, state }, count);
    if (state === 'running') idle.set(of, idleSeconds);
    ages[state] = Math.max(ages[state], ageSeconds);
    for (const each of ACCOUNT_STATES) accounts.set({ ...of, state: each }, 0);
  }
  for (const [state, seconds] of Object.entries(ages)) oldest.set({ state }, seconds);
  for (const { dryRun, count, ...of } of figures.accounts) accounts.set({ ...of, dry_run: `${dryRun}` }, count);
}

function showUnbilled(gauge: MakeGauge, figures: MonthEndFigures): void {
  const labels = ['seller', 'period', 'kind', 'code'] as const;
  const of = 'of closes that are not finished or finished in the last 35 days';
  const unbilled = {
    waiting: gauge('accounts_waiting', labels, `Accounts that the service tries again by itself, by the cause, ${of}.`),
    held: gauge('accounts_held', labels, `Accounts held, by the code of the hold, ${of}.`),
    failed: gauge('accounts_failed', labels, `Accounts that failed, by the code of the error, ${of}.`),
  };
  for (const { state, count, ...labelled } of figures.unbilled) unbilled[state].set(labelled, count);
}

function showWhatFollows(
  gauge: MakeGauge,
  { unrendered, confirmingPulls, openCorrections, alterations, documentsCheckedSeconds }: MonthEndFigures,
): void {
  gauge('invoices_unrendered', [], 'Issued documents whose PDF is not stored.').set(unrendered.count);
  gauge('oldest_unrendered_invoice_age_seconds', [], 'How long ago the oldest of them was issued.').set(
    unrendered.oldestSeconds,
  );
  gauge('confirming_pulls_due', [], 'Confirming pulls that are due and not done.').set(confirmingPulls.due);
  gauge('confirming_pulls_overdue', [], 'Those of them that were due more than an hour ago.').set(
    confirmingPulls.overdue,
  );
  const corrections = gauge('corrections_open', ['seller', 'automatic'], 'Proposed corrections nobody has decided.');
  for (const { seller, automatic, count } of openCorrections) {
    corrections.set({ seller, automatic: `${automatic}` }, count);
  }
  const altered = gauge('documents_altered', ['seller', 'part'], 'Stored documents that were found altered.');
  for (const { seller, part, count } of alterations) altered.set({ seller, part }, count);
  const checked = gauge('documents_checked_age_seconds', [], 'How long ago the last full check of them began.');
  if (documentsCheckedSeconds === null) checked.remove();
  else checked.set(documentsCheckedSeconds);
}
