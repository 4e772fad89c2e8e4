import { listInvoices } from '#persistence/documents';
import type { CloseAccountView } from '#persistence/closes';
import { accountId, customerSiteId, type FaultRule, msisdnOf } from '../../apps/report-simulator/src/index.js';
import { makeAccount, makePlan, makeSeller, PERCENTILE_95, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, endOf, startClosing, warned } from '../support/closing.js';

const PERIOD = '2026-08';

/** What a fault makes of an account that meets it, through a whole close. */
type Outcome =
  /** Asked again, then billed as if nothing had been. */
  | 'billed'
  /** The same, and the clerk is told. */
  | { billedWith: string }
  /** Kept and not billed. */
  | { held: string }
  /** Nothing is kept as usage; the answer is evidence. */
  | { refused: string }
  /** Nothing is kept, for there was no answer; the service tries again by itself. */
  | { away: string }
  /** Nothing more is asked for the account. */
  | { stopped: string };

interface Row {
  readonly what: string;
  readonly rule: Omit<FaultRule, 'match'>;
  readonly outcome: Outcome;
}

const once = (rule: Row['rule'], what: string = rule.fault): Row => ({
  what: `${what}, once`,
  rule: { ...rule, times: 1 },
  outcome: 'billed',
});
const always = (rule: Row['rule'], outcome: Outcome, what: string = rule.fault): Row => ({ what, rule, outcome });
const passing = (rule: Row['rule'], code: string, what?: string): Row[] => [
  once(rule, what),
  always(rule, { away: code }, what),
];

const TABLE: Row[] = [
  always({ fault: 'unauthorized_401' }, { stopped: 'api_key_refused' }),
  always({ fault: 'forbidden_403' }, { stopped: 'account_forbidden' }),
  ...passing({ fault: 'rate_limited_429', retry_after_s: 2 }, 'report_api_rate_limited', '429 with seconds'),
  ...passing({ fault: 'rate_limited_429', retry_after: 'http_date' }, 'report_api_rate_limited', '429 with a date'),
  ...passing({ fault: 'rate_limited_429', retry_after: 'absent' }, 'report_api_rate_limited', '429 bare'),
  ...passing({ fault: 'error_500' }, 'report_api_unavailable'),
  ...passing({ fault: 'bad_gateway_502' }, 'report_api_unavailable'),
  ...passing({ fault: 'unavailable_503' }, 'report_api_unavailable'),
  ...passing({ fault: 'timeout_504' }, 'report_api_unavailable'),
  ...passing({ fault: 'slow_first_byte', delay_ms: 60_000 }, 'report_api_timeout'),
  ...passing({ fault: 'drip', delay_ms: 120_000 }, 'report_api_timeout'),
  ...passing({ fault: 'reset_mid_body' }, 'report_api_unavailable'),
  ...passing({ fault: 'bad_gzip' }, 'report_api_unavailable'),
  once({ fault: 'truncated_json' }),
  always({ fault: 'truncated_json' }, { refused: 'malformed_json' }),
  once({ fault: 'trailing_brace' }),
  always({ fault: 'trailing_brace' }, { refused: 'malformed_json' }),
  once({ fault: 'duplicate_json_keys' }),
  always({ fault: 'duplicate_json_keys' }, { refused: 'duplicate_json_key' }),
  always({ fault: 'wrong_account' }, { refused: 'echo_mismatch' }),
  always({ fault: 'wrong_site' }, { refused: 'echo_mismatch' }),
  always({ fault: 'wrong_subscriber' }, { refused: 'echo_mismatch' }),
  always({ fault: 'echo_dropped' }, { refused: 'echo_missing' }),
  always({ fault: 'answer_of_another_request' }, { refused: 'echo_mismatch' }),
  always({ fault: 'message_200' }, { refused: 'schema_mismatch' }),
  always({ fault: 'csv_body' }, { refused: 'not_json_content' }),
  always({ fault: 'missing_bucket' }, { held: 'missing_buckets' }),
  always({ fault: 'tail_cut' }, { held: 'missing_buckets' }),
  always({ fault: 'duplicate_bucket_same' }, { billedWith: 'duplicate_bucket' }),
  always({ fault: 'duplicate_bucket_other' }, { refused: 'duplicate_bucket_differs' }),
  always({ fault: 'bucket_out_of_range' }, { refused: 'beyond_margin' }),
  always({ fault: 'bucket_off_grid' }, { refused: 'off_grid' }),
  always({ fault: 'labels_shifted_forward' }, { refused: 'beyond_margin' }),
  always({ fault: 'labels_shifted_back' }, { refused: 'beyond_margin' }),
  always({ fault: 'value_nan' }, { refused: 'value_not_a_number' }),
  always({ fault: 'value_infinity' }, { refused: 'value_not_a_number' }),
  always({ fault: 'value_null' }, { refused: 'value_not_a_number' }),
  always({ fault: 'value_negative' }, { refused: 'value_negative' }),
  always({ fault: 'value_string' }, { refused: 'value_not_a_number' }),
  always({ fault: 'value_1e300' }, { refused: 'value_out_of_range' }),
  always({ fault: 'rates_x1000' }, { held: 'rates_disagree_with_bytes' }),
  always({ fault: 'bytes_x8' }, { held: 'rates_disagree_with_bytes' }),
];

