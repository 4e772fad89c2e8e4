import type { Wording } from './wording.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const TITLES = { invoice: 'Invoice', credit_note: 'Credit note', debit_note: 'Debit note' } as const;

export const english: Wording = {
  language: 'en',
  digits: { group: ',', point: '.' },

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? `Draft ${TITLES[kind].toLowerCase()}` : TITLES[kind]),
  notIssued: 'Not issued: no number, nothing to pay',
  billedTo: 'Billed to',
  issueDate: 'Issue date',
  dueDate: 'Due date',
  corrects: 'Corrects',
  billingPeriod: 'Billing period',
  usageMeasured: 'Usage measured',
  from: (instant) => `from ${instant}`,
  to: (instant) => `to ${instant}`,
  customerReference: 'Customer reference',
  currency: 'Currency',

  payable: {
    credited: 'Amount credited',
    in_favour: 'Balance in your favour',
    would_be_due: 'Amount that would be due',
    due: 'Amount due',
  },
  dueBy: (date) => `by ${date}`,

  description: 'Description',
  quantity: 'Quantity',
  unit: 'Unit',
  unitPrice: 'Unit price',
  amountIn: (currency) => `Amount ${currency}`,
  things: { account: 'account', customer_site_id: 'site', msisdn: 'MSISDN', imsi: 'IMSI' },
  site: (name) => `Site ${name}`,
  commodityCode: 'Commodity code',
  taxCategoryOf: (code, name) => `tax category ${code} (${name.toLowerCase()})`,
  taxOf: (name) => `tax: ${name}`,
  exactQuantity: (decimals, quantity) => `quantity to ${decimals} decimals: ${quantity}`,
  nowAndBefore: (now, before) => `now ${now}, billed before ${before}`,

  taxCategories: {
    S: 'Standard rate',
    Z: 'Zero rated',
    E: 'Exempt',
    AE: 'Reverse charge',
    K: 'Intra-Community supply',
    G: 'Export',
    O: 'Outside the scope of tax',
  },
  tax: 'Tax',
  rate: 'Rate',
  taxableAmount: 'Taxable amount',
  taxIn: (currency) => `Tax ${currency}`,
  net: 'Net',
  total: 'Total',
  rounding: 'Rounding',

  payment: 'Payment',
  status: 'Status',
  terms: 'Terms',
  paymentReference: 'Payment reference',
  payee: 'Payee',
  termsOf: (days) => `${days} days from the issue date`,
  termsBy: (days, date) => `${days} days from the issue date, by ${date}`,
  nothingToPay: {
    draft: 'A draft. Nothing is to be paid before the invoice is issued.',
    credit_note: 'Nothing is to be paid on a credit note.',
    settled: 'Nothing is to be paid.',
  },
  notes: 'Notes',
  annex: {
    title: 'Annex: lines by charge',
    linesIn: (count, mark) => `${count} lines, in annex ${mark}`,
    lines: (count) => `${count} lines`,
    uplink: 'Uplink',
    downlink: 'Downlink',
    missing: 'Missing',
    terms: {
      included: (quantity) => `${quantity} included`,
      per: (quantity, price) => `${price} per ${quantity}`,
      upTo: (quantity, price) => `up to ${quantity} at ${price}`,
      above: (quantity, price) => `above ${quantity} at ${price}`,
      commit: (quantity, price) => `${quantity} committed at ${price}`,
      aboveCommit: (price) => `above the commit at ${price}`,
      minimum: (amount) => `minimum ${amount}`,
      maximum: (amount) => `maximum ${amount}`,
    },
  },
  reason: (given) => `Reason: ${given}`,
  billedAndLeft: (billed, left) => `Billed ${billed} with tax, of which ${left} is left after this credit note.`,

  page: (number, of) => `Page ${number} of ${of}`,
  issued: (stamp) => `Issued ${stamp}`,
  revision: (number) => `Revision ${number}`,
  inputs: (sha256) => `Inputs SHA-256 ${sha256}`,
  draft: 'DRAFT',

  taxNumber: { vat: 'VAT ID', other: 'Tax ID' },
};
