import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import {
  accountId,
  activePercentile,
  customerSiteId,
  usageOfDays,
  utcDays,
} from '../../apps/report-simulator/src/index.js';
import { unpackChart } from '#metering';
import { withoutCharts } from '#rating';
import { RestClient } from '../../apps/cli/src/index.js';
import { documentSha256, listAuditEvents } from '#persistence';
import { listInvoices, loadInvoiceEvidence } from '#persistence/documents';
import { invoiceEvidence, verifyInvoice } from '#proof';
import { makeAccount, makePlan, makeSeller, PERCENTILE_95, planOf, usageCharge } from '../support/catalogue.js';
import { type Closing, startClosing } from '../support/closing.js';
import { settled, startService, type TestService } from '../support/service.js';

const PERIOD = '2026-08';
const FLEET = { accounts: 300, sites: 1, subscribers: 1 };
/** The 95th percentile of August of this account changes when its late usage shows. */
const LEAF = 27;
const VAT = [{ name: 'VAT', category: 'S' as const, rate: '19' }];

const PLAN = {
  ...planOf(
    'plan',
    { code: 'platform', name: 'Platform', type: 'recurring', amount: '10.00' },
    {
      ...usageCharge('traffic', { metric: 'bytes', unit: 'MB' }),
      included: '1',
      price: {
        model: 'graduated',
        tiers: [
          { up_to: '2', unit_price: '0.08' },
          { up_to: null, unit_price: '0.05' },
        ],
      },
    },
    usageCharge('burst', { ...PERCENTILE_95, direction: 'downlink', unit: 'kbps' }, '100.00'),
  ),
  discounts: [{ type: 'percentage', value: '10', applies_to: ['traffic'] }],
};

type Path = (string | number)[];

/** Paths to every text and number below a value. */
function leaves(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return value === null ? [] : [path];
  const members = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return members.flatMap(([member, below]) => leaves(below, [...path, member]));
}

/** A copy with another value at the path. */
function tampered<T>(of: T, path: Path): T {
  const copy = structuredClone(of);
  let parent = copy as Record<string | number, unknown>;
  for (const member of path.slice(0, -1)) parent = parent[member] as typeof parent;
  const last = path.at(-1) ?? '';
  const value = parent[last];
  // Another digit where there is one, so that amounts stay amounts.
  if (typeof value === 'string') {
    parent[last] = /\d/.test(value)
      ? value.replace(/\d(?=\D*$)/, (digit) => `${(Number(digit) + 1) % 10}`)
      : `${value}x`;
  } else if (typeof value === 'number') parent[last] = value + 1;
  else parent[last] = !value;
  return copy;
}

const named = (path: Path) =>
  path
    .reduce<string>((text, member) => (typeof member === 'number' ? `${text}[${member}]` : `${text}.${member}`), '')
    .slice(1);

