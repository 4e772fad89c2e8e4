/**
 * Every code by which a close holds or fails an account or warns of something, and what an operator does about it. What is
 * not in this table can neither be held nor told; docs/operations.md says more of each. An unexpected error fails an account
 * by its own code instead, or by `unexpected_error`.
 *
 * - `hold`: the account is not billed until the cause is mended. It is told as a warning of a seller that bears it, of an
 *   account for which it was waived, and beside another hold.
 * - `warning`: the account is billed.
 * - `failure`: a defect ended the account.
 * - `waived`: an operator may let the hold pass for one account and close, and this is what it is billed by then. All others
 *   are mended at their cause. An answer that is the account's instead of the entity's is never let pass: nothing was
 *   measured.
 * - `ofVendor`: about the report API, whichever account brings it, so it is told once on the close: in the words given here,
 *   or in its own.
 */
interface Explained {
  readonly severity: 'hold' | 'warning' | 'failure';
  readonly remedy: string;
  readonly waived?: string;
  readonly ofVendor?: true | string;
}

/** What is the same for several codes. */
const hold = <Remedy extends string>(remedy: Remedy) => ({ severity: 'hold', remedy }) as const;
const warning = <Remedy extends string>(remedy: Remedy) => ({ severity: 'warning', remedy }) as const;
const waivable = <Remedy extends string>(remedy: Remedy, waived: string) =>
  ({ severity: 'hold', remedy, waived }) as const;

const SILENT_API = hold('find out why the report API does not answer, then retry');
const NO_API = hold('set report_api.base_url and report_api.api_key of the seller, then retry');
const KEY_REFUSED = hold(
  "set report_api.api_key of the seller or report_api_key of the account to a key that may read it, check the account's external_id, then retry",
);
const NOT_THE_API = hold(
  'check report_api.base_url of the seller and show the vendor the answer that was kept, then retry',
);
const WRONG_VALUES = hold('the vendor must mend the values it reports; then retry');
const OTHER_ANSWER = hold(
  'retry once; if it comes again, mend the dialect of the seller or ask the vendor, for the answer is to another question',
);
const TAX_MISSING = hold(
  "mend the account's taxes, so that one of each name and category holds on the last day of the line, or name the tax in a new version of the plan; then retry",
);
const STOPPED = hold('retry: workers were stopped in the middle time and again');
const CONTRADICTS_ITSELF = hold(
  'ask the developers: what is stored contradicts itself, and no invoice may follow from that',
);
const IMPOSSIBLE = hold('retry; if it comes again, ask the developers');
const AS_REPORTED = 'every series is billed as it was reported';
const REPORTS_DISAGREE = waivable('the vendor must say which of its reports is right; then retry', AS_REPORTED);
const OPEN_QUESTION = {
  ...waivable(
    'find the answer with meterline probe, which writes the dialect of the seller; then retry',
    'the dialect is taken as it is set',
  ),
  ofVendor: true,
} as const;
const LATE_REPORTS = 'retry later, for reports come late';
const OTHER_ID_FORM = {
  ...warning("set id_json of the dialect, or the account's external_id, if that was not meant"),
  ofVendor: true,
} as const;
const REVIEW = warning('review it as any other draft');
const ONLY_SHOWN = warning('nothing: it is only told of what is shown, never of what is billed');

