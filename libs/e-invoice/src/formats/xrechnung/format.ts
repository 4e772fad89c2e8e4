import type { ElectronicContent } from '../../document.js';
import { format } from '../../format.js';
import { isBlank, missingInGermany, present } from '../../requirements.js';
import { writeCii } from '../../syntaxes/cii.js';
import { writeUbl } from '../../syntaxes/ubl.js';

/** XRechnung 3.0 in either syntax. A debit note is a commercial invoice there (BR-DE-17) that names what it corrects. */
const XRECHNUNG = {
  mediaType: 'application/xml',
  layoutVersion: 1,
  customization: 'urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0',
  process: 'urn:fdc:peppol.eu:2017:poacc:billing:01:1.0',
  typeCodes: { invoice: '380', credit_note: '381', debit_note: '380' },
  emailIsAnAddress: true,
  alwaysSaysWhereTo: false,
  settlementIsRequired: () => true,
  missing,
} as const;

export const xrechnungCii = format({ kind: 'xrechnung', ...XRECHNUNG, write: writeCii });

export const xrechnungUbl = format({ kind: 'xrechnung-ubl', ...XRECHNUNG, write: writeUbl });

function missing(content: ElectronicContent): string[] {
  const { supplier, customer } = content;
  return [
    ...missingInGermany(content),
    // PEPPOL-EN16931-R010 and R020, which XRechnung takes over; an e-mail address will do.
    ...present([
      !supplier.e_invoice?.endpoint && isBlank(supplier.email) && '/seller/e_invoice/endpoint',
      !customer.e_invoice?.endpoint && isBlank(customer.email) && '/e_invoice/endpoint',
    ]),
  ];
}
