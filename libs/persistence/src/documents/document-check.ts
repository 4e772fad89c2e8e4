import { v7 as uuid } from 'uuid';
import { recordAlteration } from './alterations.js';
import { alteredEmpties } from './close-documents.js';
import { recordAudit } from '../ground/audit.js';
import { type Database, transaction, type Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import {
  alteredPart,
  type Alteration,
  type AlteredPart,
  SEALED,
  type SealedDocument,
  witness,
} from './sealed-documents.js';
import { documentSha256 } from '../ground/document-sha256.js';

export interface DocumentCheckOptions {
  /** How long it takes to check everything once: the work is spread over that, and begins anew when it is over. */
  readonly spanSeconds: number;
  /** Documents in hand at a time. */
  readonly slice?: number;
  /** What of the certificates of a close is not as it was signed; undefined when all of it is. */
  readonly certificateFault: (tx: Transaction, closeId: string) => Promise<Alteration | undefined>;
}

/** What a slice of the check came to. */
export interface CheckedSlice {
  /** Whether there is more to check now. */
  readonly more: boolean;
  readonly altered: readonly Alteration[];
  /** Set by the slice that was the last: how many were checked, and how many of them are not as they were stored. */
  readonly ended?: { readonly checked: number; readonly altered: number };
}

const NOTHING_DUE: CheckedSlice = { more: false, altered: [] };
// A PDF is hashed where it lies; a document comes here to be hashed, with all its lines.
const SLICE = 50;
/** Of what was found before and may have been mended since, so many are looked at again with each slice. */
const FOUND_AGAIN = 10;

/**
 * Checks the next slice of all that is stored: every document against its hash, the columns, lines and inputs beside it, and
 * its PDF; then every close against its certificates. Any number of workers may ask; one at a time does it, and goes on
 * where the one before left off, however that ended. Does nothing while the check is ahead of its time.
 */
export async function checkDocuments(database: Database, options: DocumentCheckOptions): Promise<CheckedSlice> {
  const { spanSeconds, slice = SLICE } = options;
  return transaction(database, async (tx): Promise<CheckedSlice> => {
    const check = await checkUnderWay(tx, spanSeconds);
    if (!check) return NOTHING_DUE;
    const quota = Math.ceil(check.expected * Math.min(1, check.elapsed / Math.max(spanSeconds, 1))) - check.checked;
    // What came since the check began is checked as well, when its time is over.
    if (quota <= 0 && check.elapsed < spanSeconds) return NOTHING_DUE;
    const limit = quota <= 0 ? slice : Math.min(quota, slice);

    const [ids, checkThem] =
      check.phase === 'documents'
        ? [await documentsAfter(tx, check.after, limit), checkInvoices]
        : [await closesAfter(tx, check.after, 1), checkCloses];
    const altered = await checkThem(tx, ids, options);
    const again = check.phase === 'documents' ? await checkAgain(tx, ids, options) : [];
    for (const each of [...altered, ...again]) await recordAlteration(tx, each, 'check');

    const last = ids.at(-1);
    const found = new Set(altered.map(({ subject }) => subject)).size;
    await tx.$executeRaw`
      UPDATE document_check
         SET checked = checked + ${ids.length}, altered = altered + ${found}, after = coalesce(${last ?? null}::uuid, after)
       WHERE id = ${check.id}::uuid`;
    if (last !== undefined) return { more: quota > ids.length || check.elapsed >= spanSeconds, altered };
    if (check.phase === 'documents') {
      await tx.$executeRaw`UPDATE document_check SET phase = 'certificates', after = NULL WHERE id = ${check.id}::uuid`;
      return { more: true, altered };
    }
    const ended = await endCheck(tx, check.id);
    return { more: false, altered, ended };
  });
}

interface UnderWay {
  readonly id: string;
  readonly phase: 'documents' | 'certificates';
  readonly after: string | null;
  readonly expected: number;
  readonly checked: number;
  /** Seconds since it began. */
  readonly elapsed: number;
}

/** Locks the check that is under way, or begins one; undefined when another worker is at it or none is due. */
async function checkUnderWay(tx: Transaction, spanSeconds: number): Promise<UnderWay | undefined> {
  await tx.$executeRaw`
    INSERT INTO document_check (id, expected)
    SELECT ${uuid()}::uuid, (SELECT count(*) FROM invoice) + (SELECT count(DISTINCT close_id) FROM close_certificate)
     WHERE NOT EXISTS (SELECT FROM document_check
                        WHERE ended_at IS NULL
                           OR started_at > clock_timestamp() - make_interval(secs => ${spanSeconds}))
       AND EXISTS (SELECT FROM invoice)
    ON CONFLICT DO NOTHING`;
  const [check] = await tx.$queryRaw<UnderWay[]>`
    SELECT id, phase, after, expected, checked,
           extract(epoch FROM clock_timestamp() - started_at)::float8 AS elapsed
      FROM document_check WHERE ended_at IS NULL FOR UPDATE SKIP LOCKED`;
  return check;
}

async function documentsAfter(tx: Transaction, after: string | null, limit: number): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM invoice WHERE id > coalesce(${after}::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}

async function closesAfter(tx: Transaction, after: string | null, limit: number): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT DISTINCT close_id AS id FROM close_certificate
     WHERE close_id > coalesce(${after}::uuid, '00000000-0000-0000-0000-000000000000') ORDER BY close_id LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}

