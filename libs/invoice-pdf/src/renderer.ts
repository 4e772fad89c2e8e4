import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { LAYOUT_VERSION, layoutInvoice, type RenderedPdf } from './layout-invoice.js';
import type { RenderAnswer } from './render-worker.js';
import { type UnprintableText, unprintableTexts } from './unprintable.js';
import type { PrintableInvoice } from './printable-invoice.js';

// V8 lets a heap grow as far as the machine would bear before it collects, which no page needs. Ten thousand lines take 60 MB. What
// is young counts into the old ones' limit as well: four megabytes instead of sixteen save thirty and cost 6 % of a page.
const THREAD_MEMORY = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 };

/**
 * Documents of up to so many lines are drawn where they are asked for: that takes some ten milliseconds, and a thread would
 * take a heap of its own with all fonts in it. Larger ones go to a thread.
 */
const DRAWN_AT_ONCE_LINES = 40;

/** Draws documents, large ones in threads of their own. */
export interface InvoiceRenderer {
  /** Version of the page's look. */
  readonly layoutVersion: number;
  /**
   * The texts of a document that no typeface can write. It is asked before a document gets a number; what has one already is
   * drawn all the same, with code points for what is missing.
   */
  unprintable(document: Omit<PrintableInvoice, 'inputs_hash'>): readonly UnprintableText[];
  /**
   * The document as PDF/A-3b with the sha256 of its bytes in lower-case hex. The same document gives the same bytes.
   *
   * Throws InvoicePdfError: `malformed_document` for what cannot be drawn, `renderer_closed` after `close`.
   */
  render(document: PrintableInvoice): Promise<RenderedPdf>;
  /** Finishes what was asked for and ends the threads. */
  close(): Promise<void>;
}

/**
 * A page takes two milliseconds and ten thousand lines some seconds: time that an event loop which answers requests or renews
 * locks cannot give. Threads start with the first large document, and parse the fonts with it.
 *
 * @param threads how many, at most. One keeps up with all that a process asks of it, takes some 50 MB, and makes the memory
 * of a process the same on any machine; who wants more pages drawn starts more processes.
 */
export function createInvoiceRenderer({ threads = 1 }: { threads?: number } = {}): InvoiceRenderer {
  const pool = new Piscina<PrintableInvoice, RenderAnswer>({
    filename: workerFile(),
    minThreads: 0,
    maxThreads: threads,
    resourceLimits: THREAD_MEMORY,
  });
  const drawing = new Set<Promise<RenderAnswer>>();
  let closed = false;

  return {
    layoutVersion: LAYOUT_VERSION,
    unprintable: unprintableTexts,
    async render(document) {
      if (closed) {
        throw new InvoicePdfError('renderer_closed', 'the invoice renderer is closed; make a new one', true);
      }
      if (document.lines.length <= DRAWN_AT_ONCE_LINES) return layoutInvoice(document);
      const run = pool.run(document);
      drawing.add(run);
      const answer = await run.finally(() => drawing.delete(run));
      if (answer.outcome === 'refused') throw new InvoicePdfError(answer.code, answer.message);
      const { pdf, sha256 } = answer;
      return { pdf: Buffer.from(pdf.buffer, pdf.byteOffset, pdf.byteLength), sha256 };
    },
    async close() {
      if (closed) return;
      closed = true;
      // piscina's own close counts a thread that is still starting as done and would cut its first task off.
      await Promise.allSettled(drawing);
      await pool.destroy();
    },
  };
}

/**
 * The worker's compiled file. Node loads JavaScript only, so when this very file runs as TypeScript (under the test
 * runner, which compiles on the fly in its own process) the worker is taken from the build that `npm test` makes first.
 * A spec compares the two, so a stale build is found out.
 */
function workerFile(): string {
  const besideUs = import.meta.url.endsWith('.ts') ? '../../../dist/libs/invoice-pdf/src/' : './';
  const file = fileURLToPath(new URL(`${besideUs}render-worker.js`, import.meta.url));
  if (!existsSync(file)) {
    throw new InvoicePdfError('worker_missing', `no compiled worker at ${file}; run "npm run build" first`);
  }
  return file;
}
