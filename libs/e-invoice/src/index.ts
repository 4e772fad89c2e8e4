export { isAddressScheme, isRegisterScheme } from './code-lists.js';
export type { ElectronicContent, ElectronicDocument } from './document.js';
export {
  FORMAT_KINDS,
  type FormatKind,
  formOf,
  layoutVersionOf,
  type Profile,
  PROFILES,
  XML_KINDS,
  type XmlKind,
} from './formats/index.js';
export { financialYear, irnText, irnTextOf } from './formats/inv01/irn.js';
export { answerFault, type AnswerFault, type PortalAnswer } from './formats/inv01/portal-answer.js';
export { hasItsForm } from './identifier-forms.js';
export { isRefusal, type Refusal, type RefusalCode } from './refusal.js';
export { hasElectronicForm, missingFor, objectionTo, renderEInvoice, type Rendition, wantedForm } from './render.js';
