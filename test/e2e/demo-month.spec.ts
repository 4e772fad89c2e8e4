import { createHash } from 'node:crypto';
import { type DemoScene, demoScene } from '../../apps/standalone/src/demo-scene.js';
import {
  activeSeconds,
  amount,
  halfUp,
  nearestRank,
  quarterBytes,
  scaled,
  windowsOwned,
} from '../support/expected-usage.js';
import { settled, startService, type TestService } from '../support/service.js';

const SEED = 7;
const PERIOD = '2026-08';

interface Invoice {
  id: string;
  number: string;
  account: string;
  currency: string;
  net: string;
  tax: string;
  gross: string;
  payable: string;
  rounding: string;
  taxes: { name: string; amount: string }[];
  lines: { charge: string; amount: string; quantity: string }[];
  issued_at: string;
  pdf_sha256: string | null;
}

describe('a month of two sellers, from usage over HTTP to PDFs', () => {
  let service: TestService;
  let scene: DemoScene;
  const accounts = new Map<string, { number: number; seller: string }>();

  beforeAll(async () => {
    scene = demoScene(6);
    service = await startService({ fleet: scene.fleet, seed: SEED });
    for (const { seller, plan, accounts: scenes } of scene.sellers) {
      await service.rest.post('/v1/sellers', seller);
      await service.rest.post('/v1/tariff-plans', plan);
      await service.rest.post(`/v1/tariff-plans/${plan.code}/versions/1/publish`, {});
      for (const { account, entities, simulated } of scenes) {
        const { id } = await service.rest.post<{ id: string }>('/v1/accounts', account);
        await service.rest.put(`/v1/accounts/${id}/entities`, { entities });
        await service.rest.post('/v1/subscriptions', { account: id, plan: plan.code, starts_at: '2020-01-01' });
        accounts.set(id, { number: simulated.account, seller: seller.code });
      }
    }
  });

  afterAll(() => service.stop());

  it('bills sites in UTC exactly as the formula of the traffic says', async () => {
    const close = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'northwind',
      period: PERIOD,
      issue: 'automatic',
    });
    const done = await settled(service.rest, close.id);
    expect(done.counts).toMatchObject({ issued: 3, held: 0, failed: 0, empty: 0 });
    expect(await warningsOf(close.id)).toEqual([]);

    const invoices = await invoicesOf('northwind');
    expect(invoices).toHaveLength(3);
    for (const invoice of invoices) {
      const expected = siteBill(accounts.get(invoice.account)?.number ?? -1);
      expect({ account: invoice.account, charges: byCharge(invoice) }).toEqual({
        account: invoice.account,
        charges: expected.charges,
      });
      expect([invoice.net, invoice.tax, invoice.gross, invoice.payable]).toEqual([
        expected.net,
        expected.tax,
        expected.gross,
        expected.gross,
      ]);
    }
  });

  it('bills subscribers by months of Asia/Kolkata, over the hours that start in the month', async () => {
    const close = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'bharat',
      period: PERIOD,
      issue: 'automatic',
    });
    await settled(service.rest, close.id);
    expect(await warningsOf(close.id)).toEqual([]);
    const invoices = await invoicesOf('bharat');
    expect(invoices).toHaveLength(3);
    for (const invoice of invoices) {
      const expected = subscriberBill(accounts.get(invoice.account)?.number ?? -1);
      expect(byCharge(invoice)).toEqual(expected.charges);
      expect(invoice.taxes.map(({ name, amount: tax }) => [name, tax])).toEqual([
        ['CGST', expected.half],
        ['SGST', expected.half],
      ]);
      expect([invoice.net, invoice.gross, invoice.payable]).toEqual([expected.net, expected.gross, expected.payable]);
    }
  });

  it('numbers without gap, in time order, each seller for itself', async () => {
    for (const [seller, prefix] of [
      ['northwind', 'NW'],
      ['bharat', 'BM'],
    ] as const) {
      const invoices = (await invoicesOf(seller)).sort((a, b) => (a.number < b.number ? -1 : 1));
      expect(invoices.map(({ number }) => number.replace(/^([A-Z]+)-\d{4}-/, '$1 '))).toEqual([
        `${prefix} 000001`,
        `${prefix} 000002`,
        `${prefix} 000003`,
      ]);
      const stamps = invoices.map(({ issued_at }) => issued_at);
      expect([...stamps].sort()).toEqual(stamps);
    }
  });

  it('serves each PDF for ever with the hash it was stored under', async () => {
    for (const { id, number, pdf_sha256, payable } of [
      ...(await invoicesOf('northwind')),
      ...(await invoicesOf('bharat')),
    ]) {
      const first = await service.rest.bytes(`/v1/invoices/${id}/pdf`);
      const second = await service.rest.bytes(`/v1/invoices/${id}/pdf`);
      expect(first.equals(second)).toBe(true);
      expect(createHash('sha256').update(first).digest('hex')).toBe(pdf_sha256);
      expect(first.subarray(0, 5).toString()).toBe('%PDF-');
      expect([number, payable]).not.toContain(undefined);
    }
  });

  it('answers a repeated close with the same one and issues nothing twice, also when asked twice at once', async () => {
    const before = await invoicesOf('northwind');
    const again = await Promise.all(
      [1, 2].map(() =>
        service.rest.post<{ id: string }>('/v1/closes', { seller: 'northwind', period: PERIOD, issue: 'automatic' }),
      ),
    );
    expect(new Set(again.map(({ id }) => id)).size).toBe(1);
    await settled(service.rest, again[0]?.id ?? '');
    expect(await invoicesOf('northwind')).toEqual(before);
  });

  it('opens one close when a new period is asked for twice at once', async () => {
    const asked = await Promise.all(
      [1, 2, 3].map(() =>
        service.rest.post<{ id: string }>('/v1/closes', { seller: 'northwind', period: '2026-07', issue: 'automatic' }),
      ),
    );
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    const done = await settled(service.rest, asked[0]?.id ?? '');
    expect(done.counts.issued).toBe(3);
  });

  it('lets a dry run find the same lines and write nothing else', async () => {
    const dry = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'northwind',
      period: PERIOD,
      dry_run: true,
    });
    const done = await settled(service.rest, dry.id);
    expect(done.state).toBe('finished');
    const found = await service.rest.get<{ data: { account: string; lines: Invoice['lines'] }[] }>(
      `/v1/closes/${dry.id}/accounts`,
    );
    const billed = new Map((await invoicesOf('northwind')).map((invoice) => [invoice.account, invoice]));
    expect(found.data).toHaveLength(3);
    for (const { account, lines } of found.data) {
      expect(lines.map((line) => [line.charge, line.quantity, line.amount])).toEqual(
        billed.get(account)?.lines.map((line) => [line.charge, line.quantity, line.amount]),
      );
    }
    // A dry run never stands in for a real close of a period that has none.
    const early = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'bharat',
      period: '2026-07',
      dry_run: true,
    });
    await settled(service.rest, early.id);
    const real = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'bharat',
      period: '2026-07',
      issue: 'automatic',
    });
    expect(real.id).not.toBe(early.id);
    expect((await settled(service.rest, real.id)).counts.issued).toBe(3);
  });

  it('bills an account that was added later when the close is posted again', async () => {
    const late = demoScene(8).sellers[0]?.accounts[3];
    if (!late) throw new Error('the scene has no fourth site account');
    const { id } = await service.rest.post<{ id: string }>('/v1/accounts', {
      ...late.account,
      // Upstream it is the last of the fleet's accounts, which the other seller bills as well.
      external_id: scene.sellers[1]?.accounts[2]?.account.external_id,
    });
    await service.rest.post('/v1/tariff-plans', {
      code: 'edge-flat',
      name: 'Edge Flat',
      currency: 'USD',
      effective_from: '2020-01-01',
      charges: [{ code: 'platform', name: 'Platform fee', type: 'recurring', amount: '10.00' }],
    });
    await service.rest.post('/v1/tariff-plans/edge-flat/versions/1/publish', {});
    await service.rest.post('/v1/subscriptions', { account: id, plan: 'edge-flat', starts_at: '2020-01-01' });
    const close = await service.rest.post<{ id: string }>('/v1/closes', {
      seller: 'northwind',
      period: PERIOD,
      issue: 'automatic',
    });
    const done = await settled(service.rest, close.id);
    expect(done.counts.issued).toBe(4);
    const added = (await invoicesOf('northwind')).find((invoice) => invoice.account === id);
    expect([added?.net, added?.number.slice(-6)]).toEqual(['10.00', expect.stringMatching(/^\d{6}$/)]);
  });

  /** What is to be known of a close and of its accounts. */
  async function warningsOf(closeId: string): Promise<{ code: string }[]> {
    type Warned = { warnings: { code: string }[] };
    const close = await service.rest.get<Warned>(`/v1/closes/${closeId}`);
    const { data } = await service.rest.get<{ data: Warned[] }>(`/v1/closes/${closeId}/accounts`);
    expect(data).toHaveLength(3);
    return [close, ...data].flatMap(({ warnings }) => warnings);
  }

  async function invoicesOf(seller: string): Promise<Invoice[]> {
    const { data } = await service.rest.get<{ data: Invoice[] }>(
      `/v1/invoices?seller=${seller}&period=${PERIOD}&limit=200`,
    );
    return data;
  }

  function leavesOf(account: number): number[] {
    const perAccount = scene.fleet.sites * scene.fleet.subscribers;
    return Array.from({ length: perAccount }, (_, index) => account * perAccount + index);
  }

  /** Platform 99 + 40 a site; 20 GB free, 30 GB at 0.80, the rest at 0.50; 150 kbps at 0.90, above at 1.35; tax 10.25 %. */
  function siteBill(account: number) {
    const windows = windowsOwned(utc('2026-08-01T00:00:00Z'), utc('2026-09-01T00:00:00Z'), 86_400);
    const leaves = leavesOf(account);
    let quarters = 0n;
    for (const leaf of leaves) {
      for (const window of windows) {
        quarters += quarterBytes(leaf, window, 'up', SEED) + quarterBytes(leaf, window, 'down', SEED);
      }
    }
    const GB = 4_000_000_000n; // quarter bytes
    const billable = quarters > 20n * GB ? quarters - 20n * GB : 0n;
    const first = billable < 30n * GB ? billable : 30n * GB;
    const traffic = halfUp(first * 80n + (billable - first) * 50n, GB);

    const samples = windows.map((window) =>
      range(scene.fleet.sites).reduce((sum, site) => {
        const ofSite = leaves.slice(site * scene.fleet.subscribers, (site + 1) * scene.fleet.subscribers);
        const bytes = ofSite.reduce((all, leaf) => all + quarterBytes(leaf, window, 'down', SEED), 0n);
        // What the API prints is the double of bytes × 8 ÷ 10^6 ÷ active seconds, from left to right.
        const mbps = ((Number(bytes) / 4) * 8) / 1e6 / Number(activeSeconds(window));
        return sum + scaled(mbps);
      }, 0n),
    );
    const level = nearestRank(samples, 95); // 10^-30 Mbps = 10^-27 kbps
    const kbps = 10n ** 27n;
    const over = level > 150n * kbps ? level - 150n * kbps : 0n;
    const burst = halfUp(150n * kbps * 90n + over * 135n, kbps);

    const siteFee = 4_000n * BigInt(scene.fleet.sites);
    const net = 9_900n + siteFee + traffic + burst;
    const tax = halfUp(net * 1025n, 10_000n);
    return {
      charges: {
        platform: '99.00',
        'site-fee': amount(siteFee),
        traffic: amount(traffic),
        burst: amount(burst),
      },
      net: amount(net),
      tax: amount(tax),
      gross: amount(net + tax),
    };
  }

  /** 49 a SIM; started hours at 0.90 per SIM; 10 GB free, then 4.50 a GB; CGST and SGST 9 % each; payable in rupees. */
  function subscriberBill(account: number) {
    // August begins at 18:30 UTC of 31 July in India: the first hour bucket that starts in it is 19:00.
    const windows = windowsOwned(utc('2026-07-31T18:30:00Z'), utc('2026-08-31T18:30:00Z'), 3_600);
    const leaves = leavesOf(account);
    const seconds = windows.reduce((sum, window) => sum + activeSeconds(window), 0n);
    const hours = (seconds + 3_599n) / 3_600n;
    const airtime = hours * 90n * BigInt(leaves.length);
    let quarters = 0n;
    for (const leaf of leaves) {
      for (const window of windows) {
        quarters += quarterBytes(leaf, window, 'up', SEED) + quarterBytes(leaf, window, 'down', SEED);
      }
    }
    const GB = 4_000_000_000n;
    const data = halfUp((quarters - 10n * GB) * 450n, GB);
    const sim = 4_900n * BigInt(leaves.length);
    const net = sim + airtime + data;
    const half = halfUp(net * 9n, 100n);
    const gross = net + 2n * half;
    return {
      charges: { sim: amount(sim), airtime: amount(airtime), data: amount(data) },
      net: amount(net),
      half: amount(half),
      gross: amount(gross),
      payable: amount(halfUp(gross, 100n) * 100n),
    };
  }
});

function byCharge({ lines }: Invoice): Record<string, string> {
  const totals = new Map<string, bigint>();
  for (const { charge, amount: text } of lines) {
    totals.set(charge, (totals.get(charge) ?? 0n) + BigInt(text.replace('.', '')));
  }
  return Object.fromEntries([...totals].map(([charge, minor]) => [charge, amount(minor)]));
}

function utc(stamp: string): number {
  return Date.parse(stamp) / 1000;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
