import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { counted, oneIsOne } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'jan feb mrt apr mei jun jul aug sep okt nov dec'.split(' ');

const days = counted(oneIsOne, { one: 'dag', other: 'dagen' });
const UNITS = {
  second: counted(oneIsOne, { one: 'seconde', other: 'seconden' }),
  minute: counted(oneIsOne, { one: 'minuut', other: 'minuten' }),
  hour: () => 'uur',
  day: days,
};
const THINGS = {
  customer_site_id: counted(oneIsOne, { one: 'locatie', other: 'locaties' }),
  msisdn: counted(oneIsOne, { one: 'MSISDN', other: 'MSISDN’s' }),
  imsi: counted(oneIsOne, { one: 'IMSI', other: 'IMSI’s' }),
};

const figure = figuresBy({ group: '.', point: ',' });
const AGGREGATIONS = { percentile: 'percentiel', average: 'gemiddelde', minimum: 'minimum', maximum: 'maximum' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `${figure(percentile)}e percentiel`;

const TITLES = { invoice: 'Factuur', credit_note: 'Creditnota', debit_note: 'Debetnota' } as const;
const DRAFTS = {
  invoice: 'Conceptfactuur',
  credit_note: 'Concept-creditnota',
  debit_note: 'Concept-debetnota',
} as const;

export const dutch: Wording = {
  language: 'nl',
  figure,
  percent: (of) => `${of}%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Concept-belastingfactuur' : 'Belastingfactuur'),
    placeOfSupply: 'Plaats van levering',
    reverseCharge: 'Belasting verlegd',
    supply: 'Levering',
    yes: 'Ja',
    no: 'Nee',
    acknowledgement: 'Bevestiging',
    acknowledged: 'Bevestigd',
  },
  notIssued: 'Niet uitgereikt: zonder nummer, niets te betalen',
  billedTo: 'Gefactureerd aan',
  issueDate: 'Factuurdatum',
  dueDate: 'Vervaldatum',
  corrects: 'Corrigeert',
  billingPeriod: 'Factuurperiode',
  usageMeasured: 'Verbruik gemeten',
  from: (instant) => `van ${instant}`,
  to: (instant) => `tot ${instant}`,
  customerReference: 'Klantnummer',
  purchaseOrder: 'Inkooporder',
  contract: 'Contract',
  contact: 'Contact',
  registrationNumber: 'Registratienummer',
  currency: 'Valuta',

  payable: {
    credited: 'Gecrediteerd bedrag',
    in_favour: 'Saldo in uw voordeel',
    would_be_due: 'Bedrag dat te betalen zou zijn',
    due: 'Te betalen',
  },
  dueBy: (date) => `uiterlijk ${date}`,

  description: 'Omschrijving',
  quantity: 'Aantal',
  unit: 'Eenheid',
  unitPrice: 'Prijs per eenheid',
  amountIn: (currency) => `Bedrag ${currency}`,
  things: {
    ...{ account: 'account', customer_site_id: 'locatie', msisdn: 'MSISDN', imsi: 'IMSI', period: 'periode' },
    ...{ item: 'stuk', second: 'seconde', minute: 'minuut', hour: 'uur', day: 'dag' },
  },
  site: (name) => `Locatie ${name}`,
  commodityCode: 'Goederencode',
  taxCategoryOf: (code, name) => `belastingcategorie ${code} (${name})`,
  taxOf: (name) => `belasting: ${name}`,
  exactQuantity: (decimals, quantity) => `aantal tot op ${decimals} decimalen: ${quantity}`,
  nowAndBefore: (now, before) => `nu ${now}, eerder gefactureerd ${before}`,

  taxCategories: {
    S: 'Normaal tarief',
    Z: 'Nultarief',
    E: 'Vrijgesteld',
    AE: 'Btw verlegd',
    K: 'Intracommunautaire levering',
    G: 'Uitvoer',
    O: 'Buiten het toepassingsgebied',
  },
  tax: 'Belasting',
  rate: 'Tarief',
  taxableAmount: 'Grondslag',
  taxIn: (currency) => `Belasting ${currency}`,
  net: 'Netto',
  total: 'Totaal',
  rounding: 'Afronding',

  payment: 'Betaling',
  status: 'Status',
  terms: 'Termijn',
  paymentReference: 'Betalingskenmerk',
  payee: 'Begunstigde',
  bankName: 'Bank',
  accountNumber: 'Rekeningnummer',
  routingNumber: 'Routingnummer (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Bankcode',
  scanToPay: 'Scan om te betalen',
  termsOf: (count) => `${count} ${days(`${count}`)} na factuurdatum`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} na factuurdatum, uiterlijk ${date}`,
  nothingToPay: {
    draft: 'Een concept. Er is niets te betalen voordat de factuur is uitgereikt.',
    credit_note: 'Op een creditnota is niets te betalen.',
    settled: 'Er is niets te betalen.',
  },
  notes: 'Opmerkingen',
  note: {
    corrects: (number, date) => `Corrigeert ${number} van ${date}.`,
    replaces: (number, date) => `Vervangt ${number} van ${date}, die is teruggenomen.`,
    reverse_charge: 'Btw verlegd',
    intra_community_supply: 'Intracommunautaire levering, vrijgesteld van btw',
    export_supply: 'Uitvoer buiten de EU, vrijgesteld van btw',
    bandwidth_as_reported:
      'Bandbreedte wordt gefactureerd zoals gemeld: elke meting is het gemiddelde over de seconden met verkeer in 5 minuten.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, vooraf`,
    unused_share: (name) => `${name}, ongebruikt deel`,
    paid_in_advance: (name) => `${name}, vooruitbetaald`,
    minimum_spend: (plan) => `Minimumafname, ${plan}`,
    discount: (much, on) => (on === null ? `Korting ${much}` : `Korting ${much} op ${on}`),
    unusedShareOf: (title) => `${title}, ongebruikt deel`,
  },
  annex: {
    title: 'Bijlage: regels per tarief',
    linesIn: (count, mark) => `${count} regels, in bijlage ${mark}`,
    lines: (count) => `${count} regels`,
    uplink: 'Uplink',
    downlink: 'Downlink',
    missing: 'Ontbrekend',
    terms: {
      included: (quantity) => `${quantity} inbegrepen`,
      per: (quantity, price) => `${price} per ${quantity}`,
      upTo: (quantity, price) => `tot en met ${quantity} tegen ${price}`,
      above: (quantity, price) => `boven ${quantity} tegen ${price}`,
      commit: (quantity, price) => `${quantity} toegezegd tegen ${price}`,
      aboveCommit: (price) => `boven de toezegging tegen ${price}`,
      minimum: (amount) => `minimum ${amount}`,
      maximum: (amount) => `maximum ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `in de tijd, laagste tot hoogste per ${hours === 1 ? 'uur' : `${hours} uur`}`,
    sorted: 'gesorteerd',
    samples: {
      uplink: 'Metingen uplink',
      downlink: 'Metingen downlink',
      greater: 'Hoogste van uplink en downlink',
      sum: 'Som van uplink en downlink',
    },
    billed: (value, at, rank, of) => `gefactureerd: ${value}, ${at}, rang ${rank} van ${of}`,
    discarded: (count) => `weggelaten: de hoogste ${count}`,
    commit: (value) => `toezegging: ${value}`,
    byDay: 'per dag',
  },
  reason: (given) => `Reden: ${given}`,
  billedAndLeft: (billed, left) =>
    `Gefactureerd ${billed} inclusief belasting, waarvan na deze creditnota ${left} overblijft.`,
  billedAndNow: (billed, now) => `Gefactureerd ${billed}, nu ${now}`,
  notSubjectToTax: 'Niet aan btw onderworpen',

  page: (number, of) => `Pagina ${number} van ${of}`,
  issued: (stamp) => `Uitgereikt ${stamp}`,
  revision: (number) => `Revisie ${number}`,
  inputs: (sha256) => `Gegevens SHA-256 ${sha256}`,
  draft: 'CONCEPT',

  taxNumber: { vat: 'Btw-nummer', other: 'Fiscaal nummer' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'onbekend',
  greaterOf: (uplink, downlink) => `hoogste van uplink ${uplink} en downlink ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `som van ${sites} locaties, ${level(of)} van elke`,
  ofSlots: (of, slots) => `${of} van ${slots} intervallen`,
  aSite: 'locatie',
  rank: (rank) => `rang ${rank}`,
  at: (value, stamp) => `${value} om ${stamp}`,
  discarded: (samples) => `${samples} weggelaten`,
  coverage: (percent) => `dekking ${percent}`,
  samplesNotReported: (samples) => `${samples} metingen niet gemeld`,
  fates: {
    proven_idle: (samples) => `${samples} zonder verkeer blijkens 0 bytes`,
    quiet: (samples) => `${samples} in uren met een maximum van 0`,
    lost: (samples) => `${samples} verloren`,
    unanswered: (samples) => `${samples} in uren die niet zijn gemeld`,
    unexplained: (samples) => `${samples} in uren met verkeer`,
  },
  rounded: (before, after) => `${before} afgerond op ${after}`,
  inForce: (part, whole, unit) =>
    `van kracht ${part} van ${whole} ${{ second: 'seconden', day: 'dagen' }[unit]} van de periode`,
  included: (quantity) => `${quantity} inbegrepen`,
  includedOf: (quantity, allowance) => `${quantity} van ${allowance} inbegrepen`,
  committed: (quantity) => `${quantity} afgenomen volgens toezegging`,
  aboveCommit: (quantity) => `${quantity} boven de toezegging`,
  flat: (amount) => `vast bedrag ${amount}`,
  feeOfTier: (tier) => `kosten van de staffel ${tier}`,
  upTo: (quantity) => `tot en met ${quantity}`,
  above: (quantity) => `boven ${quantity}`,
  raisedTo: (minimum) => `verhoogd tot het minimum ${minimum}`,
  loweredTo: (maximum) => `verlaagd tot het maximum ${maximum}`,
  discountOf: (discount, remaining) => `${discount} van ${remaining}`,
  taxPart: 'deel van deze belastingcategorie',
  minimum: (amounts) => `minimum ${amounts}`,
  spent: (amount) => `besteed ${amount}`,
  paidAhead: (amount) => `vooruitbetaald ${amount}`,
};