/** What of the documents is not as it was stored. What was, and now is right again, is written down as mended. */
async function checkInvoices(tx: Transaction, ids: readonly string[]): Promise<Alteration[]> {
  const rows = await tx.$queryRaw<
    (SealedDocument & { inputs: object | null; pdfAgrees: boolean; xmlAgrees: boolean })[]
  >`
    SELECT ${SEALED}, n.inputs,
           coalesce(f."pdfAgrees", true) AS "pdfAgrees", coalesce(f."xmlAgrees", true) AS "xmlAgrees"
      FROM invoice i LEFT JOIN invoice_inputs n ON n.invoice_id = i.id
      LEFT JOIN LATERAL (
           SELECT bool_and(agrees) FILTER (WHERE kind LIKE 'pdf%') AS "pdfAgrees",
                  bool_and(agrees) FILTER (WHERE kind NOT LIKE 'pdf%') AS "xmlAgrees"
             FROM (SELECT d.kind, d.sha256 = encode(sha256(d.bytes), 'hex')
                          AND d.sha256 = coalesce(${witness('document.stored')}, d.sha256) AS agrees
                     FROM stored_document d WHERE d.month = i.month AND d.invoice_id = i.id) AS file) AS f ON true
     WHERE i.id = ANY(${[...ids]}::uuid[]) ORDER BY i.id`;
  const found = rows.map(({ inputs, pdfAgrees, xmlAgrees, ...row }) => {
    const part = alteredPart(row);
    const inputsAgree = part === 'document' || inputs === null || documentSha256(inputs) === row.document.inputs_hash;
    const parts: AlteredPart[] = [
      ...(part ? [part] : []),
      ...(inputsAgree ? [] : (['inputs'] as const)),
      ...(pdfAgrees ? [] : (['pdf'] as const)),
      ...(xmlAgrees ? [] : (['xml'] as const)),
    ];
    return { id: row.id, name: row.number, parts };
  });
  // What stands in an altered document may have any form, and nothing beside it has to agree with that.
  const sound = found.filter(({ parts }) => !parts.includes('document'));
  const disagree = await tx.$queryRaw<{ id: string }[]>`
    SELECT i.id FROM invoice i WHERE i.id = ANY(${sound.map(({ id }) => id)}::uuid[]) AND NOT ${LINES_AGREE}`;
  const altered: Alteration[] = [];
  for (const { id, name, parts } of found) {
    if (disagree.some((each) => each.id === id)) parts.push('lines');
    const subject = `invoice:${id}` as const;
    await mend(tx, subject, parts);
    altered.push(...parts.map((part) => ({ subject, part, name })));
  }
  return altered;
}

/**
 * Whether the rows of lines and taxes beside a document `i` say what the document says, digit for digit. Lines of a month
 * that was dropped say nothing.
 */
