import { isRefusal, renderEInvoice, wantedForm } from '#e-invoice';
import type { PrintableInvoice } from './printable-invoice.js';
import type { Attachment } from './sheet.js';

/** Factur-X 1.09, 6.2: what the file inside is called, whatever the document is. */
const FILE = 'factur-x.xml';
const NAMESPACE = 'urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#';

/** Properties of the hybrid (Factur-X 1.09, 6.3.2); a credit note is an INVOICE here, too. */
const PROPERTIES = [
  ['DocumentFileName', FILE, 'name of the embedded XML invoice file'],
  ['DocumentType', 'INVOICE', 'type of the hybrid document'],
  ['Version', '1.0', 'version of the standard that the embedded XML follows'],
  ['ConformanceLevel', 'EN 16931', 'profile of the embedded XML'],
] as const;

/**
 * The electronic invoice that stands inside of an issued document's PDF; undefined where the customer wants none there, and
 * where there is none of this document. Its bytes are part of the page: when the form gets a new version, so does the layout.
 */
export function facturX(document: PrintableInvoice): Attachment | undefined {
  if (document.status !== 'issued') return undefined;
  const form = wantedForm(document);
  if (!form?.insidePdf) return undefined;
  const rendition = renderEInvoice(form.kind, document);
  if (isRefusal(rendition)) return undefined;
  return { name: FILE, type: 'text/xml', bytes: Buffer.from(rendition.text), xmp: XMP };
}

/** PDF/A knows no properties of others: their schema stands beside them (ISO 19005-3, 6.6.2.3.2). */
const XMP = [
  '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"',
  ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">',
  '<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">',
  '<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>',
  `<pdfaSchema:namespaceURI>${NAMESPACE}</pdfaSchema:namespaceURI>`,
  '<pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>',
  ...PROPERTIES.map(
    ([name, , description]) =>
      `<rdf:li rdf:parseType="Resource"><pdfaProperty:name>${name}</pdfaProperty:name>` +
      '<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>' +
      `<pdfaProperty:description>${description}</pdfaProperty:description></rdf:li>`,
  ),
  '</rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>',
  `<rdf:Description rdf:about="" xmlns:fx="${NAMESPACE}">`,
  ...PROPERTIES.map(([name, value]) => `<fx:${name}>${value}</fx:${name}>`),
  '</rdf:Description>',
].join('');
