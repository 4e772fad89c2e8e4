import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { counted, oneIsOne } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const days = counted(oneIsOne, { one: 'day', other: 'days' });
const UNITS = {
  second: counted(oneIsOne, { one: 'second', other: 'seconds' }),
  minute: counted(oneIsOne, { one: 'minute', other: 'minutes' }),
  hour: counted(oneIsOne, { one: 'hour', other: 'hours' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(oneIsOne, { one: 'site', other: 'sites' }),
  msisdn: counted(oneIsOne, { one: 'MSISDN', other: 'MSISDNs' }),
  imsi: counted(oneIsOne, { one: 'IMSI', other: 'IMSIs' }),
};

function ordinal(number: string): string {
  const teen = /1[123]$/.test(number) || number.includes('.');
  const suffix = teen ? 'th' : ({ '1': 'st', '2': 'nd', '3': 'rd' }[number.slice(-1)] ?? 'th');
  return `${number}${suffix}`;
}

const level = ({ aggregation, percentile }: Level): string =>
  aggregation === 'percentile' && percentile !== null ? `${ordinal(percentile)} percentile` : aggregation;

const TITLES = { invoice: 'Invoice', credit_note: 'Credit note', debit_note: 'Debit note' } as const;

export const english: Wording = {
  language: 'en',
  figure: figuresBy({ group: ',', point: '.' }),
  percent: (figure) => `${figure} %`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? `Draft ${TITLES[kind].toLowerCase()}` : TITLES[kind]),
  gst: {
    title: (isDraft) => (isDraft ? 'Draft tax invoice' : 'Tax invoice'),
    placeOfSupply: 'Place of supply',
    reverseCharge: 'Reverse charge',
    supply: 'Supply',
    yes: 'Yes',
    no: 'No',
    acknowledgement: 'Acknowledgement',
    acknowledged: 'Acknowledged',
  },
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
  purchaseOrder: 'Purchase order',
  contract: 'Contract',
  contact: 'Contact',
  registrationNumber: 'Company no.',
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
  things: {
    ...{ account: 'account', customer_site_id: 'site', msisdn: 'MSISDN', imsi: 'IMSI', period: 'period', item: 'item' },
    ...{ second: 'second', minute: 'minute', hour: 'hour', day: 'day' },
  },
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
  bankName: 'Bank',
  accountNumber: 'Account number',
  routingNumber: 'Routing number (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Bank code',
  scanToPay: 'Scan to pay',
  termsOf: (count) => `${count} ${days(`${count}`)} from the issue date`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} from the issue date, by ${date}`,
  nothingToPay: {
    draft: 'A draft. Nothing is to be paid before the invoice is issued.',
    credit_note: 'Nothing is to be paid on a credit note.',
    settled: 'Nothing is to be paid.',
  },
  notes: 'Notes',
  note: {
    corrects: (number, date) => `Corrects ${number} of ${date}.`,
    replaces: (number, date) => `Replaces ${number} of ${date}, which was taken back.`,
    reverse_charge: 'Reverse charge',
    intra_community_supply: 'Intra-Community supply, exempt from VAT',
    export_supply: 'Export outside the EU, exempt from VAT',
    bandwidth_as_reported:
      'Bandwidth is billed as reported: each sample is the average over the seconds with traffic in 5 minutes.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, in advance`,
    unused_share: (name) => `${name}, unused share`,
    paid_in_advance: (name) => `${name}, paid in advance`,
    minimum_spend: (plan) => `Minimum spend, ${plan}`,
    discount: (much, on) => (on === null ? `Discount ${much}` : `Discount ${much} on ${on}`),
    unusedShareOf: (title) => `${title}, unused share`,
  },
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
  chart: {
    inTime: (hours) => `in time, lowest to highest of each ${hours === 1 ? 'hour' : `${hours} hours`}`,
    sorted: 'sorted',
    samples: {
      uplink: 'Uplink samples',
      downlink: 'Downlink samples',
      greater: 'Greater of uplink and downlink',
      sum: 'Uplink and downlink added',
    },
    billed: (value, at, rank, of) => `billed: ${value}, ${at}, rank ${rank} of ${of}`,
    discarded: (count) => `discarded: the highest ${count}`,
    commit: (value) => `commit: ${value}`,
    byDay: 'by day',
  },
  reason: (given) => `Reason: ${given}`,
  billedAndLeft: (billed, left) => `Billed ${billed} with tax, of which ${left} is left after this credit note.`,
  billedAndNow: (billed, now) => `Billed ${billed}, now ${now}`,
  notSubjectToTax: 'Not subject to VAT',

  page: (number, of) => `Page ${number} of ${of}`,
  issued: (stamp) => `Issued ${stamp}`,
  revision: (number) => `Revision ${number}`,
  inputs: (sha256) => `Inputs SHA-256 ${sha256}`,
  draft: 'DRAFT',

  taxNumber: { vat: 'VAT ID', other: 'Tax ID' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'unknown',
  greaterOf: (uplink, downlink) => `greater of uplink ${uplink} and downlink ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `sum of the ${level(of)}s of ${sites} sites`,
  ofSlots: (of, slots) => `${of} of ${slots} slots`,
  aSite: 'site',
  rank: (rank) => `rank ${rank}`,
  at: (value, stamp) => `${value} at ${stamp}`,
  discarded: (samples) => `${samples} discarded`,
  coverage: (percent) => `coverage ${percent}`,
  samplesNotReported: (samples) => `${samples} samples not reported`,
  fates: {
    proven_idle: (samples) => `${samples} proven idle by bytes of 0`,
    quiet: (samples) => `${samples} in hours with a maximum of 0`,
    lost: (samples) => `${samples} lost`,
    unanswered: (samples) => `${samples} in hours that were not reported at all`,
    unexplained: (samples) => `${samples} in hours with traffic`,
  },
  rounded: (before, after) => `${before} rounded to ${after}`,
  inForce: (part, whole, unit) => `in force ${part} of ${whole} ${unit}s of the period`,
  included: (quantity) => `${quantity} included`,
  includedOf: (quantity, allowance) => `${quantity} of ${allowance} included`,
  committed: (quantity) => `${quantity} committed`,
  aboveCommit: (quantity) => `${quantity} above the commit`,
  flat: (amount) => `flat ${amount}`,
  feeOfTier: (tier) => `fee of the tier ${tier}`,
  upTo: (quantity) => `up to ${quantity}`,
  above: (quantity) => `above ${quantity}`,
  raisedTo: (minimum) => `raised to the minimum ${minimum}`,
  loweredTo: (maximum) => `lowered to the maximum ${maximum}`,
  discountOf: (discount, remaining) => `${discount} of ${remaining}`,
  taxPart: "this tax category's part",
  minimum: (amounts) => `minimum ${amounts}`,
  spent: (amount) => `spent ${amount}`,
  paidAhead: (amount) => `paid in advance ${amount}`,
};
