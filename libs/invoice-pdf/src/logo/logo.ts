import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { deflateSync } from 'node:zlib';
import type Png from 'pngjs';
import type { FilledPath } from '../page-content.js';
import { Recent } from '../recent.js';
import { isFault, type LogoFault, readSvg } from './svg.js';

/** A logo as it is drawn: paths in a thousandth of its longer side, or pixels on white. */
export type Logo = { readonly width: number; readonly height: number } & (
  | { readonly mediaType: 'image/svg+xml'; readonly paths: readonly FilledPath[] }
  | { readonly mediaType: 'image/png'; /** RGB, deflated. */ readonly pixels: Uint8Array }
);

/** Bytes of a file. */
export const LARGEST_LOGO = 100_000;
const MOST_PIXELS = 1_000_000;
const PNG_SIGNATURE = '89504e470d0a1a0a';

/** Reads a PNG, whose transparent parts come to stand on white, or an SVG of filled shapes. */
export function readLogo(bytes: Uint8Array): Logo | LogoFault {
  if (bytes.length > LARGEST_LOGO) return { fault: `has ${bytes.length} bytes, and ${LARGEST_LOGO} are the most` };
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.subarray(0, 8).toString('hex') === PNG_SIGNATURE) return readPng(file);
  const text = file.toString('utf8');
  if (!/<svg[\s>]/.test(text)) return { fault: 'is neither a PNG nor an SVG' };
  const drawing = readSvg(text);
  return isFault(drawing) ? drawing : { mediaType: 'image/svg+xml', ...drawing };
}

function readPng(file: Buffer): Logo | LogoFault {
  // IHDR comes first (PNG, 11.2.2): its length and name, then width, height, depth, colour, two methods, interlacing.
  if (file.length < 33 || file.toString('latin1', 12, 16) !== 'IHDR') return { fault: 'is a PNG without a header' };
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  if (width === 0 || height === 0 || width * height > MOST_PIXELS) {
    return { fault: `has ${width} × ${height} pixels, and ${MOST_PIXELS} are the most` };
  }
  if (file[28] !== 0) return { fault: 'is interlaced; save it without' };
  const { PNG } = createRequire(import.meta.url)('pngjs') as typeof Png;
  let rgba: Buffer;
  try {
    rgba = PNG.sync.read(file).data;
  } catch (error) {
    return { fault: `is a damaged PNG: ${(error as Error).message}` };
  }
  const rgb = Buffer.alloc(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const alpha = rgba[pixel * 4 + 3] ?? 255;
    for (let part = 0; part < 3; part += 1) {
      const colour = rgba[pixel * 4 + part] ?? 0;
      rgb[pixel * 3 + part] = Math.round((colour * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { mediaType: 'image/png', width, height, pixels: deflateSync(rgb, { level: 9 }) };
}

/** A process draws for few sellers at a time. */
const read = new Recent<string, Logo>(8);

/**
 * The logo that a document names, read once per process.
 *
 * @throws Error when the bytes are not those that were kept, or no logo: neither happens to what was let in
 */
export function keptLogo(sha256: string, bytes: Uint8Array): Logo {
  const known = read.get(sha256);
  if (known) return known;
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error(`the logo is not ${sha256}`);
  const logo = readLogo(bytes);
  if (isFault(logo)) throw new Error(`the logo ${sha256} ${logo.fault}`);
  read.set(sha256, logo);
  return logo;
}
