import { pathToFileURL } from 'node:url';
import { performance } from 'node:perf_hooks';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { monthPeriod, toStamp } from '../dist/libs/calendar/src/index.js';
import { totalsOf } from '../dist/libs/invoicing/src/index.js';
import { parseTariffPlan, presumedAdvances, rate, segmentsOf } from '../dist/libs/rating/src/index.js';
import { cpuOfOne } from './recorder.mjs';
import { plainPage } from './plain-page.mjs';

/** What drawing an invoice costs: `npm run bench:pdf`. */
const options = new Command('bench:pdf')
  .description(
    'Draws invoices on this thread and prints the CPU that one costs, beside a plain pdfkit page in Helvetica drawn in turn ' +
      'with them. Every invoice has figures, names and sites of its own.',
  )
  .option('--rounds <n>', 'rounds; the figures are medians over them', count, 9)
  .option('--invoices <n>', 'invoices of each kind in a round', count, 60)
  .option('--lines <n,n…>', 'sizes of the invoices', counts, [4, 6, 40])
  .option('--large <n,n…>', 'sizes that are drawn once, for what grows with a document', counts, [1_000, 10_000])
  .option('--beside <layout-invoice.js>', 'the same file of another build, measured in turn with this one')
  .parse()
  .opts();

const { layoutInvoice } = await import('../dist/libs/invoice-pdf/src/layout-invoice.js');
const other = options.beside && (await import(pathToFileURL(options.beside).href)).layoutInvoice;
const contenders = { 'this build': layoutInvoice, ...(other && { 'the other build': other }) };

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
let drawn = 0;
const started = performance.now();
await layoutInvoice(invoiceOf(4, 0));
const firstMs = performance.now() - started;
print(await small(), await large());

/** One round after the other, in each of them every contender in turn with every size. */
async function small() {
  const cells = new Map();
  const note = (key, value) => cells.set(key, [...(cells.get(key) ?? []), value]);
  for (let round = -2; round < options.rounds; round += 1) {
    const page = await cpuOfOne(plainPage, options.invoices);
    if (round >= 0) note('a plain page of pdfkit', { cpu: page, times: 1 });
    for (const lines of options.lines) {
      const documents = Array.from({ length: options.invoices }, () => invoiceOf(lines, ++drawn));
      for (const [name, layout] of Object.entries(contenders)) {
        let next = 0;
        let bytes = 0;
        const cpu = await cpuOfOne(async () => {
          bytes += (await layout(documents[next++])).pdf.length;
        }, documents.length);
        if (round >= 0) note(`${lines} lines, ${name}`, { cpu, times: cpu / page, bytes: bytes / documents.length });
      }
    }
  }
  return cells;
}

async function large() {
  const rows = [];
  for (const lines of options.large) {
    for (const [name, layout] of Object.entries(contenders)) {
      const document = invoiceOf(lines, ++drawn);
      const before = process.cpuUsage();
      const { pdf } = await layout(document);
      const { user, system } = process.cpuUsage(before);
      rows.push({ name: `${lines} lines, ${name}`, cpu: (user + system) / 1_000, lines, bytes: pdf.length });
    }
  }
  return rows;
}

