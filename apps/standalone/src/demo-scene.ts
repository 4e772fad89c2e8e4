import { accountId, customerSiteId, type Fleet, msisdnOf } from '../../report-simulator/src/index.js';

/** What the demo creates over REST: plain request bodies, as a newcomer would send them. */
export interface DemoScene {
  readonly fleet: Fleet;
  readonly sellers: readonly SellerScene[];
}

export interface SellerScene {
  readonly seller: { code: string } & Record<string, unknown>;
  readonly plan: { code: string } & Record<string, unknown>;
  readonly accounts: readonly AccountScene[];
}

export interface AccountScene {
  readonly account: { external_id: string; name: string } & Record<string, unknown>;
  readonly entities: readonly { dimension: string; value: string; name: string }[];
  /** What it uses, by the simulator's numbers: account, and its sites or subscribers. */
  readonly simulated: { readonly account: number };
}

const SITES = 2;
const SUBSCRIBERS = 2;

/**
 * Two sellers that have little in common: one bills sites in dollars by UTC months, traffic in tiers and the 95th
 * percentile with a commit; the other bills subscribers in rupees by months of Asia/Kolkata, with CGST and SGST.
 */
export function demoScene(accounts: number): DemoScene {
  const dollars = Math.ceil(accounts / 2);
  const fleet: Fleet = { accounts, sites: SITES, subscribers: SUBSCRIBERS };
  return {
    fleet,
    sellers: [
      {
        seller: northwind,
        plan: edgePlan,
        accounts: range(0, dollars).map((number) => siteAccount(fleet, number)),
      },
      {
        seller: bharat,
        plan: mobilePlan,
        accounts: range(dollars, accounts).map((number) => subscriberAccount(fleet, number)),
      },
    ],
  };
}

/**
 * What the documentation of the report API leaves open, as it is in the simulator: what `meterline probe` would find.
 */
const SIMULATED_DIALECT = {
  filter_logic: 'and',
  scope: 'all_ues',
  proven: { label: true, unit: true },
};

const northwind = {
  code: 'northwind',
  name: 'Northwind Edge Networks, Inc.',
  country: 'US',
  currency: 'USD',
  time_zone: 'UTC',
  tax_id: 'US 84-1234567',
  address: {
    line1: '1200 Harbor Avenue SW',
    line2: 'Suite 400',
    city: 'Seattle',
    region: 'WA',
    postal_code: '98126',
    country: 'US',
  },
  email: 'billing@northwind.example',
  invoice_prefix: 'NW',
  settle_hours: 0,
  report_api: { dialect: SIMULATED_DIALECT },
};

const edgePlan = {
  code: 'edge-business',
  name: 'Edge Business',
  currency: 'USD',
  effective_from: '2020-01-01',
  charges: [
    { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '99.00' },
    { code: 'site-fee', name: 'Site fee', type: 'recurring', amount: '40.00', per: 'customer_site_id' },
    {
      code: 'traffic',
      name: 'Data transfer',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
      included: '20',
      price: {
        model: 'graduated',
        tiers: [
          { up_to: '30', unit_price: '0.80' },
          { up_to: null, unit_price: '0.50' },
        ],
      },
    },
    {
      code: 'burst',
      name: '95th percentile bandwidth',
      type: 'usage',
      measure: {
        metric: 'bandwidth',
        aggregation: 'percentile',
        percentile: '95',
        direction: 'percentile_of_greater',
        sites: 'pooled',
        missing: 'zero',
        unit: 'kbps',
      },
      price: { model: 'commit_burst', commit: '150', commit_unit_price: '0.90', burst_unit_price: '1.35' },
    },
  ],
};

const bharat = {
  code: 'bharat',
  name: 'Bharat Mobile Data Pvt. Ltd.',
  country: 'IN',
  currency: 'INR',
  time_zone: 'Asia/Kolkata',
  tax_id: '27AAPFU0939F1ZV',
  address: {
    line1: '4th Floor, Nariman Bhavan',
    city: 'Mumbai',
    region: 'Maharashtra',
    postal_code: '400021',
    country: 'IN',
  },
  email: 'accounts@bharat.example',
  invoice_prefix: 'BM',
  fiscal_year_start: 4,
  payable_rounding: '1',
  payment_terms_days: 15,
  settle_hours: 0,
  report_api: { dialect: SIMULATED_DIALECT },
};

const mobilePlan = {
  code: 'field-mobile',
  name: 'Field Mobile',
  currency: 'INR',
  effective_from: '2020-01-01',
  charges: [
    { code: 'sim', name: 'SIM rental', type: 'recurring', amount: '49.00', per: 'msisdn', commodity_code: '998422' },
    {
      code: 'airtime',
      name: 'Connected time',
      type: 'usage',
      measure: { metric: 'time', per: 'msisdn', unit: 'hour', round: { to: '1', mode: 'up' } },
      price: { model: 'per_unit', unit_price: '0.90' },
      commodity_code: '998422',
    },
    {
      code: 'data',
      name: 'Mobile data',
      type: 'usage',
      measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
      included: '10',
      price: { model: 'per_unit', unit_price: '4.50' },
      commodity_code: '998422',
    },
  ],
};

// The accounts share the country of their seller; names and towns are made up.
const NAMES = ['Aldgate', 'Birch', 'Cobalt', 'Dunmore', 'Everly', 'Fenwick', 'Garnet', 'Hollis', 'Ivory', 'Juniper'];
const TRADES = ['Logistics', 'Retail', 'Clinics', 'Foods', 'Energy', 'Media', 'Hotels'];

function nameOf(number: number): string {
  return `${NAMES[number % NAMES.length]} ${TRADES[number % TRADES.length]}`;
}

function siteAccount(fleet: Fleet, number: number): AccountScene {
  return {
    simulated: { account: number },
    account: {
      seller: northwind.code,
      external_id: accountId(number),
      name: `${nameOf(number)} LLC`,
      currency: 'USD',
      time_zone: 'UTC',
      address: {
        line1: `${100 + number} Main Street`,
        city: 'Portland',
        region: 'OR',
        postal_code: '97201',
        country: 'US',
      },
      email: `ap${number}@customer.example`,
      taxes: [{ name: 'WA sales tax', category: 'S', rate: '10.25' }],
    },
    entities: range(0, fleet.sites).map((site) => ({
      dimension: 'customer_site_id',
      value: customerSiteId(fleet, number, site),
      name: site === 0 ? 'Headquarters' : `Branch ${site}`,
    })),
  };
}

function subscriberAccount(fleet: Fleet, number: number): AccountScene {
  const perAccount = fleet.sites * fleet.subscribers;
  return {
    simulated: { account: number },
    account: {
      seller: bharat.code,
      external_id: accountId(number),
      name: `${nameOf(number)} Pvt. Ltd.`,
      currency: 'INR',
      time_zone: 'Asia/Kolkata',
      tax_id: '27AABCU9603R1ZN',
      address: {
        line1: `${number} MG Road`,
        city: 'Pune',
        region: 'Maharashtra',
        postal_code: '411001',
        country: 'IN',
      },
      email: `ap${number}@customer.example`,
      taxes: [
        { name: 'CGST', category: 'S', rate: '9' },
        { name: 'SGST', category: 'S', rate: '9' },
      ],
    },
    entities: range(0, perAccount).map((subscriber) => ({
      dimension: 'msisdn',
      value: msisdnOf(number * perAccount + subscriber),
      name: `SIM ${subscriber + 1}`,
    })),
  };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
