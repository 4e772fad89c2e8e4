import { promisify } from 'node:util';
import { deflate, deflateSync } from 'node:zlib';

const deflateAside = promisify(deflate);

/** Handing bytes to another thread and back costs more than deflating so many of them here, some tenths of a millisecond. */
const SMALL_BYTES = 32 * 1_024;

/** Deflates bytes or a text in UTF-8 (RFC 1950); what is large off the event loop. */
export async function deflated(content: string | Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return content.length <= SMALL_BYTES ? deflateSync(content) : deflateAside(content);
}
