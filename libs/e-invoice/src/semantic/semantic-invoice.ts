import type { Address, Contact, ElectronicAddress, Registration, TaxCategory } from '#invoicing';

/**
 * An invoice in the terms of EN 16931-1, before it has a syntax; BT and BG are the numbers of its business terms and groups.
 * Numbers are decimal strings, amounts have the decimals of the currency, dates are `YYYY-MM-DD` and inclusive. A credit
 * note has the amounts that are credited, above 0.
 */
export interface SemanticInvoice {
  readonly isCreditNote: boolean;
  /** BT-24, BT-23. */
  readonly customization: string;
  readonly process: string | null;
  /** BT-1, BT-2, BT-3, BT-5. */
  readonly number: string;
  readonly issueDate: string;
  readonly typeCode: string;
  readonly currency: string;
  /** BT-9; none on a credit note. */
  readonly dueDate: string | null;
  /** BT-20. */
  readonly paymentTerms: string | null;
  /** BT-22. One note: Peppol has no room for more. */
  readonly note: string | null;
  /** BT-10, BT-13, BT-12. */
  readonly buyerReference: string | null;
  readonly orderReference: string | null;
  readonly contractReference: string | null;
  /** BT-25: the document that this one corrects or replaces. */
  readonly precedingNumber: string | null;
  /** BG-14. */
  readonly period: Days;
  /** BG-4, BG-7. */
  readonly seller: SemanticParty;
  readonly buyer: SemanticParty;
  /** BG-15; null where neither the tax nor the format depends on where the supply goes. */
  readonly deliverTo: Address | null;
  /** BG-16. */
  readonly payment: Payment | null;
  /** BG-20, BG-21. */
  readonly allowances: readonly AllowanceOrCharge[];
  readonly charges: readonly AllowanceOrCharge[];
  /** BG-23. */
  readonly taxes: readonly TaxBreakdown[];
  readonly totals: SemanticTotals;
  /** BG-25. */
  readonly lines: readonly SemanticLine[];
}

export interface Days {
  readonly first: string;
  readonly last: string;
}

export interface SemanticParty {
  /** BT-29, BT-46: what the seller calls the party. */
  readonly reference: string;
  readonly name: string;
  readonly address: Address | null;
  readonly registration: Registration | null;
  /** BT-31, BT-48: with the prefix of its country. */
  readonly vatId: string | null;
  /** BT-32: a tax number that is no VAT identifier; of the seller only. */
  readonly taxNumber: string | null;
  readonly endpoint: ElectronicAddress | null;
  /** BG-6; of the seller only. */
  readonly contact: Contact | null;
}

/** BT-81, BT-83, BT-84, BT-85, BT-86. */
export interface Payment {
  readonly meansCode: string;
  readonly reference: string;
  /** An IBAN, or the number within the bank. */
  readonly account: {
    readonly id: string;
    readonly isIban: boolean;
    readonly holder: string;
    readonly bic: string | null;
  } | null;
}

/** BT-151, BT-152. `O` has a rate of 0 in the breakdown and none elsewhere (BR-O-05 to BR-O-07). */
export interface LineTax {
  readonly category: TaxCategory;
  readonly rate: string;
}

export interface AllowanceOrCharge {
  readonly amount: string;
  readonly reason: string;
  /** UNCL 5189. */
  readonly reasonCode: string | null;
  readonly tax: LineTax;
}

export interface TaxBreakdown extends LineTax {
  readonly base: string;
  readonly amount: string;
  /** BT-120, BT-121; none for S and Z. */
  readonly reason: string | null;
  readonly reasonCode: string | null;
}

export interface SemanticTotals {
  /** BT-106 to BT-115 but for what was prepaid. */
  readonly lines: string;
  readonly allowances: string;
  readonly charges: string;
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly rounding: string;
  readonly payable: string;
}

export interface SemanticLine {
  /** BT-126: the position on the document. */
  readonly id: string;
  readonly note: string | null;
  readonly price: LinePrice;
  /** BT-131. */
  readonly net: string;
  readonly period: Days;
  readonly tax: LineTax;
  /** BT-153, BT-154, BT-155. */
  readonly name: string;
  readonly description: string | null;
  readonly code: string;
  /** BG-32. */
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}

/** BT-129, BT-130, BT-146, BT-149. Only the quantity has a sign (BR-27). */
export interface LinePrice {
  readonly quantity: string;
  /** UN/ECE recommendation 20. */
  readonly unitCode: string;
  readonly price: string;
  /** How many units the price is for; null = 1. */
  readonly baseQuantity: string | null;
}
