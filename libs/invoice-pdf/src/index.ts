export { isCountry } from './country-names/index.js';
export { isFault, LARGEST_LOGO, type LogoFault, readLogo } from './logo/index.js';
export { createInvoiceRenderer, type InvoiceRenderer, type LoadLogo } from './renderer.js';
export { InvoicePdfError } from './invoice-pdf-error.js';
export { LAYOUT_VERSION, type RenderedPdf } from './layout-invoice.js';
export { type UnprintableText, unprintableCharacters } from './unprintable.js';
export type { PagesDrawn } from './render-worker.js';