describe('the evidence of a document', () => {
  let closing: Closing;
  beforeAll(async () => {
    closing = await startClosing({ fleet: FLEET, seed: 7, layoutVersion: 4 });
    await makeSeller(closing.database, { code: 'acme' });
    await makePlan(closing.database, PLAN);
    const of = { seller: 'acme', external_id: accountId(LEAF), taxes: VAT };
    const site = { dimension: 'customer_site_id' as const, value: customerSiteId(FLEET, LEAF, 0) };
    await makeAccount(closing.database, of, 'plan', [site]);
    const accounts = await closing.run('acme', PERIOD);
    expect(accounts.map(({ state }) => state)).toEqual(['issued']);
  });
  afterAll(() => closing.stop());

  async function evidenceOf(position: number) {
    const documents = await listInvoices(closing.database, { limit: 10 });
    const loaded = await loadInvoiceEvidence(closing.database, documents[position]?.id ?? '');
    if (!loaded) throw new Error('there is no such document');
    // As it is downloaded.
    return JSON.parse(JSON.stringify(invoiceEvidence(loaded))) as ReturnType<typeof invoiceEvidence>;
  }
  const verdict = (evidence: object) => verifyInvoice(JSON.stringify(evidence));

  it('recomputes it off-line, from the usage', async () => {
    const evidence = await evidenceOf(0);
    expect(evidence.document.lines.map(({ charge }) => charge)).toEqual(['platform', 'traffic', 'burst', 'discount:1']);
    expect(verdict(evidence)).toEqual({
      outcome: 'valid',
      number: 'INV-2026-000001',
      document_sha256: documentSha256(evidence.document),
      recomputed_from: 'usage',
      renditions: [],
    });
  });

  it('carries what pictures of its usage are drawn from, as the closed forms of the simulator have it', async () => {
    const { document, usage } = await evidenceOf(0);
    const evidenceIn = (charge: string) => {
      const basis = document.lines.find((line) => line.charge === charge)?.derivation.basis;
      return basis?.kind === 'usage' ? basis.evidence : null;
    };
    const [traffic, burst] = [evidenceIn('traffic'), evidenceIn('burst')];
    if (traffic?.metric !== 'bytes' || burst?.metric !== 'bandwidth') throw new Error('no evidence');

    const unit = BigInt(traffic.days?.unit ?? '');
    const quarters = Array.from({ length: 31 }, (_, day) => {
      const august = utcDays(`${PERIOD}-${String(day + 1).padStart(2, '0')}`, 1);
      return usageOfDays({ firstLeaf: LEAF, leaves: 1 }, august, { seed: 7 });
    });
    const drawnAs = (bytes: readonly bigint[]) => bytes.map((each) => Number(each / 4n / unit));
    expect(unpackChart(traffic.days?.uplink ?? '')).toEqual(
      drawnAs(quarters.map(({ uplinkQuarterBytes }) => uplinkQuarterBytes)),
    );
    const downlink = drawnAs(quarters.map(({ downlinkQuarterBytes }) => downlinkQuarterBytes));
    expect(unpackChart(traffic.days?.downlink ?? '')).toEqual(downlink);
    expect(Math.max(...downlink)).toBeGreaterThan(1_600);

    // Samples as whole numbers of 10^-30, rounded half up by hand.
    const scaled = (text: string) => {
      const [whole = '', fraction = ''] = text.split('.');
      return BigInt(whole + fraction.padEnd(30, '0'));
    };
    const [part] = burst.parts;
    const chart = part?.chart;
    const step = scaled(chart?.unit ?? '');
    const inUnits = (value: bigint) => Number((2n * value + step) / (2n * step));
    const samples = (usage.find(({ metric }) => metric === 'downlink_bandwidth')?.series?.values ?? []).map((value) =>
      scaled(value ?? '0'),
    );
    expect(samples).toHaveLength(8_928);
    const columns = Array.from({ length: 124 }, (_, column) =>
      samples.slice(72 * column, 72 * (column + 1)).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
    );
    expect(unpackChart(chart?.lowest ?? '')).toEqual(columns.map((own) => inUnits(own[0] ?? 0n)));
    expect(unpackChart(chart?.highest ?? '')).toEqual(columns.map((own) => inUnits(own.at(-1) ?? 0n)));
    const billed = activePercentile(LEAF, 'downlink', utcDays(`${PERIOD}-01`, 31), '95', { seed: 7 });
    expect(unpackChart(chart?.ranked ?? '')[47]).toBe(inUnits(scaled(part?.billed.value ?? '')));
    expect(Number(part?.billed.value)).toBe(billed);
    expect(JSON.stringify(chart).length + JSON.stringify(traffic.days).length).toBeLessThan(1_000);
  });

  it('recomputes what is drawn, and documents of earlier layouts without it', async () => {
    const evidence = await evidenceOf(0);
    const stripped = (layout: number) => {
      const { document } = evidence;
      const bare = { ...document, layout_version: layout, lines: document.lines.map(withoutCharts) };
      return { ...evidence, document: bare, document_sha256: documentSha256(bare) };
    };
    expect(verdict(stripped(3))).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
    expect(verdict(stripped(4))).toMatchObject({
      outcome: 'invalid',
      path: 'document.lines[1].derivation.basis.evidence.days',
    });
    const path = ['document', 'lines', 2, 'derivation', 'basis', 'evidence', 'parts', 0, 'chart', 'ranked'];
    const changed = tampered(evidence, path);
    expect(verdict({ ...changed, document_sha256: documentSha256(changed.document) })).toMatchObject({
      outcome: 'invalid',
      path: named(path),
    });
  });

  it('names any member of the document that was changed, also when its hash was made to fit', async () => {
    const evidence = await evidenceOf(0);
    const paths = leaves(evidence.document);
    expect(paths.length).toBeGreaterThan(150);
    for (const path of paths) {
      const changed = tampered(evidence, ['document', ...path]);
      const seen = verdict(changed);
      expect([named(path), seen.outcome]).toEqual([named(path), 'invalid']);
      if (
        /^(lines\[\d+\]\.(amount|quantity|unrounded_amount|description)|taxes|net|tax|gross|payable)/.test(named(path))
      ) {
        expect(seen).toMatchObject({ path: named(['document', ...path]) });
        expect(verdict({ ...changed, document_sha256: documentSha256(changed.document) })).toEqual(seen);
      }
    }
  });

  it('names the plan, the usage or the fact that was changed', async () => {
    const evidence = await evidenceOf(0);
    const plan = evidence.facts.versions[0]?.document;
    for (const path of leaves(plan)) {
      const changed = tampered(evidence, ['facts', 'versions', 0, 'document', ...path]);
      expect(verdict(changed)).toMatchObject({ outcome: 'invalid', path: 'facts.versions[0].document' });
    }
    for (const [position, { series }] of evidence.usage.entries()) {
      const count = series?.values.length ?? 0;
      for (const slot of [0, count >> 1, count - 1]) {
        const changed = tampered(evidence, ['usage', position, 'series', 'values', slot]);
        expect(verdict(changed)).toMatchObject({ outcome: 'invalid', path: `usage[${position}].series.values` });
      }
    }
    for (const path of leaves({ account: evidence.facts.account, subscriptions: evidence.facts.subscriptions })) {
      const changed = tampered(evidence, ['facts', ...path]);
      expect(verdict(changed)).toMatchObject({ outcome: 'invalid', path: named(['facts', ...path]) });
    }
    // A price that was changed together with every hash that is not on the document.
    const forged = tampered(evidence, ['facts', 'versions', 0, 'document', 'charges', 0, 'amount']);
    const sha256 = documentSha256(forged.facts.versions[0]?.document);
    for (const { versions } of [forged.facts, forged.inputs as typeof forged.facts])
      Object.assign(versions[0] ?? {}, { sha256 });
    expect(verdict(forged)).toMatchObject({ outcome: 'invalid', path: 'document.lines[0].amount' });
  });

  it('is refused when it is no evidence', () => {
    for (const text of ['', '{', 'null', '[]', '{"format":"other"}', '{"format":"meterline.invoice-evidence.1"}']) {
      expect(verifyInvoice(text)).toMatchObject({ outcome: 'invalid' });
    }
  });

  it('of a document whose single values are no longer kept still proves lines and totals', async () => {
    const evidence = await evidenceOf(0);
    const bare = { ...evidence, usage: evidence.usage.map((each) => ({ ...each, series: null })) };
    expect(verdict(bare)).toMatchObject({ outcome: 'valid', recomputed_from: 'derivations' });
    for (const path of [
      ...leaves(evidence.document.lines).filter((each) => each.at(-1) === 'amount' && each.length === 2),
    ]) {
      expect(verdict(tampered(bare, ['document', 'lines', ...path]))).toMatchObject({
        path: named(['document', 'lines', ...path]),
      });
    }
  });

  it('of a note recomputes rerated − billed, line by line; of a void, the taking back', async () => {
    const before = await evidenceOf(0);
    closing.simulator.setFaults([{ fault: 'late_correction' }]);
    const proposed = await closing.closes.corrections.confirm(before.document.id);
    if (proposed.outcome !== 'proposed') throw new Error(proposed.outcome);
    expect((await closing.closes.corrections.issue(proposed.correction, 'test')).outcome).toBe('issued');
    const note = await evidenceOf(1);
    expect(note.document.lines.length).toBeGreaterThan(0);
    expect(verdict(note)).toMatchObject({ outcome: 'valid', recomputed_from: 'usage' });
    const cents = (text = '') => BigInt(text.replace('.', ''));
    for (const [position, { amount, correction }] of note.document.lines.entries()) {
      expect(cents(amount)).toBe(cents(correction?.rerated) - cents(correction?.billed));
      for (const member of ['amount', 'correction'] as const) {
        const path: Path = ['document', 'lines', position, member, ...(member === 'correction' ? ['billed'] : [])];
        expect(verdict(tampered(note, path))).toMatchObject({ outcome: 'invalid', path: named(path) });
      }
    }
    expect(verdict(tampered(note, ['earlier', 0, 'lines', 0, 'amount']))).toMatchObject({ path: 'earlier[0]' });
    // The first document is computed from the usage of its time.
    expect(verdict(await evidenceOf(0))).toEqual(verdict(before));

    const voided = await closing.closes.corrections.voidInvoice(before.document.id, { actor: 'test', reason: 'test' });
    expect(voided.outcome).toBe('issued');
    const undone = await evidenceOf(2);
    expect(verdict(undone)).toMatchObject({ outcome: 'valid' });
    expect(verdict(tampered(undone, ['document', 'lines', 0, 'amount']))).toMatchObject({
      path: 'document.lines[0].amount',
    });
  });
});

