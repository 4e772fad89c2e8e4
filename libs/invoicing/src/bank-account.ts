/**
 * Where a seller is paid, as banks of any country name it. All is kept without blanks and dashes. Members other than `iban` and
 * `bic` are absent where they are not known, as on every document that was issued before they could be.
 */
export interface BankAccount {
  readonly iban: string | null;
  /** ISO 9362, also called SWIFT code. */
  readonly bic: string | null;
  /** Whose account it is, where that is not the seller's name. */
  readonly account_holder?: string | null | undefined;
  readonly bank_name?: string | null | undefined;
  readonly branch?: string | null | undefined;
  /** The number within the bank, where there is no IBAN. */
  readonly account_number?: string | null | undefined;
  /** ABA, nine digits: United States. */
  readonly routing_number?: string | null | undefined;
  /** Six digits: United Kingdom, Ireland. */
  readonly sort_code?: string | null | undefined;
  /** Eleven characters: India. */
  readonly ifsc?: string | null | undefined;
  /** What names the bank or branch elsewhere, such as Australia's BSB. */
  readonly bank_code?: string | null | undefined;
  /** Virtual payment address of India's UPI. */
  readonly upi_id?: string | null | undefined;
  /** IBAN of Switzerland or Liechtenstein that takes payments with a QR reference only. */
  readonly qr_iban?: string | null | undefined;
}

const MEMBERS = [
  ...['account_holder', 'bank_name', 'branch', 'account_number', 'routing_number', 'sort_code', 'ifsc', 'bank_code'],
  ...['upi_id', 'qr_iban'],
] as readonly Exclude<keyof BankAccount, 'iban' | 'bic'>[];

/** The account as a document freezes it: what is not known is left out, except for IBAN and BIC. */
export function frozenBank(bank: BankAccount): BankAccount {
  const known = MEMBERS.flatMap((member) => (bank[member] ? [[member, bank[member]]] : []));
  return { iban: bank.iban, bic: bank.bic, ...(Object.fromEntries(known) as Partial<BankAccount>) };
}
