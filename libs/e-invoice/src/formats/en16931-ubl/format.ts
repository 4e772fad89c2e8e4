import { format } from '../../format.js';
import { writeUbl } from '../../syntaxes/ubl.js';

/** Plain EN 16931 in UBL 2.1, for a network with no rules of its own. */
export const en16931Ubl = format({
  kind: 'ubl',
  mediaType: 'application/xml',
  layoutVersion: 1,
  customization: 'urn:cen.eu:en16931:2017',
  process: null,
  typeCodes: { invoice: '380', credit_note: '381', debit_note: '383' },
  emailIsAnAddress: false,
  alwaysSaysWhereTo: false,
  settlementIsRequired: () => false,
  missing: () => [],
  write: writeUbl,
});
