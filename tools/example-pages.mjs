import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monthPeriod, toStamp } from '../dist/libs/calendar/src/index.js';
import { createInvoiceRenderer } from '../dist/libs/invoice-pdf/src/index.js';
import { totalsOf } from '../dist/libs/invoicing/src/index.js';
import { parseTariffPlan, presumedAdvances, rate, segmentsOf } from '../dist/libs/rating/src/index.js';

/**
 * Writes the pages that the documentation shows: `npm run build && node tools/example-pages.mjs <folder>`. Two invoices of an
 * October, rated and drawn by the service's own rooms from usage that follows a rule: three sites with pictures of their usage, and
 * three hundred with an annex.
 */
const [folder = '.'] = process.argv.slice(2);

const PERIOD = monthPeriod('2026-10', 'Europe/Berlin');
const ACCOUNT = { dimension: 'account', value: 'acct-48213' };
const SECONDS = { SLOT: 300, HOUR: 3_600 };

/** Traffic of a working day by share of the day, less at weekends, with something of chance that is always the same. */
function load(index, grid, salt) {
  const perDay = 86_400 / SECONDS[grid];
  const day = Math.floor(index / perDay);
  const hour = (index % perDay) / perDay;
  const weekend = (day + 3) % 7 >= 5 ? 0.45 : 1;
  const noise = ((index * 7_919 + salt * 104_729) % 1_009) / 1_009;
  const peak = (index * 31 + salt * 17) % 97 === 0 ? 2 : 1;
  return (0.35 + 0.65 * Math.max(0, Math.sin((hour - 0.25) * 2 * Math.PI))) * weekend * (0.75 + 0.5 * noise) * peak;
}

function series(metric, grid, { dimension, value }, of) {
  const firstStart = Math.ceil(PERIOD.start / SECONDS[grid]) * SECONDS[grid];
  const count = Math.ceil((PERIOD.end - firstStart) / SECONDS[grid]);
  const values = Array.from({ length: count }, (_, index) => of(index));
  const owned = { start: PERIOD.start, end: PERIOD.end };
  return { entity: { dimension, value }, metric, grid, owned, firstStart, values };
}

const sites = (count) =>
  Array.from({ length: count }, (_, index) => ({
    dimension: 'customer_site_id',
    value: `site-${String(index + 1).padStart(4, '0')}`,
    name: `${['Hamburg', 'Lübeck', 'Kiel', 'Bremen', 'Rostock'][index % 5]} ${Math.floor(index / 5) + 1}`,
    activeFrom: '2026-01-01',
    activeUntil: null,
  }));

const BANDWIDTH = { metric: 'bandwidth', aggregation: 'percentile', percentile: '95', missing: 'zero', unit: 'Mbps' };
const TRAFFIC = {
  ...{ code: 'traffic', name: 'Data transfer', type: 'usage', included: '500' },
  measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
  price: {
    model: 'graduated',
    tiers: [
      { up_to: '1000', unit_price: '0.08' },
      { up_to: null, unit_price: '0.05' },
    ],
  },
};

function withPictures() {
  const entities = sites(3);
  const usage = [
    ...entities.flatMap((site, index) =>
      ['uplink_bandwidth', 'downlink_bandwidth'].map((metric, way) =>
        series(metric, 'SLOT', site, (slot) => (load(slot, 'SLOT', index + way) * (40 + 60 * way)).toFixed(2)),
      ),
    ),
    series('uplink_bytes', 'HOUR', ACCOUNT, (hour) => String(Math.round(load(hour, 'HOUR', 5) * 2e9))),
    series('downlink_bytes', 'HOUR', ACCOUNT, (hour) => String(Math.round(load(hour, 'HOUR', 6) * 6e9))),
  ];
  const burst = {
    ...{ code: 'burst', name: '95th percentile bandwidth, all sites together', type: 'usage' },
    measure: { ...BANDWIDTH, direction: 'percentile_of_greater', sites: 'pooled' },
    price: { model: 'commit_burst', commit: '200', commit_unit_price: '4.00', burst_unit_price: '6.50' },
  };
  return documentOf({ entities, usage, charges: [TRAFFIC, burst] });
}

