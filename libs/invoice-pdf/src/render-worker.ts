import { type ElectronicDocument, type FormatKind, type Refusal, renderEInvoice, type Rendition } from '#e-invoice';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { layoutInvoice } from './layout-invoice.js';
import type { PrintableInvoice } from './printable-invoice.js';

/** What a worker answers. Errors lose their class and code between threads, so the room's own travel as data. */
export type RenderAnswer =
  | { outcome: 'rendered'; pdf: Uint8Array; sha256: string }
  | { outcome: 'refused'; code: InvoicePdfError['code']; message: string };

/** Entry of a worker thread: one document in, one file out. */
export default function render(document: PrintableInvoice): RenderAnswer {
  try {
    return { outcome: 'rendered', ...layoutInvoice(document) };
  } catch (error) {
    if (!(error instanceof InvoicePdfError)) throw error;
    return { outcome: 'refused', code: error.code, message: error.message };
  }
}

/** A document that is to be written in an electronic form. */
export interface WriteTask {
  readonly document: ElectronicDocument;
  readonly kind: FormatKind;
}

/** The other entry: what comes out is data, and so is a refusal. */
export function write({ document, kind }: WriteTask): Rendition | Refusal {
  return renderEInvoice(kind, document);
}
