import { type GstSupply, shownState } from '#invoicing';
import type { Chunk } from './paginate.js';
import type { PrintableInvoice } from './printable-invoice.js';
import { drawQr } from './qr.js';
import type { Sheet } from './sheet.js';
import { GREY, HAIRLINE, LEFT, RIGHT, STYLES, WIDTH } from './style.js';
import type { Texts } from './texts.js';

/**
 * What a document says of goods and services tax of India beside its figures (CGST rule 46): the place of supply with the name
 * of the state, whether tax is payable on reverse charge, and of supplies to a zone or abroad the endorsement of the rule,
 * which is prescribed in English.
 */
export function gstFacts({ words }: Texts, { gst, taxes }: PrintableInvoice): [label: string, value: string][] {
  if (!gst) return [];
  const endorsement = endorsementOf(gst);
  return [
    [words.gst.placeOfSupply, shownState(gst.place_of_supply)],
    [words.gst.reverseCharge, taxes.some(({ category }) => category === 'AE') ? words.gst.yes : words.gst.no],
    ...(endorsement === undefined ? [] : [[words.gst.supply, endorsement] as [string, string]]),
  ];
}

function endorsementOf({ supply, with_payment: withPayment }: GstSupply): string | undefined {
  if (supply !== 'sez' && supply !== 'export') return undefined;
  const to =
    supply === 'sez' ? 'supply to SEZ unit or SEZ developer for authorised operations' : 'supply meant for export';
  const how = withPayment
    ? 'on payment of integrated tax'
    : 'under bond or letter of undertaking without payment of integrated tax';
  return `${to} ${how}`.toUpperCase();
}

const SIDE = 150;
const LEAD = 12.2;

/** The registration of the document by a portal, and the code that it signed; nothing where it is not registered. */
export function registrationChunks(sheet: Sheet, { words }: Texts, { registration }: PrintableInvoice): Chunk[] {
  if (!registration) return [];
  const { irn, ack_no: ackNo, ack_date: ackDate, signed_qr_code: code } = registration;
  const rows: [string, string][] = [
    ['IRN', irn],
    [words.gst.acknowledgement, ackNo],
    [words.gst.acknowledged, ackDate],
  ];
  const [labelX, valueX] = [LEFT, LEFT + 110];
  const width = RIGHT - SIDE - 14 - valueX;
  const draw = (top: number) => {
    sheet.rule(LEFT, top, WIDTH, HAIRLINE, 0.7);
    let y = top + 9.4;
    for (const [label, value] of rows) {
      sheet.text(label, labelX, y + 8.6, { ...STYLES.fact, colour: GREY });
      for (const line of brokenTo(sheet, value, width)) {
        sheet.text(line, valueX, y + 8.6, STYLES.fact);
        y += LEAD;
      }
    }
    drawQr(sheet, code, { x: RIGHT - SIDE, y: top + 6, side: SIDE, level: 'L' });
  };
  return [{ tabular: false, joinsPrevious: false, pieces: [{ height: SIDE + 14, draw }] }];
}

/** A text without blanks, such as a hash, in lines of a width. */
function brokenTo(sheet: Sheet, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const character of text) {
    if (line !== '' && sheet.width(line + character, STYLES.fact) > width) {
      lines.push(line);
      line = '';
    }
    line += character;
  }
  return [...lines, line];
}
