import { format } from '../../format.js';
import { writeCii } from '../../syntaxes/cii.js';

/** Factur-X 1.09, profile EN 16931: plain EN 16931 in CII, the file inside a hybrid PDF. */
export const facturX = format({
  kind: 'cii',
  mediaType: 'application/xml',
  layoutVersion: 1,
  customization: 'urn:cen.eu:en16931:2017',
  process: null,
  typeCodes: { invoice: '380', credit_note: '381', debit_note: '383' },
  emailIsAnAddress: false,
  // BR-FX-EN-04 wants it.
  alwaysSaysWhereTo: true,
  settlementIsRequired: () => false,
  missing: () => [],
  write: writeCii,
});
