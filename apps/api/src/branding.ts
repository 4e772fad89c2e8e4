import { z } from 'zod';
import { text } from './contract.js';

/** How the pages of a seller look. */

/** WCAG 2.2, 1.4.3: below it small type is hard to read. White stands on the accent, and the accent on white. */
const LEAST_CONTRAST = 4.5;

const accent = z
  .string()
  .regex(/^#[0-9a-f]{6}$/i, { error: 'must be a colour of the form "#12546b"', abort: true })
  .overwrite((colour) => colour.toLowerCase())
  .superRefine((colour, context) => {
    const contrast = contrastToWhite(colour);
    if (contrast >= LEAST_CONTRAST) return;
    // Cut, for 4.497 is not 4.50.
    const shown = (Math.floor(contrast * 100) / 100).toFixed(2);
    const message = `has a contrast of ${shown} to white, and small type needs ${LEAST_CONTRAST}: take a darker colour`;
    context.addIssue({ code: 'custom', message });
  });

/** Contrast ratio of `#rrggbb` to white (WCAG 2.2, relative luminance). */
export function contrastToWhite(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}

export const branding = z
  .strictObject({
    accent: accent.nullable().optional().meta({ description: 'The colour of rules and headings, `#rrggbb`.' }),
    footer: text(300).nullable().optional().meta({ description: 'Printed at the foot of every page.' }),
  })
  .meta({ description: 'How the pages of documents look. The logo has a resource of its own.' });
