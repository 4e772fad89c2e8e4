import { type Catalogue, isRefusal, type Refusal, secretKeySchema } from '#persistence';
import {
  createAccount,
  createSeller,
  type NewAccount,
  type NewSeller,
  publishTariffPlan,
  replaceEntities,
  saveDraftPlan,
  subscribe,
} from '#persistence/catalogue';
import { parseTariffPlan } from '#rating';

export const SECRET_KEY = secretKeySchema.parse('5e'.repeat(32));

const ADDRESS = {
  line1: '1 Test Street',
  line2: null,
  city: 'Testville',
  region: null,
  postal_code: '10000',
  country: 'US',
};

/** The value of a result that must not be a refusal. */
export function granted<T>(result: T | Refusal): T {
  if (isRefusal(result)) throw new Error(`refused: ${result.code}: ${result.message}`);
  return result;
}

export async function makeSeller(database: Catalogue, of: Partial<NewSeller> & { code: string }): Promise<string> {
  const seller: NewSeller = {
    name: `Seller ${of.code}`,
    country: 'US',
    currency: 'USD',
    time_zone: 'UTC',
    tax_id: 'US-1',
    address: ADDRESS,
    email: null,
    invoice_prefix: 'INV',
    number_format: '{prefix}-{year}-{sequence}',
    fiscal_year_start: 1,
    number_start: 1,
    rounding: 'half_up',
    payable_rounding: 'none',
    payment_terms_days: 30,
    settle_hours: 0,
    edge_policy: 'own_by_start',
    bank: null,
    language: null,
    contact: null,
    registration: null,
    e_invoice: null,
    branding: null,
    gst: null,
    report_api: { base_url: null, dialect: null, strict: false, api_key: null },
    settings: { corrections: 'propose' },
    ...of,
  };
  return granted(await createSeller(database, 'test', seller, SECRET_KEY)).id;
}

/** Publishes a plan document as its next version. */
export async function makePlan(
  database: Catalogue,
  document: { code: string } & Record<string, unknown>,
): Promise<void> {
  const parsed = parseTariffPlan(document);
  if (parsed.outcome !== 'valid') throw new Error(JSON.stringify(parsed.errors));
  const { version } = granted(await saveDraftPlan(database, 'test', parsed.plan));
  granted(await publishTariffPlan(database, 'test', document.code, version));
}

/** An account with its entities, subscribed to a plan since 2020 unless told otherwise. */
export async function makeAccount(
  database: Catalogue,
  of: Partial<NewAccount> & { seller: string; external_id: string },
  plan: string | null,
  entities: readonly { dimension: 'customer_site_id' | 'msisdn' | 'imsi'; value: string; name?: string | null }[] = [],
): Promise<string> {
  const account: NewAccount = {
    name: `Account ${of.external_id}`,
    currency: null,
    time_zone: null,
    address: ADDRESS,
    tax_id: null,
    email: null,
    taxes: [],
    payment_terms_days: null,
    edge_policy: null,
    language: null,
    registration: null,
    e_invoice: null,
    gst: null,
    report_api_key: null,
    ...of,
  };
  const { id } = granted(await createAccount(database, 'test', account, SECRET_KEY));
  if (entities.length > 0) {
    const registered = entities.map((entity) => ({ name: null, active_from: null, active_until: null, ...entity }));
    granted(await replaceEntities(database, 'test', id, registered));
  }
  if (plan !== null) {
    granted(await subscribe(database, 'test', { account: id, plan, starts_at: '2020-01-01', ends_at: null }));
  }
  return id;
}

/** A plan of these charges, in force since 2020. */
export function planOf<T extends object[]>(code: string, ...charges: T) {
  return { code, name: `Plan ${code}`, currency: 'USD', effective_from: '2020-01-01', charges };
}

/** A charge on what a measure comes to, at a price a unit. */
export function usageCharge(code: string, measure: object, unit_price = '1.00') {
  return { code, name: code, type: 'usage', measure, price: { model: 'per_unit', unit_price } };
}

/** The 95th percentile of bandwidth; direction, unit and, where there are several sites, what is ranked are still to be said. */
export const PERCENTILE_95 = {
  metric: 'bandwidth',
  aggregation: 'percentile',
  percentile: '95',
  missing: 'zero',
};

/** A plan that charges a fee and nothing else: closing it asks the report API for nothing. */
export function feePlan(code: string, amount: string, currency = 'USD') {
  return { ...planOf(code, { code: 'fee', name: 'Fee', type: 'recurring', amount }), currency };
}

/** A plan that charges every GB of the account. */
export function trafficPlan(code: string) {
  return planOf(code, {
    ...usageCharge('traffic', { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' }),
    name: 'Data transfer',
  });
}
