import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pdfaFaults } from '../../../test/integration/pdfa-structure.js';
import { readQrCode } from '../../../test/support/readers.js';
import { drawQr, qrPath } from './qr.js';
import { Sheet } from './sheet.js';

const folder = mkdtempSync(join(tmpdir(), 'qr-'));
afterAll(() => rmSync(folder, { recursive: true }));

function pageWith(draw: (sheet: Sheet) => void): string {
  const about = {
    language: 'en',
    title: 'Codes',
    author: 'A',
    subject: 'B',
    instant: new Date('2026-11-01T00:00:00Z'),
  };
  const sheet = new Sheet(about);
  sheet.addPage();
  draw(sheet);
  const file = join(folder, 'page.pdf');
  writeFileSync(file, sheet.finish());
  return file;
}

/** As long as what the Indian portal signs: three parts of base64url. */
const SIGNED = `eyJhbGciOiJSUzI1NiJ9.${'eyJkYXRhIjoie1wiU2VsbGVyR3N0aW5cIjpc'.repeat(17)}.${'Zz09_-8A'.repeat(43)}`;

describe('a QR code on a page', () => {
  it.each([
    ['of a few letters', 'A'],
    ['of several lines', 'BCD\n002\n1\nSCT'],
    ['in UTF-8', 'Zürich · 株式会社 · €'],
    ['as long as a signed invoice', SIGNED],
  ])('%s is read back from the picture', (_, says) => {
    const file = pageWith((sheet) => drawQr(sheet, says, { x: 60, y: 60, side: 220, level: 'M' }));
    expect(readQrCode(file, 1)).toBe(says);
  });

  it('leaves the file PDF/A-3b, and what is drawn after it in its own colour', () => {
    const file = pageWith((sheet) => {
      sheet.fill(300, 60, 20, 20, '#12546b');
      drawQr(sheet, 'one', { x: 60, y: 60, side: 100, level: 'Q' });
      sheet.fill(330, 60, 20, 20, '#12546b');
      drawQr(sheet, 'two', { x: 360, y: 60, side: 100, level: 'L' });
    });
    expect(readQrCode(file, 1, { x: 0, y: 0, width: 200, height: 200 })).toBe('one');
    expect(readQrCode(file, 1, { x: 340, y: 0, width: 200, height: 200 })).toBe('two');
    expect(pdfaFaults(file)).toEqual([]);
  });

  // ISO/IEC 18004, table 7: version 1 holds 17 bytes at L and 14 at M, version 40 2,953 and 2,331.
  it('is the smallest that holds the text', () => {
    expect(qrPath('a'.repeat(17), 'L').modules).toBe(21);
    expect(qrPath('a'.repeat(18), 'L').modules).toBe(25);
    expect(qrPath('a'.repeat(14), 'M').modules).toBe(21);
    expect(qrPath('a'.repeat(2_953), 'L').modules).toBe(177);
  });

  it('refuses a text that no code holds', () => {
    expect(() => qrPath('a'.repeat(2_332), 'M')).toThrow(RangeError);
    expect(() => qrPath('é'.repeat(1_477), 'L')).toThrow('2954 bytes are more than a QR code holds');
  });
});