/** Every second account is clean. */
const ACCOUNTS = TABLE.length * 2 + 1;
const FLEET = { accounts: ACCOUNTS, sites: 1, subscribers: 1 };
const faulty = (row: number) => row * 2 + 1;

describe('the fault table, through a close', () => {
  let closing: Closing;
  let undisturbed: CloseAccountView[];
  let ended: CloseAccountView[];
  let asked: Record<string, number>;

  beforeAll(async () => {
    closing = await startClosing({
      fleet: FLEET,
      seed: 7,
      connections: { firstByteTimeoutMs: 4_000, idleTimeoutMs: 4_000, attemptTimeoutMs: 30_000 },
    });
    await makeSeller(closing.database, { code: 'acme' });
    const bytes = { metric: 'bytes', direction: 'total', per: 'customer_site_id', unit: 'kB' };
    const rates = { ...PERCENTILE_95, direction: 'percentile_of_greater', sites: 'pooled', unit: 'kbps' };
    await makePlan(
      closing.database,
      planOf(
        'everything',
        usageCharge('traffic', bytes, '0.01'),
        usageCharge('airtime', { metric: 'time', per: 'msisdn', unit: 'minute' }, '0.01'),
        usageCharge('burst', rates, '0.01'),
      ),
    );
    for (let number = 0; number < ACCOUNTS; number += 1) {
      await makeAccount(closing.database, { seller: 'acme', external_id: accountId(number) }, 'everything', [
        { dimension: 'customer_site_id', value: customerSiteId(FLEET, number, 0) },
        { dimension: 'msisdn', value: msisdnOf(number) },
      ]);
    }
    undisturbed = await closing.run('acme', PERIOD, { dryRun: true });
    const before = { ...closing.simulator.counters().by_account };
    closing.simulator.setFaults(
      TABLE.map(({ rule }, row) => ({ ...rule, match: { account: accountId(faulty(row)) } }) as FaultRule),
    );
    ended = await closing.run('acme', PERIOD);
    const after = closing.simulator.counters().by_account;
    asked = Object.fromEntries(Object.entries(after).map(([id, count]) => [id, count - (before[id] ?? 0)]));
    closing.simulator.setFaults([]);
  });
  afterAll(() => closing.stop());

  const of = (views: CloseAccountView[], number: number) => {
    const view = views.find(({ external_id }) => external_id === accountId(number));
    if (!view) throw new Error(`no account ${number}`);
    return view;
  };
  /** What is billed: the lines without what names the pull. */
  const billed = ({ lines, totals }: CloseAccountView) =>
    JSON.stringify([totals, lines]).replaceAll(/"raw_sha256":\[[^\]]*\]/g, '"raw_sha256":[]');
  const kept = async (number: number) => {
    const [count] = await closing.database.$queryRaw<{ windows: bigint; snapshots: bigint; answers: bigint }[]>`
      SELECT (SELECT count(*) FROM usage_window WHERE account_id = a.id) AS windows,
             (SELECT count(*) FROM usage_snapshot s JOIN usage_window w ON w.id = s.window_id WHERE w.account_id = a.id)
               AS snapshots,
             (SELECT count(*) FROM usage_evidence WHERE account_id = a.id) AS answers
        FROM account a WHERE external_id = ${accountId(number)}`;
    return { windows: Number(count?.windows), snapshots: Number(count?.snapshots), answers: Number(count?.answers) };
  };

  it('covers every fault that can be told', () => {
    expect(undisturbed.map(({ state }) => state)).toEqual(undisturbed.map(() => 'drafted'));
    expect(new Set(TABLE.map(({ rule }) => rule.fault)).size).toBe(37);
  });

  it.each(TABLE.map((row, index) => [row.what, JSON.stringify(row.outcome), row, index] as const))(
    '%s → %s',
    async (_what, _outcome, { outcome }, row) => {
      const number = faulty(row);
      const view = of(ended, number);
      const ledger = await kept(number);
      const nothing = { windows: 0, snapshots: 0 };
      if (outcome === 'billed' || 'billedWith' in outcome) {
        expect(endOf(view)).toBe('issued');
        expect(billed(view)).toBe(billed(of(undisturbed, number)));
        if (outcome !== 'billed') expect(warned(view)).toContain(outcome.billedWith);
      } else if ('held' in outcome) {
        expect(endOf(view)).toBe(`held ${outcome.held}`);
        // Two directions of the site's rates and bytes, and of the account's bytes; time of all three. Where samples are
        // missing also what they are held against: the hourly MAX and bytes by hour, two directions each.
        const windows = outcome.held === 'missing_buckets' ? 13 : 9;
        expect(ledger).toMatchObject({ windows, snapshots: windows });
      } else if ('refused' in outcome) {
        expect(endOf(view)).toBe(`held ${outcome.refused}`);
        expect(ledger).toEqual({ ...nothing, answers: 1 });
      } else if ('away' in outcome) {
        expect(endOf(view)).toBe(`waiting ${outcome.away}`);
        expect(ledger).toEqual({ ...nothing, answers: 0 });
        expect(asked[accountId(number)]).toBe(6);
      } else {
        expect(endOf(view)).toBe(`held ${outcome.stopped}`);
        expect(ledger).toEqual({ ...nothing, answers: 1 });
        expect(asked[accountId(number)]).toBe(1);
      }
    },
  );

  it('leaves every account between them as if nothing had been', () => {
    const clean = Array.from({ length: TABLE.length + 1 }, (_, each) => each * 2);
    for (const number of clean) {
      expect(endOf(of(ended, number))).toBe('issued');
      expect(billed(of(ended, number))).toBe(billed(of(undisturbed, number)));
    }
  });

  it('in better times a retry bills every one of them as if nothing had been', async () => {
    const retried = await closing.retry(closing.lastClose());
    expect(new Set(retried.map(endOf))).toEqual(new Set(['issued']));
    for (let number = 0; number < ACCOUNTS; number += 1) {
      expect(billed(of(retried, number))).toBe(billed(of(undisturbed, number)));
    }
  });

  it('late correction → a correction entry beside the invoice that stays as it was', async () => {
    const invoices = await listInvoices(closing.database, { seller: 'acme', limit: 200 });
    const invoice = invoices.find(({ account }) => account === of(ended, 0).account);
    const before = JSON.stringify(invoice);
    closing.simulator.setFaults([{ fault: 'late_correction' }]);
    const confirmed = await closing.closes.corrections.confirm(invoice?.id ?? '');
    closing.simulator.setFaults([]);
    expect(confirmed).toMatchObject({ outcome: 'proposed', state: 'proposed' });
    const after = await listInvoices(closing.database, { seller: 'acme', limit: 200 });
    expect(JSON.stringify(after.find(({ id }) => id === invoice?.id))).toBe(before);
  });
});
