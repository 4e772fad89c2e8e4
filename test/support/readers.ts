import { execFileSync } from 'node:child_process';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';

/** What each reader of a distribution comes in; a missing one is named with the way to get it. */
const PACKAGES = {
  qpdf: 'qpdf',
  xmllint: 'libxml2-utils',
  pdffonts: 'poppler-utils',
  pdfinfo: 'poppler-utils',
  pdftotext: 'poppler-utils',
  mutool: 'mupdf-tools',
} as const;

type Tool = keyof typeof PACKAGES;

interface Answer {
  readonly status: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** What a reader says when it refuses a file. */
export class ReaderError extends Error {
  constructor(
    message: string,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(message);
  }
}

/**
 * Reads a PDF or XML and answers what the reader prints. The readers come with npm; with TEST_READERS=system those of the
 * distribution are asked the same.
 *
 * @throws ReaderError when the reader refuses
 */
export function read(tool: Tool, args: readonly string[], input?: string | Buffer): Buffer {
  return process.env.TEST_READERS === 'system' ? readBySystem(tool, args, input) : readByNpm(tool, args, input);
}

function readBySystem(tool: Tool, args: readonly string[], input?: string | Buffer): Buffer {
  try {
    return execFileSync(tool, args, {
      maxBuffer: 1 << 28,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input !== undefined && { input }),
    });
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: string; stdout?: Buffer; stderr?: Buffer };
    if (code === 'ENOENT') {
      throw new Error(`${tool} is not installed; get it with: apt-get install ${PACKAGES[tool]}`, {
        cause: error,
      });
    }
    throw new ReaderError(`${tool} refuses`, String(stdout), String(stderr));
  }
}

/** A part of a page, in points from its top left corner. */
export interface PageArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * What the QR code on a page (the first is 1) says, read from its picture as a telephone would; null where none is found.
 * Where a page has several, the area says which is meant.
 */
export function readQrCode(file: string, page: number, area?: PageArea): string | null {
  const answer = readByNpm('qrcode', [file, String(page), JSON.stringify(area ?? null)]);
  return JSON.parse(answer.toString()) as string | null;
}

/** A thread that ended without an answer would be waited for without an end, and jest's own limit would not be heard. */
const HUNG_MS = 600_000;

let readers: { ask(question: object): Answer } | undefined;

function readByNpm(tool: Tool | 'qrcode', args: readonly string[], input?: string | Buffer): Buffer {
  const { status, stdout, stderr } = (readers ??= startReaders()).ask({ tool, args, input });
  const said = Buffer.from(stdout);
  if (status !== 0) throw new ReaderError(`${tool} refuses: ${stderr.slice(0, 2_000)}`, said.toString(), stderr);
  return said;
}

/** A thread with the readers in it, asked one question at a time; the asking thread sleeps until it has the answer. */
function startReaders(): { ask(question: object): Answer } {
  const { port1, port2 } = new MessageChannel();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./reader-thread.mjs', import.meta.url), {
    workerData: { port: port2, flag },
    transferList: [port2],
    execArgv: [],
  });
  worker.unref();
  port1.unref();
  return {
    ask(question) {
      Atomics.store(flag, 0, 0);
      port1.postMessage(question);
      // The notice of the last answer may come after that answer was read: only the flag says that this one is there.
      while (Atomics.load(flag, 0) === 0) {
        if (Atomics.wait(flag, 0, 0, HUNG_MS) === 'timed-out') throw new Error('the readers do not answer');
      }
      return (receiveMessageOnPort(port1) as { message: Answer }).message;
    },
  };
}
