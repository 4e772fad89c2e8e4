import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { counted, oneIsOne } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'gen feb mar apr mag giu lug ago set ott nov dic'.split(' ');

const days = counted(oneIsOne, { one: 'giorno', other: 'giorni' });
const UNITS = {
  second: counted(oneIsOne, { one: 'secondo', other: 'secondi' }),
  minute: counted(oneIsOne, { one: 'minuto', other: 'minuti' }),
  hour: counted(oneIsOne, { one: 'ora', other: 'ore' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(oneIsOne, { one: 'sede', other: 'sedi' }),
  msisdn: () => 'MSISDN',
  imsi: () => 'IMSI',
};

const figure = figuresBy({ group: '.', point: ',' });
const AGGREGATIONS = { percentile: 'percentile', average: 'media', minimum: 'minimo', maximum: 'massimo' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `${figure(percentile)}º percentile`;

const TITLES = { invoice: 'Fattura', credit_note: 'Nota di credito', debit_note: 'Nota di debito' } as const;
const DRAFTS = {
  invoice: 'Bozza di fattura',
  credit_note: 'Bozza di nota di credito',
  debit_note: 'Bozza di nota di debito',
} as const;

export const italian: Wording = {
  language: 'it',
  figure,
  percent: (of) => `${of}%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Bozza di fattura fiscale' : 'Fattura fiscale'),
    placeOfSupply: 'Luogo della fornitura',
    reverseCharge: 'Inversione contabile',
    supply: 'Operazione',
    yes: 'Sì',
    no: 'No',
    acknowledgement: 'Ricevuta',
    acknowledged: 'Ricevuta il',
  },
  notIssued: 'Non emessa: senza numero, nulla da pagare',
  billedTo: 'Intestata a',
  issueDate: 'Data di emissione',
  dueDate: 'Scadenza',
  corrects: 'Rettifica',
  billingPeriod: 'Periodo fatturato',
  usageMeasured: 'Consumo misurato',
  from: (instant) => `dal ${instant}`,
  to: (instant) => `al ${instant}`,
  customerReference: 'Codice cliente',
  purchaseOrder: 'Ordine d’acquisto',
  contract: 'Contratto',
  contact: 'Contatto',
  registrationNumber: 'N. di registro',
  currency: 'Valuta',

  payable: {
    credited: 'Importo accreditato',
    in_favour: 'Saldo a vostro favore',
    would_be_due: 'Importo che sarebbe dovuto',
    due: 'Importo da pagare',
  },
  dueBy: (date) => `entro il ${date}`,

  description: 'Descrizione',
  quantity: 'Quantità',
  unit: 'Unità',
  unitPrice: 'Prezzo unitario',
  amountIn: (currency) => `Importo ${currency}`,
  things: {
    ...{ account: 'conto', customer_site_id: 'sede', msisdn: 'MSISDN', imsi: 'IMSI', period: 'periodo' },
    ...{ item: 'unità', second: 'secondo', minute: 'minuto', hour: 'ora', day: 'giorno' },
  },
  site: (name) => `Sede ${name}`,
  commodityCode: 'Codice merceologico',
  taxCategoryOf: (code, name) => `categoria d’imposta ${code} (${name.toLowerCase()})`,
  taxOf: (name) => `imposta: ${name}`,
  exactQuantity: (decimals, quantity) => `quantità a ${decimals} decimali: ${quantity}`,
  nowAndBefore: (now, before) => `ora ${now}, fatturato in precedenza ${before}`,

  taxCategories: {
    S: 'Aliquota ordinaria',
    Z: 'Aliquota zero',
    E: 'Esente',
    AE: 'Inversione contabile',
    K: 'Cessione intracomunitaria',
    G: 'Esportazione',
    O: 'Fuori campo d’imposta',
  },
  tax: 'Imposta',
  rate: 'Aliquota',
  taxableAmount: 'Imponibile',
  taxIn: (currency) => `Imposta ${currency}`,
  net: 'Netto',
  total: 'Totale',
  rounding: 'Arrotondamento',

  payment: 'Pagamento',
  status: 'Stato',
  terms: 'Condizioni',
  paymentReference: 'Causale',
  payee: 'Beneficiario',
  bankName: 'Banca',
  accountNumber: 'Numero di conto',
  routingNumber: 'Routing number (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Codice banca',
  scanToPay: 'Scansiona per pagare',
  termsOf: (count) => `${count} ${days(`${count}`)} dalla data di emissione`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} dalla data di emissione, entro il ${date}`,
  nothingToPay: {
    draft: 'Una bozza. Nulla è da pagare prima dell’emissione della fattura.',
    credit_note: 'Su una nota di credito non c’è nulla da pagare.',
    settled: 'Non c’è nulla da pagare.',
  },
  notes: 'Note',
  note: {
    corrects: (number, date) => `Rettifica ${number} del ${date}.`,
    replaces: (number, date) => `Sostituisce ${number} del ${date}, annullata.`,
    reverse_charge: 'Inversione contabile',
    intra_community_supply: 'Cessione intracomunitaria, esente da IVA',
    export_supply: 'Esportazione fuori dell’UE, esente da IVA',
    bandwidth_as_reported:
      'La banda è fatturata come comunicata: ogni campione è la media dei secondi con traffico in 5 minuti.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, anticipato`,
    unused_share: (name) => `${name}, quota non utilizzata`,
    paid_in_advance: (name) => `${name}, pagato in anticipo`,
    minimum_spend: (plan) => `Spesa minima, ${plan}`,
    discount: (much, on) => (on === null ? `Sconto ${much}` : `Sconto ${much} su ${on}`),
    unusedShareOf: (title) => `${title}, quota non utilizzata`,
  },
  annex: {
    title: 'Allegato: righe per voce',
    linesIn: (count, mark) => `${count} righe, nell’allegato ${mark}`,
    lines: (count) => `${count} righe`,
    uplink: 'Uplink',
    downlink: 'Downlink',
    missing: 'Mancante',
    terms: {
      included: (quantity) => `${quantity} inclusi`,
      per: (quantity, price) => `${price} per ${quantity}`,
      upTo: (quantity, price) => `fino a ${quantity} a ${price}`,
      above: (quantity, price) => `oltre ${quantity} a ${price}`,
      commit: (quantity, price) => `${quantity} impegnati a ${price}`,
      aboveCommit: (price) => `oltre l’impegno a ${price}`,
      minimum: (amount) => `minimo ${amount}`,
      maximum: (amount) => `massimo ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `nel tempo, dal minimo al massimo di ${hours === 1 ? 'ogni ora' : `ogni ${hours} ore`}`,
    sorted: 'ordinati',
    samples: {
      uplink: 'Campioni in uplink',
      downlink: 'Campioni in downlink',
      greater: 'Il maggiore tra uplink e downlink',
      sum: 'Somma di uplink e downlink',
    },
    billed: (value, at, rank, of) => `fatturato: ${value}, ${at}, rango ${rank} di ${of}`,
    discarded: (count) => `scartati: i ${count} più alti`,
    commit: (value) => `impegno: ${value}`,
    byDay: 'per giorno',
  },
  reason: (given) => `Motivo: ${given}`,
  billedAndLeft: (billed, left) =>
    `Fatturato ${billed} imposte incluse, di cui restano ${left} dopo questa nota di credito.`,
  billedAndNow: (billed, now) => `Fatturato ${billed}, ora ${now}`,
  notSubjectToTax: 'Non soggetto a IVA',

  page: (number, of) => `Pagina ${number} di ${of}`,
  issued: (stamp) => `Emessa ${stamp}`,
  revision: (number) => `Revisione ${number}`,
  inputs: (sha256) => `Dati SHA-256 ${sha256}`,
  draft: 'BOZZA',

  taxNumber: { vat: 'Partita IVA', other: 'Codice fiscale' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'sconosciuto',
  greaterOf: (uplink, downlink) => `il maggiore tra uplink ${uplink} e downlink ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `somma di ${sites} sedi, ${level(of)} di ciascuna`,
  ofSlots: (of, slots) => `${of} di ${slots} intervalli`,
  aSite: 'sede',
  rank: (rank) => `rango ${rank}`,
  at: (value, stamp) => `${value} alle ${stamp}`,
  discarded: (samples) => `${samples} scartati`,
  coverage: (percent) => `copertura ${percent}`,
  samplesNotReported: (samples) => `${samples} campioni non comunicati`,
  fates: {
    proven_idle: (samples) => `${samples} senza traffico, provato da 0 byte`,
    quiet: (samples) => `${samples} in ore con un massimo di 0`,
    lost: (samples) => `${samples} persi`,
    unanswered: (samples) => `${samples} in ore non comunicate`,
    unexplained: (samples) => `${samples} in ore con traffico`,
  },
  rounded: (before, after) => `${before} arrotondato a ${after}`,
  inForce: (part, whole, unit) =>
    `in vigore ${part} di ${whole} ${{ second: 'secondi', day: 'giorni' }[unit]} del periodo`,
  included: (quantity) => `${quantity} inclusi`,
  includedOf: (quantity, allowance) => `${quantity} di ${allowance} inclusi`,
  committed: (quantity) => `${quantity} impegnati`,
  aboveCommit: (quantity) => `${quantity} oltre l’impegno`,
  flat: (amount) => `forfait ${amount}`,
  feeOfTier: (tier) => `canone dello scaglione ${tier}`,
  upTo: (quantity) => `fino a ${quantity}`,
  above: (quantity) => `oltre ${quantity}`,
  raisedTo: (minimum) => `elevato al minimo ${minimum}`,
  loweredTo: (maximum) => `ridotto al massimo ${maximum}`,
  discountOf: (discount, remaining) => `${discount} di ${remaining}`,
  taxPart: 'quota di questa categoria d’imposta',
  minimum: (amounts) => `minimo ${amounts}`,
  spent: (amount) => `speso ${amount}`,
  paidAhead: (amount) => `pagato in anticipo ${amount}`,
};