const LINES_AGREE = Prisma.sql`(
  NOT (keeps_lines(i.month) AND EXISTS (
    SELECT FROM (SELECT * FROM invoice_line WHERE month = i.month AND invoice_id = i.id) AS l
      FULL JOIN jsonb_array_elements(i.document->'lines') AS said (line) ON l.position::text = line->>'position'
     WHERE (l.charge, l.amount::text, l.quantity::text, l.unit, l.description) IS DISTINCT FROM
           (line->>'charge', line->>'amount', line->>'quantity', line->>'unit', line->>'description')))
  AND NOT EXISTS (
    SELECT FROM (SELECT * FROM invoice_tax WHERE invoice_id = i.id) AS t
      FULL JOIN jsonb_array_elements(i.document->'taxes') WITH ORDINALITY AS said (tax, nth) ON t.position = nth
     WHERE (t.name, t.category, t.rate::text, t.base::text, t.amount::text) IS DISTINCT FROM
           (tax->>'name', tax->>'category', tax->>'rate', tax->>'base', tax->>'amount')))`;

async function checkCloses(
  tx: Transaction,
  ids: readonly string[],
  { certificateFault }: DocumentCheckOptions,
): Promise<Alteration[]> {
  const altered: Alteration[] = [];
  for (const id of ids) {
    const fault = await certificateFault(tx, id);
    await mend(tx, `close:${id}`, fault ? [fault.part] : []);
    if (fault) altered.push(fault);
    altered.push(...(await alteredEmpties(tx, Prisma.sql`e.close_id = ${id}::uuid`)));
  }
  return altered;
}

/** Looks again at some of what was found before, but for what was just looked at. */
async function checkAgain(
  tx: Transaction,
  checked: readonly string[],
  options: DocumentCheckOptions,
): Promise<Alteration[]> {
  const found = await tx.$queryRaw<{ subject: Alteration['subject'] }[]>`
    SELECT DISTINCT subject FROM document_alteration
     WHERE mended_at IS NULL AND split_part(subject, ':', 2) <> ALL(${[...checked]}::text[])
     ORDER BY subject LIMIT ${FOUND_AGAIN}`;
  const ids = (kind: string) =>
    found.filter(({ subject }) => subject.startsWith(`${kind}:`)).map(({ subject }) => subject.slice(kind.length + 1));
  const drafts = await tx.$queryRaw<{ subject: Alteration['subject']; document: object; document_sha256: string }[]>`
    SELECT 'draft:' || id AS subject, document, document_sha256 FROM draft_invoice WHERE id = ANY(${ids('draft')}::uuid[])
    UNION ALL
    SELECT 'correction:' || id, document, document_sha256 FROM correction WHERE id = ANY(${ids('correction')}::uuid[])`;
  const stillAltered: Alteration[] = [
    ...drafts
      .filter((each) => documentSha256(each.document) !== each.document_sha256)
      .map(({ subject }) => ({ subject, part: 'document' as const, name: subject })),
    ...(await alteredEmpties(tx, Prisma.sql`e.id = ANY(${ids('empty_period')}::uuid[])`)),
  ];
  for (const { subject } of found) {
    const isChecked = !subject.startsWith('invoice:') && !subject.startsWith('close:');
    if (isChecked && !stillAltered.some((each) => each.subject === subject)) await mend(tx, subject, []);
  }
  return [
    ...(await checkInvoices(tx, ids('invoice'))),
    ...(await checkCloses(tx, ids('close'), options)),
    ...stillAltered,
  ];
}

/** Writes down what is right again: everything that was found of a subject but for the parts that still are altered. */
async function mend(tx: Transaction, subject: Alteration['subject'], altered: readonly AlteredPart[]): Promise<void> {
  const mended = await tx.$queryRaw<{ sellerId: string; part: string; name: string }[]>`
    UPDATE document_alteration SET mended_at = clock_timestamp()
     WHERE mended_at IS NULL AND subject = ${subject} AND part <> ALL(${[...altered]}::text[])
    RETURNING seller_id AS "sellerId", part, name`;
  for (const { sellerId, ...data } of mended) {
    await recordAudit(tx, { sellerId, actor: 'service', action: 'document.mended', subject, data });
  }
}

async function endCheck(tx: Transaction, id: string): Promise<{ checked: number; altered: number }> {
  const [ended] = await tx.$queryRaw<[{ checked: number; altered: number }]>`
    UPDATE document_check SET ended_at = clock_timestamp() WHERE id = ${id}::uuid RETURNING checked, altered`;
  const subject = `document_check:${id}`;
  await recordAudit(tx, { sellerId: null, actor: 'service', action: 'documents.checked', subject, data: ended });
  return ended;
}
