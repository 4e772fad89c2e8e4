import { createHash, randomUUID } from 'node:crypto';
import { monthPeriod } from '#calendar';
import { documentNumber, type DraftInvoice, issueInvoice } from '#invoicing';
import { type Database, findSellerId, issueDraft, moveAccount, openClose, saveDraft } from '#persistence';

/**
 * Issues an invoice of one line the way the service does, without pulling or rating anything: close, draft, issue.
 * Returns its id.
 */
export async function issueOne(
  database: Database,
  of: { seller: string; accountId: string; period: string; amount: string },
): Promise<string> {
  const sellerId = await findSellerId(database, of.seller);
  if (sellerId === undefined) throw new Error(`no seller ${of.seller}`);
  const period = monthPeriod(of.period, 'UTC');
  const opened = await openClose(database, {
    sellerId,
    period,
    kind: 'regular',
    dryRun: false,
    issue: 'after_review',
    accountIds: [of.accountId],
    batchSize: 10,
  });
  if (opened.outcome !== 'opened') throw new Error('the close differs');
  await moveAccount(database, opened.id, of.accountId, { to: 'pulling' });
  const inputsHash = createHash('sha256').update(randomUUID()).digest('hex');
  const draft = draftOf(of, period, inputsHash);
  await saveDraft(database, opened.id, of.accountId, { inputsHash, document: draft, warnings: [] });
  const issued = await issueDraft(database, {
    closeId: opened.id,
    accountId: of.accountId,
    actor: 'test',
    numbering: { sellerId, timeZone: 'UTC', fiscalYearStart: 1, numberStart: 1 },
    currentInputs: () => Promise.resolve(inputsHash),
    write: (stored, id, taken) =>
      issueInvoice(stored, {
        id,
        number: documentNumber({ prefix: 'INV', year: taken.fiscalYear, sequence: taken.sequence }),
        issuedAt: taken.issuedAt,
        sellerTimeZone: 'UTC',
      }),
  });
  if (issued.outcome !== 'issued') throw new Error(`not issued: ${issued.outcome}`);
  return issued.invoice.id;
}

function draftOf(
  of: { seller: string; accountId: string; amount: string },
  period: ReturnType<typeof monthPeriod>,
  inputs_hash: string,
): DraftInvoice {
  const stamps = {
    start: `${period.startDate}T00:00:00Z`,
    end: `${period.endDate}T00:00:00Z`,
    start_date: period.startDate,
    end_date: period.endDate,
  };
  return {
    status: 'draft',
    kind: 'invoice',
    seller: of.seller,
    account: of.accountId,
    supplier: { reference: of.seller, name: 'Acme', address: null, tax_id: null, email: null, bank: null },
    customer: { reference: '1001', name: 'Harbour Freight', address: null, tax_id: null, email: null },
    period: { label: period.label, ...stamps, time_zone: 'UTC', measured: null },
    currency: 'USD',
    lines: [
      {
        position: 1,
        charge: 'platform',
        kind: 'recurring',
        description: 'Platform fee',
        entity: null,
        segment: stamps,
        quantity: '1',
        unit: 'month',
        amount: of.amount,
        unrounded_amount: of.amount,
        tax_category: null,
        commodity_code: null,
        derivation: {} as DraftInvoice['lines'][number]['derivation'],
      },
    ],
    taxes: [],
    net: of.amount,
    tax: '0.00',
    gross: of.amount,
    rounding: '0.00',
    payable: of.amount,
    revision: 1,
    payment_terms_days: 30,
    notes: [],
    dialect_sha256: null,
    layout_version: 1,
    inputs_hash,
  };
}