describe('GET /v1/invoices/{id}/evidence', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService({ fleet: FLEET, seed: 7 });
  });
  afterAll(() => service.stop());

  it('serves a file to audit keys that the command verifies, and audits the download', async () => {
    const { database, rest, url } = service;
    await makeSeller(database, { code: 'acme' });
    await makePlan(database, PLAN);
    const site = { dimension: 'customer_site_id' as const, value: customerSiteId(FLEET, LEAF, 0) };
    const account = await makeAccount(database, { seller: 'acme', external_id: accountId(LEAF) }, 'plan', [site]);
    const close = await rest.post<{ id: string }>('/v1/closes', { seller: 'acme', period: PERIOD, issue: 'automatic' });
    await settled(rest, close.id);
    const [invoice] = await listInvoices(database, { limit: 1 });
    const read = await rest.get<{
      lines: { charge: string; alternatives?: { directions: { direction: string; amount: string }[] } }[];
    }>(`/v1/closes/${close.id}/accounts/${account}`);
    const told = new Map(read.lines.map(({ charge, alternatives }) => [charge, alternatives]));
    const billed = invoice?.lines.find(({ charge }) => charge === 'burst')?.amount;
    expect(told.get('burst')?.directions).toHaveLength(5);
    expect(told.get('burst')?.directions.find(({ direction }) => direction === 'downlink')?.amount).toBe(billed);
    expect(told.get('platform')).toBeUndefined();
    const path = `/v1/invoices/${invoice?.id}/evidence`;
    const keyed = async (body: object) => {
      const { key } = await rest.post<{ key: string }>('/v1/api-keys', { name: 'k', ...body });
      return new RestClient(url, key);
    };
    await expect((await keyed({ scopes: ['close'] })).bytes(path)).rejects.toMatchObject({ status: 403 });
    const stranger = await makeAccount(database, { seller: 'acme', external_id: accountId(1) }, null);
    await expect((await keyed({ scopes: ['read'], account: stranger })).bytes(path)).rejects.toMatchObject({
      status: 404,
    });
    const bytes = await (await keyed({ scopes: ['audit'] })).bytes(path);
    expect(await (await keyed({ scopes: ['read'], account })).bytes(path)).toEqual(bytes);
    const { data } = await listAuditEvents(database, {}, { limit: 200 });
    expect(data.filter(({ action }) => action === 'invoice.downloaded')).toMatchObject([
      { subject: `invoice:${invoice?.id}`, data: { kind: 'evidence' } },
      { subject: `invoice:${invoice?.id}`, data: { kind: 'evidence' } },
    ]);

    const folder = await mkdtemp(join(tmpdir(), 'meterline-evidence-'));
    try {
      const file = join(folder, 'evidence.json');
      await writeFile(file, bytes);
      const command = (...args: string[]) =>
        promisify(execFile)(process.execPath, [
          '-C',
          'source',
          '--import',
          resolve('test/support/run-source.mjs'),
          resolve('apps/cli/src/main.ts'),
          ...['verify', 'invoice'],
          ...args,
        ]);
      expect((await command(file)).stdout).toContain('INV-2026-000001 follows from its usage');
      const evidence = JSON.parse(bytes.toString('utf8')) as object;
      await writeFile(file, JSON.stringify(tampered(evidence, ['document', 'lines', 1, 'amount'])));
      await expect(command(file)).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('document.lines[1].amount: ') as string,
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
