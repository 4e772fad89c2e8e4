import type { BillingTerms } from '#billing';
import type { CreditRequest, IssuedInvoice } from '#invoicing';
import type { BucketSeries } from '#metering';
import type { Adjustment } from '#rating';

export const EVIDENCE_FORMAT = 'meterline.invoice-evidence.1';

/** A window of usage by what was kept of it, without its values. */
export interface WindowFingerprint {
  readonly entity: string;
  readonly metric: string;
  readonly revision: number;
  readonly values_sha256: string;
}

/** Everything that an issued document is computed from, as it was pinned when it was issued. */
export interface InvoiceEvidence {
  readonly document: IssuedInvoice;
  readonly document_sha256: string;
  /** What the document's `inputs_hash` is taken over. */
  readonly inputs: {
    readonly usage?: readonly WindowFingerprint[];
    /** Of a credit note by hand: what an operator asked for. */
    readonly credit?: CreditRequest;
    /** What an operator credited or charged beside the plan; of a note that says it at once, that one. */
    readonly adjustments?: readonly Adjustment[];
  };
  /** Documents of the period that were issued before, those taken back included; none for the first. */
  readonly earlier: readonly IssuedInvoice[];
  /** What the document, or the one it corrects, was rated by, plan documents included. */
  readonly facts: BillingTerms;
  /** Holds that an operator let pass. */
  readonly waived: readonly string[];
  /** Electronic forms of the document that are kept, by the hashes of their bytes; absent where there are none. */
  readonly renditions?: readonly {
    readonly kind: string;
    /** The version of the form that it was written in. */
    readonly layout: number;
    readonly sha256: string;
  }[];
  /** What an e-invoice portal of India answered; absent where the document is not registered. */
  readonly irn?: {
    readonly irn: string;
    readonly ack_no: string;
    readonly ack_date: string;
    readonly signed_qr_code: string;
    readonly signed_invoice: string;
  };
  readonly usage: readonly {
    readonly entity: string;
    readonly metric: string;
    readonly revision: number;
    readonly values_sha256: string;
    /** Of the answers that first brought these values. */
    readonly raw_sha256: string;
    readonly dialect_sha256: string;
    /** Null when the single values are no longer kept. */
    readonly series: BucketSeries | null;
  }[];
}

/** The evidence of a document as it is downloaded: plain JSON, all that `verifyInvoice` needs. */
export function invoiceEvidence(evidence: InvoiceEvidence): { format: string } & InvoiceEvidence {
  return { format: EVIDENCE_FORMAT, ...evidence };
}
