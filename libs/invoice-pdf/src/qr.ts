import { createRequire } from 'node:module';
import type QrCode from 'qrcode-generator';
import type { Sheet } from './sheet.js';
import { INK, PAPER } from './style.js';

/** How much of a code may be lost: about 7, 15, 25 or 30 % (ISO/IEC 18004). */
export type ErrorCorrection = 'L' | 'M' | 'Q' | 'H';

/** A code as one path of rectangles; a module is one unit wide, y runs downwards from the first row. */
export interface QrPath {
  /** Operators of ISO 32000-1, 8.5.2. */
  readonly path: string;
  /** Modules along a side, without a quiet zone. */
  readonly modules: number;
}

/** Modules that must stay empty on each side (ISO/IEC 18004, 9.1). */
export const QUIET_ZONE = 4;

/** Version 40 at level L in bytes, the largest code there is. */
const MOST_BYTES = 2_953;

let library: typeof QrCode | undefined;

/**
 * The smallest code that says a text in bytes of UTF-8.
 *
 * @throws RangeError for a text that no code holds at the level
 */
export function qrPath(text: string, level: ErrorCorrection): QrPath {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MOST_BYTES) throw new RangeError(`${bytes.length} bytes are more than a QR code holds`);
  // Few documents have a code, so the library is loaded with the first of them.
  library ??= createRequire(import.meta.url)('qrcode-generator') as typeof QrCode;
  const code = library(0, level);
  // The library takes the low byte of each character.
  code.addData(bytes.toString('latin1'), 'Byte');
  try {
    code.make();
  } catch (error) {
    throw new RangeError(`${bytes.length} bytes do not fit a QR code of level ${level}`, { cause: error });
  }
  return { path: runsOf(code), modules: code.getModuleCount() };
}

/** Draws a code with its quiet zone on white, in RGB, as one path: no reader sees a seam between modules. */
export function drawQr(
  sheet: Sheet,
  text: string,
  { x, y, side, level }: { x: number; y: number; side: number; level: ErrorCorrection },
): void {
  const { path, modules } = qrPath(text, level);
  const unit = side / (modules + 2 * QUIET_ZONE);
  sheet.fill(x, y, side, side, PAPER);
  sheet.drawing(
    [{ path, colour: INK, evenOdd: false }],
    x + QUIET_ZONE * unit,
    y + QUIET_ZONE * unit,
    unit,
    modules * unit,
  );
}

/** Each run of dark modules of a row as a rectangle. */
function runsOf(code: QRCode): string {
  const modules = code.getModuleCount();
  let path = '';
  for (let row = 0; row < modules; row += 1) {
    for (let column = 0; column < modules; column += 1) {
      if (!code.isDark(row, column)) continue;
      const first = column;
      while (column < modules && code.isDark(row, column)) column += 1;
      path += `${first} ${row} ${column - first} 1 re\n`;
    }
  }
  return path;
}
