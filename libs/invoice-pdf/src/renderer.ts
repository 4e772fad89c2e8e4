import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type ElectronicDocument, type FormatKind, type Refusal, renderEInvoice, type Rendition } from '#e-invoice';
import { Piscina } from 'piscina';
import { InvoicePdfError } from './invoice-pdf-error.js';
import { LAYOUT_VERSION, layoutInvoice, type RenderedPdf } from './layout-invoice.js';
import type { DrawTask, PagesDrawn, RenderAnswer, WriteTask } from './render-worker.js';
import { Recent } from './recent.js';
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

/** The same of an electronic form, of which a thousand lines take some forty milliseconds. */
const WRITTEN_AT_ONCE_LINES = 500;

/** The bytes of the logo with a sha256; undefined where there is none. */
export type LoadLogo = (sha256: string) => Promise<Uint8Array | undefined>;

/** A process draws for few sellers at a time. */
const LOGOS_KEPT = 8;

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
   * Throws InvoicePdfError: `malformed_document` for what cannot be drawn, `logo_missing` for what names a logo that is not there, `renderer_closed` after `close`.
   *
   * @param onPages told from time to time how far a document is that is drawn in a thread
   */
  render(document: PrintableInvoice, onPages?: (pages: PagesDrawn) => void): Promise<RenderedPdf>;
  /** The document in an electronic form: `renderEInvoice`, for large documents in a thread as well. */
  write(document: ElectronicDocument, kind: FormatKind): Promise<Rendition | Refusal>;
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
export function createInvoiceRenderer({
  threads = 1,
  loadLogo,
}: { threads?: number; loadLogo?: LoadLogo } = {}): InvoiceRenderer {
  const pool = new Piscina<DrawTask | WriteTask, RenderAnswer | Rendition | Refusal>({
    filename: workerFile(),
    minThreads: 0,
    maxThreads: threads,
    resourceLimits: THREAD_MEMORY,
  });
  const logos = new Recent<string, Uint8Array>(LOGOS_KEPT);
  const logoOf = async ({ supplier }: PrintableInvoice): Promise<Uint8Array | undefined> => {
    const sha256 = supplier.branding?.logo;
    if (!sha256) return undefined;
    const known = logos.get(sha256) ?? (await loadLogo?.(sha256));
    if (known) logos.set(sha256, known);
    return known;
  };
  const running = new Set<Promise<unknown>>();
  let closed = false;
  const refuseClosed = () => {
    if (closed) throw new InvoicePdfError('renderer_closed', 'the invoice renderer is closed; make a new one', true);
  };
  const finished = <Answer>(run: Promise<Answer>): Promise<Answer> => {
    running.add(run);
    return run.finally(() => running.delete(run));
  };
  const inThread = <Answer>(task: DrawTask | WriteTask, name: 'default' | 'write'): Promise<Answer> => {
    const transferList = 'told' in task && task.told ? [task.told] : [];
    return pool.run(task, { name, transferList }) as Promise<Answer>;
  };
  const draw: InvoiceRenderer['render'] = async (document, onPages) => {
    const logo = await logoOf(document);
    if (document.lines.length <= DRAWN_AT_ONCE_LINES) return layoutInvoice(document, undefined, logo);
    const answer = await telling(onPages, (told) => inThread<RenderAnswer>({ document, told, logo }, 'default'));
    if (answer.outcome === 'refused') throw new InvoicePdfError(answer.code, answer.message);
    const { pdf, sha256 } = answer;
    return { pdf: Buffer.from(pdf.buffer, pdf.byteOffset, pdf.byteLength), sha256 };
  };

  return {
    layoutVersion: LAYOUT_VERSION,
    unprintable: unprintableTexts,
    async render(document, onPages) {
      refuseClosed();
      return finished(draw(document, onPages));
    },
    async write(document, kind) {
      refuseClosed();
      if (document.lines.length <= WRITTEN_AT_ONCE_LINES) return renderEInvoice(kind, document);
      return finished(inThread<Rendition | Refusal>({ document, kind }, 'write'));
    },
    async close() {
      if (closed) return;
      closed = true;
      // piscina's own close counts a thread that is still starting as done and would cut its first task off.
      await Promise.allSettled(running);
      await pool.destroy();
    },
  };
}

/** Does a thread's work with a port that `onPages` hears of, if there is one; it is closed with the work. */
async function telling<Answer>(
  onPages: ((pages: PagesDrawn) => void) | undefined,
  work: (told: MessagePort | undefined) => Promise<Answer>,
): Promise<Answer> {
  if (!onPages) return work(undefined);
  const { port1, port2 } = new MessageChannel();
  port1.on('message', onPages);
  return work(port2).finally(() => port1.close());
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
