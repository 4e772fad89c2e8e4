import { WAIVABLE } from './waivers.js';

/** What mends the cause of a hold, by the codes that it is the same for. `docs/operations.md` says more of each. */
const MENDS: readonly (readonly [mend: string, codes: readonly string[]])[] = [
  ['nothing: the account is tried again by itself once its own month has ended and settled', ['period_not_billable']],
  ['set edge_policy to own_by_start on the seller or the account, then retry', ['edge_inside_bucket']],
  ['fill in what is missing on the seller or the account, then retry', ['document_incomplete']],
  [
    'write the text in letters that the typefaces have; where it is a charge of a published plan, subscribe the account to a plan whose names can be printed; then retry',
    ['document_unprintable'],
  ],
  ['retry: the account is drafted anew; look at the new draft before you issue it', ['inputs_changed']],
  ['set time_zone of the account to a name of the IANA database, then retry', ['unknown_time_zone']],
  ['void the invoice that stands, then retry the account by name', ['already_billed']],
  ['subscribe the account to a plan in its currency, then retry', ['currency_differs']],
  ['publish a version of the plan with shorter numbers, then retry', ['inexact_result']],
  [
    "mend the account's taxes, so that one of each name and category holds on the last day of the line, or name the tax in a new version of the plan; then retry",
    ['tax_category_unmatched', 'ambiguous_taxes'],
  ],
  ["add a tax of the name that the charge has to the account's taxes, then retry", ['tax_name_unmatched']],
  [
    "mend the account's taxes: a category fixes its rate, S above 0 and every other at 0; then retry",
    ['tax_rate_contradicts_category'],
  ],
  ['publish a version of the plan that is in force, or move the subscription, then retry', ['no_version_in_force']],
  [
    "void the next month's invoice too, retry, then bill the next month anew: it counts a fee as billed in advance by this one",
    ['advance_not_billed'],
  ],
  ['find out why the report API does not answer, then retry', ['report_api_unavailable', 'report_api_timeout']],
  ['retry later, and ask the vendor for a higher limit if it comes again', ['report_api_rate_limited']],
  ["mend the report API's TLS certificate or the trust store of the workers, then retry", ['report_api_untrusted']],
  [
    "give the seller's report_api.base_url a public address over HTTPS, or name the address in OUTBOUND_ALLOW, then retry",
    ['report_api_address_refused'],
  ],
  [
    'set report_api.base_url and report_api.api_key of the seller, then retry',
    ['report_api_unconfigured', 'report_api_key_missing'],
  ],
  ['send the key of the report API again (PATCH the seller or the account), then retry', ['secret_does_not_open']],
  [
    "set report_api.api_key of the seller or report_api_key of the account to a key that may read it, check the account's external_id, then retry",
    ['api_key_refused', 'account_forbidden'],
  ],
  ['correct the value of the entity, then retry', ['entity_not_askable']],
  ['set report_api.base_url of the seller to a plain http(s) address, then retry', ['invalid_configuration']],
  [
    'check report_api.base_url of the seller and show the vendor the answer that was kept, then retry',
    [
      ...['redirect_refused', 'unexpected_status', 'not_json_content', 'unsupported_encoding', 'body_too_large'],
      ...['malformed_json', 'duplicate_json_key', 'schema_mismatch'],
    ],
  ],
  [
    'the vendor must mend the values it reports; then retry',
    [
      ...['value_not_a_number', 'value_negative', 'value_out_of_range', 'time_exceeds_bucket'],
      ...['rate_exceeds_line_rate', 'min_avg_max_disordered', 'duplicate_bucket_differs'],
    ],
  ],
  [
    'retry once; if it comes again, mend the dialect of the seller or ask the vendor, for the answer is to another question',
    [
      ...['echo_missing', 'echo_mismatch', 'echo_unexpected', 'series_set_differs', 'offset_differs'],
      ...['off_grid', 'beyond_margin'],
    ],
  ],
  ['check the entity, end it by date if it was not active, or ask the vendor; then retry', ['usage_missing']],
  ['retry later, for reports come late', ['missing_buckets', 'coverage_too_low']],
  ['correct the id of the site, end it by date if it is gone, else ask the vendor; then retry', ['no_samples']],
  [
    'retry later; if it comes again, the vendor must say why its samples are fewer than its maxima and bytes show',
    ['samples_implausible'],
  ],
  [
    'bill by the account alone, or have the vendor mend its filters; run npm run dialect-probe then, and retry',
    ['filter_logic_or'],
  ],
  ['register one, or move the account to a plan without that charge; then retry', ['no_entities']],
  ['register the entities that are missing, then retry', ['unregistered_usage']],
  [
    'see whether an entity is registered twice or belongs to another account, else ask the vendor; then retry',
    ['entities_exceed_account'],
  ],
  [
    'the vendor must say which of its reports is right; then retry',
    ['rates_disagree_with_bytes', 'day_differs_from_hours'],
  ],
  ['ask the vendor, set filter_logic in the dialect of the seller, then retry', ['filter_suspect']],
  [
    'find the answer with npm run dialect-probe, which writes the dialect of the seller; then retry',
    ['label_unproven', 'filter_logic_unproven', 'rate_unit_unproven', 'rate_scope_unknown', 'rates_look_rounded'],
  ],
  ['retry: workers were stopped in the middle time and again', ['pull_aborted', 'client_closed']],
  ["find out from the workers' logs what its usage does to them, then retry", ['attempts_used_up']],
  [
    'ask the developers: what is stored contradicts itself, and no invoice may follow from that',
    ['overlapping_subscriptions', 'unknown_advance', 'usage_owned_by_another_period', 'usage_not_conserved'],
  ],
  ['retry; if it comes again, ask the developers', ['grid_too_coarse', 'invalid_request', 'not_rated']],
];

const MEND_OF = new Map(MENDS.flatMap(([mend, codes]) => codes.map((code) => [code, mend] as const)));

/** The codes that a way out of their own is known for. */
export const CODES_WITH_A_WAY_OUT: readonly string[] = [...MEND_OF.keys()];

/** The same of an account that is waiting. */
export const WAIT_WAY_OUT = 'nothing: the service tries the account again by itself; retry to have it tried at once';

/** What a clerk can do about an account that is held or failed for a reason: how it is mended, and whether it may be waived. */
export function wayOut(code: string): string {
  const mend =
    MEND_OF.get(code) ?? "the error is in the workers' logs; retry, and if it comes again ask the developers";
  const effect = WAIVABLE[code];
  return effect === undefined ? mend : `${mend}; or waive it, then ${effect}`;
}
