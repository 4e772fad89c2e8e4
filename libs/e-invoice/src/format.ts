import type { DocumentKind } from '#invoicing';
import type { ElectronicContent } from './document.js';
import type { SemanticInvoice } from './semantic/semantic-invoice.js';

/** One electronic form of an issued document: what it is called, what it asks of the parties, how it is written. */
export interface Format<Kind extends string = string> {
  readonly kind: Kind;
  readonly mediaType: 'application/xml';
  /** Counted up when the same document would come out in other bytes. */
  readonly layoutVersion: number;
  /** BT-24, the specification that a file says it follows. */
  readonly customization: string;
  /** BT-23. */
  readonly process: string | null;
  /** BT-3, UNCL 1001. */
  readonly typeCodes: Readonly<Record<DocumentKind, string>>;
  /** Whether a party without an electronic address of its own is reached by its e-mail address (scheme `EM`). */
  readonly emailIsAnAddress: boolean;
  /** Whether a file says where the supply goes (BG-15), also where the tax does not depend on it. */
  readonly alwaysSaysWhereTo: boolean;
  /** Whether a file must say how it is settled (BG-16), also where nothing is to be paid. */
  settlementIsRequired(content: ElectronicContent): boolean;
  /** What the format asks for beyond EN 16931 and the document lacks, by REST paths. */
  missing(content: ElectronicContent): string[];
  write(invoice: SemanticInvoice): string;
}

/** Checks a format against its own kind. */
export function format<Kind extends string>(of: Format<Kind>): Format<Kind> {
  return of;
}
