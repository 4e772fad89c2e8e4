import type { CloseAccountState, Notice } from '#billing';

/** The form of the certificates that this version writes. */
export const CERTIFICATE_FORMAT = 'meterline.close-certificate.2';

/** Written before notes stood on certificates and voided periods were billed anew; those that were written stay valid. */
export const FIRST_CERTIFICATE_FORMAT = 'meterline.close-certificate.1';

/** Documents as a certificate names them. */
interface NamedDocuments {
  count: number;
  ranges: CertifiedDocuments['ranges'];
  /** sha256 over a line `<number> <sha256 of the document's canonical JSON>\n` per document, in the order of the ranges. */
  sha256: string;
}

/** What a finished close certifies. Integers and strings only; amounts carry their currency's decimals. */
export interface CloseCertificate {
  format: typeof CERTIFICATE_FORMAT | typeof FIRST_CERTIFICATE_FORMAT;
  /** Counts from 1: one each time the close finishes, and one after notes that came between. */
  revision: number;
  /** sha256 of the revision before; null on the first. */
  previous_sha256: string | null;
  /** The database's clock when the close finished, or when this revision followed a note. */
  issued_at: string;
  close: CertificateFacts['close'];
  accounts: { total: number; by_state: Record<CertifiedState, number> };
  /** What the close issued. */
  documents: NamedDocuments & {
    /** Of these, taken back and no longer what their account has. Absent in the first format, when there could be none. */
    replaced?: number;
  };
  totals: CertifiedDocuments['totals'];
  taxes: CertifiedDocuments['taxes'];
  /** What was issued for the close's period by no close: corrections one by one, voids. Absent in the first format. */
  notes?: NamedDocuments & Pick<CertifiedDocuments, 'totals' | 'taxes'>;
  /** Who took back which of the documents, by which of the notes if there was anything to credit, and why. Absent in the first format. */
  voids?: CertificateFacts['voids'];
  holds: CertificateFacts['holds'];
  waivers: CertificateFacts['waivers'];
  usage: CertificateFacts['usage'];
  plans: CertificateFacts['plans'];
  dialects: CertificateFacts['dialects'];
}

/** A certificate with its signature over the canonical JSON of `certificate`. */
export interface SignedCertificate {
  certificate: CloseCertificate;
  signature: {
    algorithm: 'Ed25519';
    /** sha256 over the public key (SPKI, DER), hexadecimal. */
    key_id: string;
    /** PEM, so that a certificate can be checked with nothing else; who it belongs to is for the reader to know. */
    public_key: string;
    /** Base64. */
    value: string;
  };
}

/** The states of accounts that a finished close counts; none of them waits. */
export type CertifiedState = Exclude<CloseAccountState, 'waiting'>;

/** How a close stands, for its certificate. Amounts are sums over its documents, with the currency's decimals. */
export interface CertificateFacts {
  readonly close: {
    readonly id: string;
    readonly seller: string;
    readonly seller_name: string;
    readonly period: { readonly label: string; readonly start: string; readonly end: string };
    readonly kind: 'regular' | 'correction';
    readonly issue: 'after_review' | 'automatic';
    readonly opened_at: string;
  };
  /** When the close finished; for a revision after that, which notes have called for, now. */
  readonly certified_at: string;
  readonly states: Readonly<Partial<Record<CertifiedState, number>>>;
  /** Accounts that were not billed, in the order of their ids. */
  readonly holds: readonly (Notice & { account: string; external_id: string; state: 'held' | 'failed' })[];
  /** In the order in which they were given. */
  readonly waivers: readonly {
    account: string;
    external_id: string;
    code: string;
    message: string;
    reason: string;
    actor: string;
    at: string;
  }[];
  readonly documents: CertifiedDocuments;
  /** How many of the documents were taken back and are no longer what their account has: it is billed anew, or not at all. */
  readonly replaced: number;
  /** Documents of the period that no close issued: corrections one by one, voids. None for a close of corrections. */
  readonly notes: CertifiedDocuments;
  /**
   * Who took back which of the documents, and why, in the order of time. Each is one of the notes; null where the documents
   * of the period came to nothing already.
   */
  readonly voids: readonly {
    account: string;
    external_id: string;
    document: string;
    note: string | null;
    reason: string;
    actor: string;
    at: string;
  }[];
  /**
   * Per metric, over the accounts that were billed or came to nothing, of the revisions that this was computed from: what
   * the period owns of what was fetched. Null where a snapshot is older than the record of it.
   */
  readonly usage: readonly {
    metric: string;
    windows: number;
    owned: ConservedSum;
    fetched: ConservedSum | null;
    margin: ConservedSum | null;
    conserved: boolean | null;
  }[];
  /** The plan versions that the lines of documents and notes were rated with. */
  readonly plans: readonly { code: string; version: number; sha256: string }[];
  /** sha256 of the report dialects that the usage of documents and notes was read with. */
  readonly dialects: readonly string[];
  readonly previous: { readonly revision: number; readonly sha256: string } | undefined;
}

/** Issued documents by their numbers and sums. */
export interface CertifiedDocuments {
  /** Unbroken runs of numbers that begin alike, in the order of kind, fiscal year and sequence. */
  readonly ranges: readonly {
    kind: string;
    fiscal_year: number;
    first_sequence: number;
    last_sequence: number;
    first: string;
    last: string;
    count: number;
  }[];
  /** sha256 over a line `<number> <sha256 of the document>\n` per document, in the order of the ranges. */
  readonly sha256: string;
  readonly totals: readonly {
    currency: string;
    documents: number;
    net: string;
    tax: string;
    gross: string;
    rounding: string;
    payable: string;
  }[];
  readonly taxes: readonly {
    currency: string;
    name: string;
    category: string;
    rate: string;
    base: string;
    amount: string;
  }[];
}

/** Buckets and their exact sum, as decimal strings. */
export interface ConservedSum {
  readonly buckets: string;
  readonly total: string;
}

const NO_ACCOUNTS: CloseCertificate['accounts']['by_state'] = {
  pending: 0,
  pulling: 0,
  rated: 0,
  drafted: 0,
  issued: 0,
  empty: 0,
  held: 0,
  failed: 0,
};

/** Writes the next revision of a certificate. */
export function certificateOf(facts: CertificateFacts): CloseCertificate {
  const byState = { ...NO_ACCOUNTS, ...facts.states };
  return {
    format: CERTIFICATE_FORMAT,
    revision: (facts.previous?.revision ?? 0) + 1,
    previous_sha256: facts.previous?.sha256 ?? null,
    issued_at: facts.certified_at,
    close: facts.close,
    accounts: { total: total(Object.values(byState)), by_state: byState },
    documents: { ...named(facts.documents), replaced: facts.replaced },
    totals: facts.documents.totals,
    taxes: facts.documents.taxes,
    notes: { ...named(facts.notes), totals: facts.notes.totals, taxes: facts.notes.taxes },
    voids: facts.voids,
    holds: facts.holds,
    waivers: facts.waivers,
    usage: facts.usage,
    plans: facts.plans,
    dialects: facts.dialects,
  };
}

function named({ ranges, sha256 }: CertifiedDocuments): NamedDocuments {
  return { count: total(ranges.map(({ count }) => count)), ranges, sha256 };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
