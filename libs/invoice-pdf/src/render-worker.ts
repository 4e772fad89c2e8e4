import type { MessagePort } from 'node:worker_threads';
import { type ElectronicDocument, type FormatKind, type Refusal, renderEInvoice, type Rendition } from '#e-invoice';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { layoutInvoice } from './layout-invoice.js';
import type { PrintableInvoice } from './printable-invoice.js';

/** What a worker answers. Errors lose their class and code between threads, so the room's own travel as data. */
export type RenderAnswer =
  | { outcome: 'rendered'; pdf: Uint8Array; sha256: string }
  | { outcome: 'refused'; code: InvoicePdfError['code']; message: string };

/** How far a document is. */
export interface PagesDrawn {
  readonly drawn: number;
  readonly of: number;
}

/** A document that is to be drawn. */
export interface DrawTask {
  readonly document: PrintableInvoice;
  /** The bytes of the logo that the document names. */
  readonly logo?: Uint8Array | undefined;
  /** Hears of pages that are drawn, as `PagesDrawn`. */
  readonly told?: MessagePort | undefined;
}

/** Pages between two messages; drawing as many takes a second or two. */
const PAGES_TOLD = 25;

/** Entry of a worker thread: one document in, one file out. */
export default function render({ document, told, logo }: DrawTask): RenderAnswer {
  const tell = (drawn: number, of: number): void => {
    if (drawn % PAGES_TOLD === 0 || drawn === of) told?.postMessage({ drawn, of } satisfies PagesDrawn);
  };
  try {
    return { outcome: 'rendered', ...layoutInvoice(document, tell, logo) };
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
