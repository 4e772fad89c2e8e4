import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { dollarInvoice } from '../../../../test/integration/invoice-pdf.fixtures.js';
import { pdfaFaults, streamsOf } from '../../../../test/integration/pdfa-structure.js';
import { layoutInvoice } from '../layout-invoice.js';
import { readLogo } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'logo-'));
afterAll(() => rmSync(folder, { recursive: true }));

const svg = (inner: string, more = 'viewBox="0 0 200 50"') =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" ${more}>${inner}</svg>`);

/** Two pixels: red as it is, and black that is half there. */
function png(of: { width?: number; height?: number } = {}): Buffer {
  const image = new PNG({ width: of.width ?? 2, height: of.height ?? 1 });
  image.data.set([255, 0, 0, 255, 0, 0, 0, 128]);
  return PNG.sync.write(image);
}

describe('a logo of shapes', () => {
  it('is filled paths whose longer side is a thousand units', () => {
    const read = readLogo(
      svg(
        '<title>Acme</title><g transform="translate(10 0)" fill="#f00"><rect width="20" height="10"/>' +
          '<path style="fill:#12546b;fill-rule:evenodd" d="M0 0h10v10z"/></g><polygon points="0,0 4,0 4,4" fill="white"/>',
      ),
    );
    // A unit of the drawing is five of a thousand along 200.
    expect(read).toEqual({
      ...{ mediaType: 'image/svg+xml', width: 1000, height: 250 },
      paths: [
        { path: '50 0 m\n150 0 l\n150 50 l\n50 50 l\nh\n', colour: '#ff0000', evenOdd: false },
        { path: '50 0 m\n100 0 l\n100 50 l\nh\n', colour: '#12546b', evenOdd: true },
        { path: '0 0 m\n20 0 l\n20 20 l\nh\n', colour: '#ffffff', evenOdd: false },
      ],
    });
  });

  it('has circles and arcs as curves', () => {
    const read = readLogo(svg('<circle cx="50" cy="25" r="25"/>', 'width="100" height="50px"'));
    const [circle] = 'paths' in read ? read.paths : [];
    const points = [...(circle?.path ?? '').matchAll(/([-\d.]+) ([-\d.]+) c/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);
    expect(points).toHaveLength(4);
    // Ends of quarters lie on the circle of 250 around (500, 250).
    for (const [x = 0, y = 0] of points) expect(Math.abs(Math.hypot(x - 500, y - 250) - 250)).toBeLessThan(0.05);
  });

  it.each([
    ['a script', '<script>alert(1)</script>', /<script>/],
    ['a handler', '<rect width="9" height="9" onload="x()"/>', /onload/],
    ['a link', '<g xlink:href="http://example.com/" xmlns:xlink="x"><rect width="9" height="9"/></g>', /href/],
    ['another picture', '<image href="file:///etc/passwd"/>', /href/],
    ['a use of what is elsewhere', '<use/>', /<use>/],
    ['a style sheet', '<style>@import "http://example.com"</style>', /<style>/],
    ['foreign elements', '<foreignObject><rect width="9" height="9"/></foreignObject>', /foreignObject/],
    ['text in a typeface', '<text>Acme</text>', /<text>/],
    ['strokes', '<rect width="9" height="9" stroke="#000"/>', /stroke/],
    ['what is seen through', '<rect width="9" height="9" style="opacity:.5"/>', /opacity/],
    ['a gradient', '<rect width="9" height="9" fill="url(#a)"/>', /url\(#a\)/],
    ['nothing', '', /no filled shape/],
    ['a path that is none', '<path d="M0 0 L banana"/>', /cannot be read/],
    ['a path that leads far out', '<path d="M0 0 L1e9 0 Z"/>', /too far out/],
    ['too many shapes', '<g/>'.repeat(2_001), /2000 elements/],
    ['too deep groups', `${'<g>'.repeat(40)}<rect width="9" height="9"/>${'</g>'.repeat(40)}`, /32 deep/],
    ['an open element', '<g>', /well-formed/],
  ])('with %s is refused', (_, inner, fault) => {
    expect(readLogo(svg(inner))).toEqual({ fault: expect.stringMatching(fault) as string });
  });

  it.each([
    ['<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg viewBox="0 0 1 1"><rect width="1" height="1"/></svg>', /document type/],
    ['<svg><rect width="1" height="1"/></svg>', /viewBox/],
    ['<svg viewBox="0 0 0 9"><rect width="1" height="1"/></svg>', /viewBox/],
    ['<html><svg viewBox="0 0 1 1"/></html>', /<html>/],
    ['GIF89a', /neither/],
    [`<svg>${' '.repeat(100_000)}</svg>`, /100000 are the most/],
  ])('%.40s is refused', (text, fault) => {
    expect(readLogo(Buffer.from(text))).toEqual({ fault: expect.stringMatching(fault) as string });
  });
});

describe('a logo of pixels', () => {
  it('stands on white', () => {
    const read = readLogo(png()) as { pixels: Uint8Array; width: number; height: number };
    expect([read.width, read.height]).toEqual([2, 1]);
    // Half of black over white: (0 × 128 + 255 × 127) ÷ 255 = 127.
    expect([...inflateSync(read.pixels)]).toEqual([255, 0, 0, 127, 127, 127]);
  });

  it('that is cut off, too large or interlaced is refused', () => {
    expect(readLogo(png().subarray(0, 50))).toEqual({ fault: expect.stringContaining('damaged') as string });
    const large = Buffer.from(png());
    large.writeUInt32BE(2_000_000, 16);
    expect(readLogo(large)).toEqual({ fault: expect.stringContaining('pixels') as string });
    const interlaced = Buffer.from(png());
    interlaced[28] = 1;
    expect(readLogo(interlaced)).toEqual({ fault: expect.stringContaining('interlaced') as string });
  });
});

describe('a document with a logo', () => {
  const branded = (bytes: Buffer) => {
    const document = dollarInvoice();
    const logo = createHash('sha256').update(bytes).digest('hex');
    return { ...document, supplier: { ...document.supplier, branding: { logo } } };
  };

  it.each([
    ['shapes', svg('<rect width="200" height="50" fill="#12546b"/>'), /W n\n0\.0706 0\.3294 0\.4196 rg\n0 0 m/],
    ['pixels', png({ width: 40, height: 20 }), /\/Logo Do/],
  ])('of %s is PDF/A-3b, and the same each time', (name, bytes, drawn) => {
    const document = branded(bytes);
    const { pdf, sha256 } = layoutInvoice(document, undefined, bytes);
    const file = join(folder, `${name}.pdf`);
    writeFileSync(file, pdf);
    expect(pdfaFaults(file)).toEqual([]);
    expect(streamsOf(file)).toMatch(drawn);
    expect(layoutInvoice(document, undefined, bytes).sha256).toBe(sha256);
    expect(layoutInvoice(dollarInvoice()).sha256).not.toBe(sha256);
  });

  it('is drawn with that one or not at all', () => {
    const bytes = svg('<rect width="200" height="50" fill="#123456"/>');
    expect(() => layoutInvoice(branded(bytes))).toThrow(expect.objectContaining({ code: 'logo_missing' }));
    expect(() => layoutInvoice(branded(bytes), undefined, Buffer.from('other'))).toThrow('the logo is not');
  });
});
