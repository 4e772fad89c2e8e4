import type { PackedValues } from '#metering';
import { promisify } from 'node:util';
import { constants, deflate, deflateSync, type ZlibOptions } from 'node:zlib';

const deflateAside = promisify(deflate);

/** Handing bytes to another thread and back costs more than deflating so many of them here, some tenths of a millisecond. */
const SMALL_BYTES = 32 * 1_024;

/** Deflates bytes or a text in UTF-8 (RFC 1950); what is large off the event loop. */
export async function deflated(
  content: string | Uint8Array,
  options: ZlibOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return content.length <= SMALL_BYTES ? deflateSync(content, options) : deflateAside(content, options);
}

/** Every so many values are looked at. */
const LOOK_EVERY = 16;

/**
 * How the values of a series are best deflated. Digits of values that differ repeat by chance only: looking for what repeats
 * takes five times as long as their Huffman code alone and saves nothing. An idle site repeats itself all month.
 */
export function deflating({ doubles }: PackedValues): ZlibOptions {
  const seen = new Set<number>();
  let looked = 0;
  for (let position = 0; position < doubles.length; position += LOOK_EVERY) {
    seen.add(doubles[position] ?? NaN);
    looked += 1;
  }
  return { strategy: seen.size * 2 > looked ? constants.Z_HUFFMAN_ONLY : constants.Z_DEFAULT_STRATEGY };
}