export const CODES = {
  period_not_billable: hold('nothing: the account is tried again by itself once its own month has ended and settled'),
  edge_inside_bucket: hold('set edge_policy to own_by_start on the seller or the account, then retry'),
  document_incomplete: hold('fill in what is missing on the seller or the account, then retry'),
  document_unprintable: hold(
    'write the text in letters that the typefaces have; where it is a charge of a published plan, subscribe the account to a plan whose names can be printed; then retry',
  ),
  e_invoice_incomplete: hold(
    'fill in the members on the account (those below /seller on the seller), or set e_invoice.profile of the account to null; then retry',
  ),
  e_invoice_impossible: hold(
    "mend the account's taxes or the texts that the message names, or set e_invoice.profile of the account to null, for the PDF alone; then retry",
  ),
  place_of_supply_unclear: hold(
    'mend the members that the message names on the account (those below /seller on the seller), or say gst.place_of_supply of the account; then retry',
  ),
  taxes_contradict_place_of_supply: hold(
    "mend the account's taxes, or its tax_id or gst where it is them that are wrong; or leave its taxes empty and set gst.rate of the seller, from which they follow; then retry",
  ),
  unknown_time_zone: hold('set time_zone of the account to a name of the IANA database, then retry'),
  inputs_changed: hold('retry: the account is drafted anew; look at the new draft before you issue it'),
  already_billed: hold('void the invoice that stands, then retry the account by name'),
  currency_differs: hold('subscribe the account to a plan in its currency, then retry'),
  inexact_result: hold('publish a version of the plan with shorter numbers, then retry'),
  tax_category_unmatched: TAX_MISSING,
  ambiguous_taxes: TAX_MISSING,
  tax_name_unmatched: hold("add a tax of the name that the charge has to the account's taxes, then retry"),
  tax_rate_contradicts_category: hold(
    "mend the account's taxes: a category fixes its rate, S above 0 and every other at 0; then retry",
  ),
  no_version_in_force: hold('publish a version of the plan that is in force, or move the subscription, then retry'),
  overlapping_subscriptions: CONTRADICTS_ITSELF,
  unknown_advance: CONTRADICTS_ITSELF,
  advance_not_billed: hold(
    "void the next month's invoice too, retry, then bill the next month anew: it counts a fee as billed in advance by this one",
  ),

  report_api_unavailable: SILENT_API,
  report_api_timeout: SILENT_API,
  report_api_rate_limited: hold('retry later, and ask the vendor for a higher limit if it comes again'),
  report_api_untrusted: hold("mend the report API's TLS certificate or the trust store of the workers, then retry"),
  report_api_address_refused: hold(
    "give the seller's report_api.base_url a public address over HTTPS, or name the address in OUTBOUND_ALLOW, then retry",
  ),
  report_api_unconfigured: NO_API,
  report_api_key_missing: NO_API,
  secret_does_not_open: hold('send the key of the report API again (PATCH the seller or the account), then retry'),
  api_key_refused: KEY_REFUSED,
  account_forbidden: KEY_REFUSED,
  entity_not_askable: hold('correct the value of the entity, then retry'),
  filter_logic_or: hold(
    'bill by the account alone, or have the vendor mend its filters; run meterline probe then, and retry',
  ),
  invalid_configuration: hold('set report_api.base_url of the seller to a plain http(s) address, then retry'),
  invalid_request: IMPOSSIBLE,
  pull_aborted: STOPPED,
  client_closed: STOPPED,
  redirect_refused: NOT_THE_API,
  unexpected_status: NOT_THE_API,
  not_json_content: NOT_THE_API,
  unsupported_encoding: NOT_THE_API,
  body_too_large: NOT_THE_API,
  malformed_json: NOT_THE_API,
  duplicate_json_key: NOT_THE_API,
  schema_mismatch: NOT_THE_API,
  value_not_a_number: WRONG_VALUES,
  value_negative: WRONG_VALUES,
  value_out_of_range: WRONG_VALUES,
  time_exceeds_bucket: WRONG_VALUES,
  rate_exceeds_line_rate: WRONG_VALUES,
  min_avg_max_disordered: WRONG_VALUES,
  duplicate_bucket_differs: WRONG_VALUES,
  echo_missing: OTHER_ANSWER,
  echo_mismatch: OTHER_ANSWER,
  echo_unexpected: OTHER_ANSWER,
  series_set_differs: OTHER_ANSWER,
  offset_differs: OTHER_ANSWER,
  off_grid: OTHER_ANSWER,
  beyond_margin: OTHER_ANSWER,

  usage_missing: hold('check the entity, end it by date if it was not active, or ask the vendor; then retry'),
  missing_buckets: waivable(LATE_REPORTS, 'what nobody reported counts 0'),
  coverage_too_low: waivable(LATE_REPORTS, 'the measure is taken over what was reported'),
  no_samples: waivable(
    'correct the id of the site, end it by date if it is gone, else ask the vendor; then retry',
    'a site without any sample counts 0',
  ),
  samples_implausible: waivable(
    'retry later; if it comes again, the vendor must say why its samples are fewer than its maxima and bytes show',
    'samples that were lost are missing like any others, as the charge says',
  ),
  no_entities: hold('register one, or move the account to a plan without that charge; then retry'),
  grid_too_coarse: IMPOSSIBLE,
  not_rated: IMPOSSIBLE,
  unregistered_usage: waivable(
    'register the entities that are missing, then retry',
    'what belongs to no registered entity is billed by the account alone, or not at all',
  ),
  entities_exceed_account: waivable(
    'see whether an entity is registered twice or belongs to another account, else ask the vendor; then retry',
    AS_REPORTED,
  ),
  filter_suspect: hold('ask the vendor, set filter_logic in the dialect of the seller, then retry'),
  rates_disagree_with_bytes: REPORTS_DISAGREE,
  day_differs_from_hours: REPORTS_DISAGREE,
  label_unproven: OPEN_QUESTION,
  filter_logic_unproven: OPEN_QUESTION,
  rate_unit_unproven: OPEN_QUESTION,
  rate_scope_unknown: OPEN_QUESTION,
  rates_look_rounded: { ...OPEN_QUESTION, waived: 'rates are billed as they were reported' },
  usage_owned_by_another_period: CONTRADICTS_ITSELF,
  usage_not_conserved: CONTRADICTS_ITSELF,

  drift: warning('look at previous and difference of the account before you issue it'),
  waived: warning('nothing: it is on the certificate'),
  late_usage: REVIEW,
  billed_anew: REVIEW,
  samples_exceed_bytes: {
    ...warning('run meterline probe'),
    ofVendor:
      'rates × 300 s exceed the bytes: rates are averages over the seconds with traffic and are billed as reported; run the ' +
      'dialect probe',
  },
  samples_unexplained: warning('ask the vendor for the samples that are missing'),
  duplicate_bucket: warning('tell the vendor if it goes on'),
  percentile_not_ascending: { ...warning('tell the vendor'), ofVendor: true },
  echo_type_differs: OTHER_ID_FORM,
  account_id_form_unusual: OTHER_ID_FORM,
  range_not_ended: ONLY_SHOWN,
  segment_not_begun: ONLY_SHOWN,
  now_window_unexpected: ONLY_SHOWN,
  now_clock_differs: ONLY_SHOWN,
  document_altered: warning('restore it from a backup: docs/operations.md, Altered documents'),

  attempts_used_up: {
    severity: 'failure',
    remedy: "find out from the workers' logs what its usage does to them, then retry",
  },
} as const satisfies Readonly<Record<string, Explained>>;

