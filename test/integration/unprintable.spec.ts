import { Closes, type ClosesOptions } from '#close';
import { createInvoiceRenderer, type InvoiceRenderer } from '#invoice-pdf';
import { type Catalogue, isRefusal } from '#persistence';
import { updateAccount, updateSeller } from '#persistence/catalogue';
import { listInvoices } from '#persistence/documents';
import { findCorrection, listCloseAccounts, listCorrections } from '#persistence/closes';
import { accountId, customerSiteId } from '../../apps/report-simulator/src/index.js';
import { BYTES_PLAN, makeBytesAccount } from '../support/billed-bytes.js';
import {
  feePlan,
  granted,
  makeAccount,
  makePlan,
  makeSeller,
  planOf,
  SECRET_KEY,
  usageCharge,
} from '../support/catalogue.js';
import { BLANK_PAGES, type Closing, endOf, startClosing } from '../support/closing.js';

const PERIOD = '2026-08';
const FLEET = { accounts: 300, sites: 1, subscribers: 1 };
// Cuneiform and Mongolian: no typeface of the service has them.
const URUK = '\u{12000}\u{12001} Ltd';

/** Nothing gets a number that no typeface can write: neither new documents nor drafts and proposals of an earlier version. */
describe('a text that cannot be printed', () => {
  let closing: Closing;
  let database: Catalogue;
  let renderer: InvoiceRenderer;
  let seller: string;

  beforeAll(async () => {
    renderer = createInvoiceRenderer();
    closing = await startClosing({ fleet: FLEET, seed: 7 });
    ({ database } = closing);
    await makePlan(database, feePlan('fee', '10.00'));
  });
  afterAll(async () => {
    await closing.stop();
    await renderer.close();
  });

  /** The seller of one test, with numbers of its own. */
  const sells = (code: string) => {
    seller = code;
    return makeSeller(database, { code });
  };
  const account = (external_id: string, over: object = {}, plan = 'fee') =>
    makeAccount(database, { seller, external_id, ...over }, plan);

  /** A process that closes with a renderer; `BLANK_PAGES` looks at no text, as versions before did. */
  function processWith(drawing: ClosesOptions['renderer']) {
    const jobs: { closeId: string; batch: number }[] = [];
    const closes = closing.another({ renderer: drawing, enqueue: async (added) => void jobs.push(...added) });
    const work = async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) await closes.work(job);
    };
    return {
      closes,
      async open(over: Partial<Parameters<Closes['desk']['open']>[0]> = {}) {
        const opened = await closes.desk.open({
          ...{ seller, period: PERIOD, kind: 'regular', dryRun: false, issue: 'automatic', actor: 'test' },
          ...over,
        } as const);
        if (opened.outcome !== 'opened') throw new Error(opened.message);
        await work();
        return opened.id;
      },
      async issue(closeId: string) {
        await closes.desk.release(closeId);
        await work();
      },
      async retry(closeId: string) {
        await closes.desk.retry(closeId);
        await work();
      },
    };
  }
  const accountsOf = async (closeId: string) =>
    (await listCloseAccounts(database, closeId, { limit: 100 })).sort((a, b) =>
      a.external_id < b.external_id ? -1 : 1,
    );
  const ends = async (closeId: string) => (await accountsOf(closeId)).map(endOf);
  const numbers = async () => (await listInvoices(database, { seller, limit: 100 })).map(({ number }) => number);
  const seriesBegun = () =>
    database.$queryRaw`SELECT kind FROM number_series n JOIN seller s ON s.id = n.seller_id WHERE s.code = ${seller}`;

  it('holds its account by member and code point, takes no number, and lets it pass once it is written anew', async () => {
    await sells('one');
    const { open, retry } = processWith(renderer);
    const id = await account('a', { name: URUK });
    const dry = await open({ dryRun: true });
    expect(await ends(dry)).toEqual(['held document_unprintable']);
    const close = await open();
    const [held] = await accountsOf(close);
    expect(held?.reason?.code).toBe('document_unprintable');
    expect(held?.reason?.message).toContain('U+12000 U+12001 of /customer/name');
    expect(await seriesBegun()).toEqual([]);

    granted(await updateAccount(database, 'test', id, { name: 'Uruk Ltd' }, SECRET_KEY));
    await retry(close);
    expect(await ends(close)).toEqual(['issued']);
    expect(await numbers()).toEqual(['INV-2026-000001']);
  });

  it('is found wherever it stands, and keeps none of the others', async () => {
    await sells('everywhere');
    const { open } = processWith(renderer);
    const address = {
      line1: 'Straße 1',
      line2: null,
      city: '\u{12002}',
      region: null,
      postal_code: '1',
      country: 'CN',
    };
    const tax = { name: '\u{12003}', category: 'S' as const, rate: '13' };
    const exempt = { name: 'VAT', category: 'E' as const, rate: '0', exemption_reason: '\u{12004}' };
    await makePlan(database, planOf('monthly', { code: 'rent', name: '\u{12005}', type: 'recurring', amount: '1.00' }));
    await account('a', { name: 'Zażółć Ελλάδα Київ हिमालय 東京 서울 עברית مصر ไทย \u{1f680}' });
    await account('b', { address });
    await account('c', {}, 'monthly');
    await account('d', { taxes: [tax] });
    await account('e', { taxes: [exempt] });
    await account('f', { name: 'Rocket \u{12006}' });
    await account('g', { email: 'ü@\u{12007}.jp' });
    const perSite = { metric: 'bytes', per: 'customer_site_id', unit: 'B' };
    await makePlan(database, planOf('by-site', usageCharge('traffic', perSite)));
    const site = { dimension: 'customer_site_id' as const, value: customerSiteId(FLEET, 0, 0), name: 'ᠮᠣᠩᠭᠣᠯ' };
    await makeAccount(database, { seller, external_id: accountId(0) }, 'by-site', [site]);
    await account('ᠮᠣ', { name: 'Mongol' });
    const close = await open();
    const told = (await accountsOf(close)).map(({ state, reason }) => reason?.message.split(';')[0] ?? state);
    expect(told).toEqual([
      'no typeface has U+182E U+1823 U+1829 U+182D U+182F of /lines/0/entity/name',
      'issued',
      'no typeface has U+12002 of /customer/address/city',
      'no typeface has U+12005 of /lines/0/description',
      'no typeface has U+12003 of /taxes/0/name',
      expect.stringContaining('U+12004 of /taxes/0/exemption_reason'),
      'no typeface has U+12006 of /customer/name',
      'no typeface has U+12007 of /customer/email',
      'no typeface has U+182E U+1823 of /customer/reference',
    ]);
    expect(await numbers()).toEqual(['INV-2026-000001']);

    granted(await updateSeller(database, 'test', seller, { name: '\u{12000}' }, SECRET_KEY));
    const next = await open({ period: '2026-09' });
    expect(new Set(await ends(next))).toEqual(new Set(['held document_unprintable']));
    expect(await numbers()).toHaveLength(1);
  });

  it('holds a draft that an earlier version made, also once it is released', async () => {
    await sells('drafts');
    const earlier = processWith(BLANK_PAGES);
    await account('a', { name: URUK });
    await account('b');
    const close = await earlier.open({ issue: 'after_review' });
    expect(await ends(close)).toEqual(['drafted', 'drafted']);
    await processWith(renderer).issue(close);
    expect(await ends(close)).toEqual(['held document_unprintable', 'issued']);
    expect(await numbers()).toEqual(['INV-2026-000001']);
  });

  it('on an invoice of an earlier version is printed by code point, and the invoice is taken back and billed anew', async () => {
    await sells('earlier');
    const id = await account('a', { name: URUK });
    const close = await processWith({
      ...BLANK_PAGES,
      render: () => Promise.reject(Object.assign(new Error('no glyph'), { code: 'glyph_missing', retryable: false })),
    })
      .open()
      .catch(() => undefined);
    expect(close).toBeUndefined();
    const [invoice] = await listInvoices(database, { seller, limit: 9 });
    if (!invoice) throw new Error('nothing was issued');

    const { closes } = processWith(renderer);
    expect(Buffer.from((await closes.pdf(invoice.id))?.bytes ?? []).subarray(0, 8)).toEqual(Buffer.from('%PDF-1.7'));
    const note = granted(
      await closes.corrections.voidInvoice(invoice.id, { actor: 'test', reason: 'the name' }),
    ).invoice;
    expect([note.number, note.customer.name]).toEqual(['CN-2026-000001', URUK]);
    expect((await closes.pdf(note.id))?.bytes.length).toBeGreaterThan(1_000);

    // What is billed now is new: it says no name that cannot be read.
    const [{ closeId }] = await database.$queryRaw<[{ closeId: string }]>`
      SELECT close_id::text AS "closeId" FROM invoice WHERE id = ${invoice.id}::uuid`;
    const again = processWith(renderer);
    await again.closes.desk.retry(closeId, [id]);
    await again.retry(closeId);
    expect(await ends(closeId)).toEqual(['held document_unprintable']);
    granted(await updateAccount(database, 'test', id, { name: 'Uruk Ltd' }, SECRET_KEY));
    await again.retry(closeId);
    expect(await ends(closeId)).toEqual(['issued']);
    expect(await numbers()).toEqual(['INV-2026-000001', 'CN-2026-000001', 'INV-2026-000002']);
  });

  it('that is new on a note keeps it a proposal: for an operator, for the service and in a close of corrections', async () => {
    await sells('acme');
    // A typeface without "C": it can write the invoice and not the note, which says what it corrects.
    const withoutC: ClosesOptions['renderer'] = {
      ...BLANK_PAGES,
      unprintable: ({ notes }) =>
        notes.some((note) => typeof note !== 'string' && note.code === 'corrects')
          ? [{ member: '/notes/0', characters: ['U+0043'] }]
          : [],
    };
    const { closes, open } = processWith(withoutC);
    await makePlan(database, BYTES_PLAN);
    granted(await updateSeller(database, 'test', seller, { settings: { corrections: 'automatic' } }, SECRET_KEY));
    await makeBytesAccount(database, 3);
    await open();
    const [invoice] = await listInvoices(database, { seller, limit: 9 });
    closing.setLate(true);
    expect(await closes.corrections.confirm(invoice?.id ?? '')).toMatchObject({
      outcome: 'proposed',
      state: 'proposed',
    });
    const [proposal] = await listCorrections(database, { seller, limit: 9 });
    // The service does not try it again and again before those that it can issue.
    expect(proposal).toMatchObject({ state: 'proposed', automatic: false });
    const refused = await closes.corrections.issue(proposal?.id ?? '', 'test');
    expect(isRefusal(refused) && [refused.code, refused.message]).toEqual([
      'document_unprintable',
      expect.stringContaining('U+0043 of /notes/0'),
    ]);
    const corrections = await open({ kind: 'correction' });
    expect(await ends(corrections)).toEqual(['held document_unprintable']);
    expect(await numbers()).toEqual(['INV-2026-000001']);
    expect((await findCorrection(database, proposal?.id ?? ''))?.state).toBe('proposed');
  });
});
