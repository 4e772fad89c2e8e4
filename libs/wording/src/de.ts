import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { counted, oneIsOne } from './plural.js';
import type { Wording } from './wording.js';

const days = counted(oneIsOne, { one: 'Tag', other: 'Tage' });
const UNITS = {
  second: counted(oneIsOne, { one: 'Sekunde', other: 'Sekunden' }),
  minute: counted(oneIsOne, { one: 'Minute', other: 'Minuten' }),
  hour: counted(oneIsOne, { one: 'Stunde', other: 'Stunden' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(oneIsOne, { one: 'Standort', other: 'Standorte' }),
  msisdn: counted(oneIsOne, { one: 'MSISDN', other: 'MSISDNs' }),
  imsi: counted(oneIsOne, { one: 'IMSI', other: 'IMSIs' }),
};

const figure = figuresBy({ group: '.', point: ',' });
const AGGREGATIONS = { percentile: 'Perzentil', average: 'Durchschnitt', minimum: 'Minimum', maximum: 'Maximum' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `${figure(percentile)}. Perzentil`;

// No »Gutschrift«: by § 14 (2) UStG that is an invoice that the customer writes.
const TITLES = { invoice: 'Rechnung', credit_note: 'Rechnungskorrektur', debit_note: 'Belastungsanzeige' } as const;
const DRAFTS = {
  invoice: 'Rechnungsentwurf',
  credit_note: 'Entwurf einer Rechnungskorrektur',
  debit_note: 'Entwurf einer Belastungsanzeige',
} as const;

export const german: Wording = {
  language: 'de',
  figure,
  percent: (of) => `${of}\u00a0%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => [`${day}`.padStart(2, '0'), `${month}`.padStart(2, '0'), year].join('.'),
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Entwurf einer Steuerrechnung' : 'Steuerrechnung'),
    placeOfSupply: 'Ort der Leistung',
    reverseCharge: 'Umkehr der Steuerschuld',
    supply: 'Leistung',
    yes: 'Ja',
    no: 'Nein',
    acknowledgement: 'Bestätigung',
    acknowledged: 'Bestätigt',
  },
  notIssued: 'Nicht ausgestellt: ohne Nummer, nichts zu zahlen',
  billedTo: 'Rechnungsempfänger',
  issueDate: 'Rechnungsdatum',
  dueDate: 'Fällig am',
  corrects: 'Berichtigt',
  billingPeriod: 'Abrechnungszeitraum',
  usageMeasured: 'Nutzung gemessen',
  from: (instant) => `von ${instant}`,
  to: (instant) => `bis ${instant}`,
  customerReference: 'Kundennummer',
  purchaseOrder: 'Bestellnummer',
  contract: 'Vertrag',
  contact: 'Ansprechpartner',
  registrationNumber: 'Registernummer',
  currency: 'Währung',

  payable: {
    credited: 'Gutgeschriebener Betrag',
    in_favour: 'Guthaben zu Ihren Gunsten',
    would_be_due: 'Voraussichtlicher Zahlbetrag',
    due: 'Zahlbetrag',
  },
  dueBy: (date) => `bis ${date}`,

  description: 'Beschreibung',
  quantity: 'Menge',
  unit: 'Einheit',
  unitPrice: 'Einzelpreis',
  amountIn: (currency) => `Betrag ${currency}`,
  things: {
    ...{ account: 'Konto', customer_site_id: 'Standort', msisdn: 'MSISDN', imsi: 'IMSI', period: 'Zeitraum' },
    ...{ item: 'Stück', second: 'Sekunde', minute: 'Minute', hour: 'Stunde', day: 'Tag' },
  },
  site: (name) => `Standort ${name}`,
  commodityCode: 'Warennummer',
  taxCategoryOf: (code, name) => `Steuerkategorie ${code} (${name})`,
  taxOf: (name) => `Steuer: ${name}`,
  exactQuantity: (decimals, quantity) => `Menge auf ${decimals} Nachkommastellen: ${quantity}`,
  nowAndBefore: (now, before) => `jetzt ${now}, bisher berechnet ${before}`,

  taxCategories: {
    S: 'Regelsatz',
    Z: 'Nullsatz',
    E: 'Steuerbefreit',
    AE: 'Steuerschuldnerschaft des Leistungsempfängers',
    K: 'Innergemeinschaftliche Lieferung',
    G: 'Ausfuhr',
    O: 'Nicht steuerbar',
  },
  tax: 'Steuer',
  rate: 'Satz',
  taxableAmount: 'Nettobetrag',
  taxIn: (currency) => `Steuer ${currency}`,
  net: 'Netto',
  total: 'Brutto',
  rounding: 'Rundung',

  payment: 'Zahlung',
  status: 'Status',
  terms: 'Zahlungsziel',
  paymentReference: 'Verwendungszweck',
  payee: 'Empfänger',
  bankName: 'Bank',
  accountNumber: 'Kontonummer',
  routingNumber: 'Routing-Nummer (ABA)',
  sortCode: 'Sort Code',
  bankCode: 'Bankleitzahl',
  scanToPay: 'Zum Zahlen scannen',
  termsOf: (count) => `${count} ${days(`${count}`)} ab Rechnungsdatum`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} ab Rechnungsdatum, bis ${date}`,
  nothingToPay: {
    draft: 'Ein Entwurf. Bis die Rechnung ausgestellt ist, ist nichts zu zahlen.',
    credit_note: 'Auf eine Rechnungskorrektur ist nichts zu zahlen.',
    settled: 'Es ist nichts zu zahlen.',
  },
  notes: 'Hinweise',
  note: {
    corrects: (number, date) => `Berichtigt ${number} vom ${date}.`,
    replaces: (number, date) => `Ersetzt ${number} vom ${date}, die zurückgenommen wurde.`,
    reverse_charge: 'Steuerschuldnerschaft des Leistungsempfängers',
    intra_community_supply: 'Innergemeinschaftliche Lieferung, von der Mehrwertsteuer befreit',
    export_supply: 'Ausfuhr aus der EU, von der Mehrwertsteuer befreit',
    bandwidth_as_reported:
      'Bandbreite wird wie gemeldet berechnet: Jeder Messwert ist der Durchschnitt über die Sekunden mit Datenverkehr in 5 Minuten.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, im Voraus`,
    unused_share: (name) => `${name}, nicht genutzter Anteil`,
    paid_in_advance: (name) => `${name}, im Voraus bezahlt`,
    minimum_spend: (plan) => `Mindestumsatz, ${plan}`,
    discount: (much, on) => (on === null ? `Rabatt ${much}` : `Rabatt ${much} auf ${on}`),
    unusedShareOf: (title) => `${title}, nicht genutzter Anteil`,
  },
  annex: {
    title: 'Anhang: Positionen nach Entgelt',
    linesIn: (count, mark) => `${count} Positionen, im Anhang ${mark}`,
    lines: (count) => `${count} Positionen`,
    uplink: 'Uplink',
    downlink: 'Downlink',
    missing: 'Fehlend',
    terms: {
      included: (quantity) => `${quantity} inklusive`,
      per: (quantity, price) => `${price} je ${quantity}`,
      upTo: (quantity, price) => `bis ${quantity} zu ${price}`,
      above: (quantity, price) => `über ${quantity} zu ${price}`,
      commit: (quantity, price) => `${quantity} zugesagt zu ${price}`,
      aboveCommit: (price) => `über der Zusage zu ${price}`,
      minimum: (amount) => `Minimum ${amount}`,
      maximum: (amount) => `Maximum ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `im Zeitverlauf, Minimum bis Maximum je ${hours === 1 ? 'Stunde' : `${hours} Stunden`}`,
    sorted: 'sortiert',
    samples: {
      uplink: 'Uplink-Messwerte',
      downlink: 'Downlink-Messwerte',
      greater: 'Größerer Wert aus Uplink und Downlink',
      sum: 'Summe aus Uplink und Downlink',
    },
    billed: (value, at, rank, of) => `berechnet: ${value}, ${at}, Rang ${rank} von ${of}`,
    discarded: (count) => `verworfen: die höchsten ${count}`,
    commit: (value) => `Zusage: ${value}`,
    byDay: 'je Tag',
  },
  reason: (given) => `Grund: ${given}`,
  billedAndLeft: (billed, left) =>
    `Berechnet wurden ${billed} einschließlich Steuer, davon bleiben nach dieser Korrektur ${left}.`,
  billedAndNow: (billed, now) => `Berechnet ${billed}, jetzt ${now}`,
  notSubjectToTax: 'Nicht steuerbar',

  page: (number, of) => `Seite ${number} von ${of}`,
  issued: (stamp) => `Ausgestellt ${stamp}`,
  revision: (number) => `Revision ${number}`,
  inputs: (sha256) => `Eingaben SHA-256 ${sha256}`,
  draft: 'ENTWURF',

  taxNumber: { vat: 'USt-IdNr.', other: 'Steuernummer' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'unbekannt',
  greaterOf: (uplink, downlink) => `größerer Wert aus Uplink ${uplink} und Downlink ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `Summe über ${sites} Standorte, je ${level(of)}`,
  ofSlots: (of, slots) => `${of} aus ${slots} Intervallen`,
  aSite: 'Standort',
  rank: (rank) => `Rang ${rank}`,
  at: (value, stamp) => `${value} um ${stamp}`,
  discarded: (samples) => `${samples} verworfen`,
  coverage: (percent) => `Abdeckung ${percent}`,
  samplesNotReported: (samples) => `${samples} Messwerte nicht gemeldet`,
  fates: {
    proven_idle: (samples) => `${samples} durch 0 Bytes als Leerlauf belegt`,
    quiet: (samples) => `${samples} in Stunden mit einem Maximum von 0`,
    lost: (samples) => `${samples} verloren`,
    unanswered: (samples) => `${samples} in Stunden ohne jede Meldung`,
    unexplained: (samples) => `${samples} in Stunden mit Datenverkehr`,
  },
  rounded: (before, after) => `${before} gerundet auf ${after}`,
  inForce: (part, whole, unit) =>
    `in Kraft ${part} von ${whole} ${{ second: 'Sekunden', day: 'Tagen' }[unit]} des Zeitraums`,
  included: (quantity) => `${quantity} inklusive`,
  includedOf: (quantity, allowance) => `${quantity} von ${allowance} inklusive`,
  committed: (quantity) => `${quantity} zugesagt`,
  aboveCommit: (quantity) => `${quantity} über der Zusage`,
  flat: (amount) => `pauschal ${amount}`,
  feeOfTier: (tier) => `Gebühr der Stufe ${tier}`,
  upTo: (quantity) => `bis ${quantity}`,
  above: (quantity) => `über ${quantity}`,
  raisedTo: (minimum) => `angehoben auf das Minimum ${minimum}`,
  loweredTo: (maximum) => `gesenkt auf das Maximum ${maximum}`,
  discountOf: (discount, remaining) => `${discount} von ${remaining}`,
  taxPart: 'Anteil dieser Steuerkategorie',
  minimum: (amounts) => `Minimum ${amounts}`,
  spent: (amount) => `verbraucht ${amount}`,
  paidAhead: (amount) => `im Voraus bezahlt ${amount}`,
};
