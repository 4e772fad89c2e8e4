import { type IssuedInvoice } from '#invoicing';
import { PersistenceError } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { documentSha256 } from '../ground/document-sha256.js';

/** Something that was stored never to change, and is not as it was stored. */
export interface Alteration {
  /** `<kind>:<id>`. */
  readonly subject: `${'invoice' | 'draft' | 'correction' | 'close' | 'empty_period'}:${string}`;
  readonly part: AlteredPart;
  /** As people know it: the number of a document, the revision of a certificate, the empty period and its id. */
  readonly name: string;
}

/**
 * `document` of an invoice, a draft or a correction; `columns`, `lines`, `pdf` and `xml` (any electronic form) and `registration` (by a portal) of an invoice,
 * `inputs` of one and of a period that billed nothing; of a close its `certificate`, or the documents that its certificate counted.
 */
export type AlteredPart =
  'document' | 'columns' | 'lines' | 'inputs' | 'pdf' | 'xml' | 'registration' | 'certificate' | 'documents';

const WHAT: Readonly<Record<AlteredPart, string>> = {
  document: 'the document',
  columns: 'a column beside the document',
  lines: 'a row of the lines and taxes beside the document',
  inputs: 'the record of what went into',
  pdf: 'the PDF of the document',
  xml: 'the electronic form of the document',
  registration: 'the registration of the document',
  certificate: 'of the certificate of the close,',
  documents: 'a document that is counted by the certificate of the close,',
};

/** Thrown instead of answering what is stored. Code `document_altered`: trying again does not help. */
export class DocumentAltered extends PersistenceError {
  constructor(readonly alteration: Alteration) {
    const { part, name } = alteration;
    const message = `${WHAT[part]} ${name} was altered after it was stored and is not used; restore it from a backup`;
    super('document_altered', message, false);
    this.name = 'DocumentAltered';
  }
}

/** What a read of an invoice `i` selects so that `unaltered` can tell whether it is as it was issued. */
export const SEALED = Prisma.sql`
  i.id, i.number, i.document, i.document_sha256, invoice_agrees(i) AS agrees, ${witness('invoice.issued')} AS witnessed`;

/** A row that was selected with `SEALED`. */
export interface SealedDocument {
  readonly id: string;
  readonly number: string;
  readonly document: IssuedInvoice;
  readonly document_sha256: string;
  readonly agrees: boolean;
  /** The hash as the audit event of the issue has it; null: issued before events had it. */
  readonly witnessed: string | null;
}

/**
 * The document of a row, held against its hash, against the hash that the audit has, and against the columns beside it.
 *
 * @throws DocumentAltered
 */
export function unaltered(row: SealedDocument): IssuedInvoice {
  const part = alteredPart(row);
  if (part) throw new DocumentAltered({ subject: `invoice:${row.id}`, part, name: row.number });
  return row.document;
}

/** What of a document is not as it was issued; undefined when all of it is. */
export function alteredPart(row: Omit<SealedDocument, 'id' | 'number'>): 'document' | 'columns' | undefined {
  const { document, document_sha256: sha256, agrees, witnessed } = row;
  if (sha256 !== (witnessed ?? sha256) || documentSha256(document) !== sha256) return 'document';
  return agrees ? undefined : 'columns';
}

/**
 * The document of a draft or of a proposed correction, held against its hash.
 *
 * @param of.document_sha256 null: written before there were hashes of them
 * @throws DocumentAltered
 */
export function unalteredDraft<Document>(
  subject: `${'draft' | 'correction'}:${string}`,
  of: { document: Document; document_sha256: string | null },
): Document {
  const { document, document_sha256: sha256 } = of;
  if (sha256 !== null && documentSha256(document) !== sha256) {
    throw new DocumentAltered({ subject, part: 'document', name: subject });
  }
  return document;
}

/**
 * What a document was computed from, held against the hash that the document has of it.
 *
 * @param inputs null: issued before they were kept
 * @throws DocumentAltered
 */
export function unalteredInputs<Inputs>(
  { id, number, inputs_hash: sha256 }: Pick<IssuedInvoice, 'id' | 'number' | 'inputs_hash'>,
  inputs: Inputs,
): Inputs {
  if (inputs !== null && documentSha256(inputs) !== sha256) {
    throw new DocumentAltered({ subject: `invoice:${id}`, part: 'inputs', name: number });
  }
  return inputs;
}

/** A row of `empty_period e`, with the hash of its inputs as the audit has it. */
export const SEALED_EMPTY = Prisma.sql`
  e.id, e.inputs, (SELECT v.data->>'sha256' FROM audit_event v
                    WHERE v.subject = 'empty_period:' || e.id AND v.action = 'period.empty'
                    ORDER BY v.id LIMIT 1) AS witnessed`;

/** A row that was selected with `SEALED_EMPTY`. */
export interface SealedEmpty<Inputs = unknown> {
  readonly id: string;
  readonly inputs: Inputs;
  /** Null: found empty before events had it. */
  readonly witnessed: string | null;
}

/**
 * What came to nothing, held against the hash that the audit has of it.
 *
 * @throws DocumentAltered
 */
export function unalteredEmpty<Inputs>(row: SealedEmpty<Inputs>): Inputs {
  const alteration = alterationOfEmpty(row);
  if (alteration) throw new DocumentAltered(alteration);
  return row.inputs;
}

/** What of a period that came to nothing is not as it was found; undefined when all of it is. */
export function alterationOfEmpty({ id, inputs, witnessed }: SealedEmpty): Alteration | undefined {
  if (witnessed === null || documentSha256(inputs) === witnessed) return undefined;
  return { subject: `empty_period:${id}`, part: 'inputs', name: `the empty period ${id}` };
}

/** The hash that the audit has of an invoice `i`, or of a file `d` stored of it. For constant actions only. */
export function witness(action: 'invoice.issued' | 'document.stored'): Prisma.Sql {
  const kind = action === 'document.stored' ? Prisma.sql`AND e.data->>'kind' = d.kind` : Prisma.empty;
  return Prisma.sql`
    (SELECT e.data->>'sha256' FROM audit_event e
      WHERE e.subject = 'invoice:' || i.id AND e.action = ${action} ${kind} ORDER BY e.id LIMIT 1)`;
}
