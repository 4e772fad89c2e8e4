import { en16931Ubl } from './en16931-ubl/format.js';
import { facturX } from './factur-x/format.js';
import { peppol } from './peppol/format.js';
import { xrechnungCii, xrechnungUbl } from './xrechnung/format.js';

/** Every electronic form that documents have. A new one is a folder and a row here. */
export const FORMATS = {
  cii: facturX,
  ubl: en16931Ubl,
  xrechnung: xrechnungCii,
  'xrechnung-ubl': xrechnungUbl,
  peppol,
} as const;

export type FormatKind = keyof typeof FORMATS;

export const FORMAT_KINDS = Object.keys(FORMATS) as readonly FormatKind[];