/** An issued invoice of a line for a fee, a line for volume and a line for each of its sites. */
function invoiceOf(lines, seed) {
  const period = monthPeriod('2026-10', 'Europe/Berlin');
  const name = nameOf(seed);
  const account = { dimension: 'account', value: `acct-${seed}` };
  const entities = Array.from({ length: Math.max(0, lines - 2) }, (_, index) => ({
    dimension: 'customer_site_id',
    value: `site-${seed}-${index}`,
    name: `${nameOf(seed * 31 + index)} yard`,
    activeFrom: '2026-01-01',
    activeUntil: null,
  }));
  const currency = 'EUR';
  const parsed = parseTariffPlan({
    ...{ code: 'edge', name: 'Edge Business', currency, effective_from: '2026-01-01' },
    charges: [
      { code: 'platform', name: 'Platform fee', type: 'recurring', amount: '499.00' },
      {
        ...{ code: 'traffic', name: 'Data transfer', type: 'usage', included: '500' },
        measure: { metric: 'bytes', direction: 'total', per: 'account', unit: 'GB' },
        price: {
          model: 'graduated',
          tiers: [
            { up_to: '1000', unit_price: '0.08' },
            { up_to: null, unit_price: '0.05' },
          ],
        },
      },
      {
        ...{ code: 'burst', name: '95th percentile bandwidth', type: 'usage' },
        measure: {
          ...{ metric: 'bandwidth', aggregation: 'percentile', percentile: '95', per: 'customer_site_id' },
          ...{ direction: 'uplink', missing: 'zero', unit: 'Mbps' },
        },
        price: { model: 'commit_burst', commit: '5', commit_unit_price: '2.00', burst_unit_price: '3.00' },
      },
    ].slice(0, entities.length > 0 ? 3 : 2),
  });
  if (parsed.outcome === 'invalid') throw new Error(JSON.stringify(parsed.errors));
  const versions = [
    { code: 'edge', version: 1, effectiveFrom: '2026-01-01', plan: parsed.plan, sha256: 'ab'.repeat(32) },
  ];
  const terms = { period, versions, subscriptions: [{ planCode: 'edge', startDate: '2026-01-01', endDate: null }] };
  const rated = rate({
    ...{ currency, rounding: 'half_up', period, account, entities, usage: [] },
    segments: segmentsOf(terms),
    advances: presumedAdvances({ ...terms, entities }),
    quantities: [
      { metric: 'bytes', quantity: `${1_500_000_000_000 + seed * 7_919_331}` },
      ...entities.map(({ dimension, value }, index) => ({
        ...{ metric: 'bandwidth', direction: 'uplink', entity: { dimension, value } },
        quantity: `${((seed + index) % 97) + 1}.${10 + ((seed * 7 + index) % 90)}`,
      })),
    ],
  });
  if (rated.outcome !== 'rated') throw new Error(JSON.stringify(rated));
  const numbered = rated.lines.map((line, index) => ({ ...line, position: index + 1 }));
  const taxes = [{ name: 'VAT', category: 'S', rate: '19' }];
  const address = {
    line1: `Ring ${seed}`,
    line2: null,
    city: 'Graz',
    region: null,
    postal_code: '8010',
    country: 'AT',
  };
  return {
    ...{
      kind: 'invoice',
      status: 'issued',
      currency,
      revision: 1,
      payment_terms_days: 30,
      layout_version: 1,
      corrects: null,
    },
    ...{
      id: `0198f0a4-0000-7000-8000-${String(seed).padStart(12, '0')}`,
      number: `INV-2026-${String(seed).padStart(6, '0')}`,
    },
    ...{ issued_at: '2026-11-04T09:30:00Z', issue_date: '2026-11-04', due_date: '2026-12-04' },
    ...{
      inputs_hash: '4be93a5d'.repeat(8),
      dialect_sha256: 'cd'.repeat(32),
      seller: 'northwind',
      account: account.value,
    },
    supplier: {
      ...{
        reference: 'northwind',
        name: 'Northwind Transit Inc.',
        tax_id: '91-1144442',
        email: 'billing@northwind.example',
      },
      address: {
        ...{ line1: '1201 Third Avenue', line2: 'Suite 2200', city: 'Seattle', region: 'WA' },
        ...{ postal_code: '98101', country: 'US' },
      },
      bank: { iban: 'DE89370400440532013000', bic: 'COBADEFFXXX' },
    },
    customer: {
      reference: account.value,
      name: `${name} GmbH`,
      address,
      tax_id: `ATU${seed}`,
      email: `ap@c${seed}.example`,
    },
    period: {
      ...{ label: period.label, start: toStamp(period.start), end: toStamp(period.end), measured: null },
      ...{ start_date: period.startDate, end_date: period.endDate, time_zone: period.timeZone },
    },
    lines: numbered,
    ...totalsOf(numbered, taxes, { currency, rounding: 'half_up', payableRounding: 'none' }),
    notes: ['Bandwidth is billed as reported: averages over the seconds with traffic in each 5 minutes.'],
  };
}

/** A word that hardly any other invoice has. */
function nameOf(seed) {
  let rest = (seed * 2_654_435_761) % 2 ** 32;
  let name = '';
  for (let letter = 0; letter < 7; letter += 1) {
    name += LETTERS[rest % LETTERS.length];
    rest = Math.floor(rest / LETTERS.length) + letter * 97;
  }
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function print(cells, rows) {
  const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const right = [null, 'right', 'right', 'right'];
  const table = new Table({ head: ['', 'CPU ms', '× a plain page', 'kB'], colAligns: right, style: { head: [] } });
  for (const [name, values] of cells) {
    const of = (member) => median(values.map((value) => value[member]));
    const { bytes } = values[0];
    table.push([name, of('cpu').toFixed(2), of('times').toFixed(2), bytes ? (bytes / 1_000).toFixed(1) : '']);
  }
  const long = new Table({ head: ['', 'CPU ms', 'ms a line', 'kB'], colAligns: right, style: { head: [] } });
  for (const { name, cpu, lines, bytes } of rows) {
    long.push([name, cpu.toFixed(0), (cpu / lines).toFixed(3), (bytes / 1_000).toFixed(0)]);
  }
  const used = `${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB resident at the end`;
  process.stdout.write(`${table}\n${long}\nThe first invoice of the process took ${firstMs.toFixed(0)} ms. ${used}.\n`);
}

function counts(text) {
  return text.split(',').map(count);
}

function count(text) {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('a whole number above 0');
  return number;
}
