import { en16931Ubl } from './en16931-ubl/format.js';
import { facturX } from './factur-x/format.js';
import { inv01 } from './inv01/format.js';
import { peppol } from './peppol/format.js';
import { xrechnungCii, xrechnungUbl } from './xrechnung/format.js';

/** The forms of EN 16931. A new one is a folder and a row here. */
export const FORMATS = {
  cii: facturX,
  ubl: en16931Ubl,
  xrechnung: xrechnungCii,
  'xrechnung-ubl': xrechnungUbl,
  peppol,
} as const;

export type XmlKind = keyof typeof FORMATS;

export const XML_KINDS = Object.keys(FORMATS) as readonly XmlKind[];

/** Every electronic form that documents have: those of EN 16931, and INV-01 of India, which is JSON. */
export type FormatKind = XmlKind | typeof inv01.kind;

export const FORMAT_KINDS: readonly FormatKind[] = [...XML_KINDS, inv01.kind];

/** The version of a form that this version of the service writes. */
export function layoutVersionOf(kind: FormatKind): number {
  return kind === inv01.kind ? inv01.layoutVersion : FORMATS[kind].layoutVersion;
}

/** Factur-X, which is `cii` inside of the PDF. */
const HYBRID = 'factur-x';

/** What an account may want beside its PDF: any form as a file of its own, or the hybrid. */
export const PROFILES = [HYBRID, ...FORMAT_KINDS] as const;

export type Profile = (typeof PROFILES)[number];

/** The form that a profile stands for; undefined for none, and for one that this version does not know. */
export function formOf(profile: string | null | undefined): { kind: FormatKind; insidePdf: boolean } | undefined {
  if (profile === HYBRID) return { kind: 'cii', insidePdf: true };
  const kind = FORMAT_KINDS.find((each) => each === profile);
  return kind && { kind, insidePdf: false };
}