function withAnnex() {
  const entities = sites(300);
  const charges = [
    { code: 'site-fee', name: 'Site fee', type: 'recurring', amount: '40.00', per: 'customer_site_id' },
    {
      ...{ code: 'port', name: '95th percentile bandwidth', type: 'usage' },
      measure: { ...BANDWIDTH, direction: 'uplink', per: 'customer_site_id' },
      price: { model: 'commit_burst', commit: '5', commit_unit_price: '2.00', burst_unit_price: '3.00' },
    },
    { ...TRAFFIC, included: '5', measure: { ...TRAFFIC.measure, per: 'customer_site_id' } },
  ];
  const quantities = entities.flatMap(({ dimension, value }, index) => [
    {
      ...{ metric: 'bandwidth', direction: 'uplink', entity: { dimension, value } },
      quantity: `${((index * 7) % 23) + 1}.${10 + ((index * 13) % 90)}`,
    },
    { metric: 'bytes', entity: { dimension, value }, quantity: `${((index * 37) % 97) + 3}${index % 10}00000000` },
  ]);
  return documentOf({ entities, usage: [], quantities, charges });
}

function documentOf({ entities, usage, quantities, charges }) {
  const currency = 'EUR';
  const parsed = parseTariffPlan({ code: 'edge', name: 'Edge', currency, effective_from: '2026-01-01', charges });
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.errors));
  const versions = [
    { code: 'edge', version: 1, effectiveFrom: '2026-01-01', plan: parsed.plan, sha256: 'ab'.repeat(32) },
  ];
  const subscriptions = [{ planCode: 'edge', startDate: '2026-01-01', endDate: null }];
  const terms = { period: PERIOD, versions, subscriptions };
  const rated = rate({
    ...{ currency, rounding: 'half_up', period: PERIOD, account: ACCOUNT, entities, usage, quantities, charts: true },
    segments: segmentsOf(terms),
    advances: presumedAdvances({ ...terms, entities }),
  });
  if (rated.outcome === 'held') throw new Error(JSON.stringify(rated.reasons));
  const lines = rated.lines.map((line, index) => ({ ...line, position: index + 1 }));
  const taxes = [{ name: 'VAT', category: 'S', rate: '19' }];
  const { label, start, end, startDate, endDate, timeZone } = PERIOD;
  const party = (reference, name, line1, postal_code, city, tax_id) => ({
    ...{ reference, name, tax_id, email: `billing@${reference}.example` },
    address: { line1, line2: null, city, region: null, postal_code, country: 'DE' },
  });
  return {
    ...{ kind: 'invoice', status: 'issued', id: '0198f0a4-0000-7000-8000-000000000001', number: 'INV-2026-000042' },
    ...{ issued_at: '2026-11-04T09:30:00Z', issue_date: '2026-11-04', due_date: '2026-12-04', corrects: null },
    ...{
      seller: 'northwind',
      account: ACCOUNT.value,
      currency,
      revision: 1,
      payment_terms_days: 30,
      layout_version: 4,
    },
    ...{ inputs_hash: '4be93a5d'.repeat(8), dialect_sha256: null, notes: [] },
    supplier: {
      ...party('northwind', 'Northwind Transit GmbH', 'Kaistraße 7', '20457', 'Hamburg', 'DE123456788'),
      bank: { iban: 'DE89370400440532013000', bic: 'COBADEFFXXX' },
    },
    customer: party(ACCOUNT.value, 'Hafenlogistik Nord AG', 'Speicherweg 12', '24103', 'Kiel', 'DE136695976'),
    period: {
      ...{ label, start: toStamp(start), end: toStamp(end), measured: null },
      ...{ start_date: startDate, end_date: endDate, time_zone: timeZone },
    },
    lines,
    ...totalsOf(lines, taxes, { currency, rounding: 'half_up', payableRounding: 'none' }),
  };
}

const renderer = createInvoiceRenderer();
for (const [name, document] of Object.entries({ pictures: withPictures(), annex: withAnnex() })) {
  const { pdf } = await renderer.render(document);
  writeFileSync(join(folder, `${name}.pdf`), pdf);
}
await renderer.close();