/** A code of the table. */
export type Code = keyof typeof CODES;
/** What holds an account. */
export type HoldCode = { [C in Code]: (typeof CODES)[C]['severity'] extends 'hold' ? C : never }[Code];
/** What is never more than told. */
export type WarningCode = { [C in Code]: (typeof CODES)[C]['severity'] extends 'warning' ? C : never }[Code];
/** What an operator may let pass. */
export type WaivableCode = { [C in Code]: (typeof CODES)[C] extends { waived: string } ? C : never }[Code];
export type FailureCode = { [C in Code]: (typeof CODES)[C]['severity'] extends 'failure' ? C : never }[Code];

const explained = (code: string): Explained | undefined =>
  Object.hasOwn(CODES, code) ? CODES[code as Code] : undefined;

/** Whether a code is that of a hold. */
export function isHold(code: string): code is HoldCode {
  return explained(code)?.severity === 'hold';
}

/** Whether an operator may let a hold pass. */
export function isWaivable(code: string): code is WaivableCode {
  return explained(code)?.waived !== undefined;
}

/** The holds that an operator may let pass. */
export const WAIVABLE: readonly WaivableCode[] = (Object.keys(CODES) as Code[]).filter(isWaivable);

/** What an operator can do about an account that is held or failed for a reason: how it is mended, and whether it may be waived. */
export function remedyOf(code: string): string {
  const { remedy, waived } = explained(code) ?? UNEXPECTED;
  return waived === undefined ? remedy : `${remedy}; or waive it, then ${waived}`;
}

const UNEXPECTED: Pick<Explained, 'remedy' | 'waived'> = {
  remedy: "the error is in the workers' logs; retry, and if it comes again ask the developers",
};

/** The same of an account that is waiting. */
export const REMEDY_WHILE_WAITING =
  'nothing: the service tries the account again by itself; retry to have it tried at once';

/** A reason or a warning that a machine can branch on and a clerk can read. */
export interface Notice<C extends string = string> {
  readonly code: C;
  readonly message: string;
}

/** An account that a close may not bill yet, and why. */
export interface Held {
  readonly outcome: 'held';
  readonly reason: Notice<HoldCode>;
  /** What was known besides, further holds included. */
  readonly warnings: readonly Notice<Code>[];
  /** There where the cause passes by itself, so that the service may try again. */
  readonly passing?: { readonly leftAloneSeconds: number | undefined };
}

export function held(code: HoldCode, message: string, warnings: readonly Notice<Code>[] = []): Held {
  return { outcome: 'held', reason: { code, message }, warnings };
}

/** A notice without whatever else its source says of it. */
export function toNotice<C extends Code>({ code, message }: Notice<C>): Notice<C> {
  return { code, message };
}

/** Notices, each once. */
export function distinct<C extends string>(notices: readonly Notice<C>[]): Notice<C>[] {
  const seen = new Map(notices.map((notice) => [`${notice.code} ${notice.message}`, notice]));
  return [...seen.values()];
}

/** What a clerk reads beside an account that is billed with holds waived. */
export function waiverNotices(codes: readonly string[]): Notice<'waived'>[] {
  return codes.map((code) => ({
    code: 'waived',
    message: `${code} was waived: ${explained(code)?.waived ?? 'it is let pass'}`,
  }));
}

/**
 * Parts what is to be said of an account from what its usage tells about the vendor, which would be said of every account
 * alike and hide the rest: that is for the close to say once.
 */
export function partWarnings(told: readonly Notice<Code>[]): {
  warnings: readonly Notice<Code>[];
  vendorWarnings: readonly Notice<Code>[];
} {
  const ofVendor = ({ code }: Notice<Code>) => explained(code)?.ofVendor;
  return {
    warnings: told.filter((notice) => ofVendor(notice) === undefined),
    vendorWarnings: distinct(
      told.flatMap((notice) => {
        const words = ofVendor(notice);
        if (words === undefined) return [];
        return [{ code: notice.code, message: words === true ? notice.message : words }];
      }),
    ),
  };
}
