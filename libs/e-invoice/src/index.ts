export type {
  Contact,
  CustomerTerms,
  ElectronicAddress,
  ElectronicContent,
  ElectronicDocument,
  Registration,
  SupplierTerms,
} from './document.js';
export { FORMAT_KINDS, type FormatKind } from './formats/index.js';
export type { Refusal, RefusalCode } from './refusal.js';
export { missingFor, renderEInvoice, type Rendition } from './render.js';
