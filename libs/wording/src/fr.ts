import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { belowTwoIsOne, counted } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.'.split(' ');

const days = counted(belowTwoIsOne, { one: 'jour', other: 'jours' });
const UNITS = {
  second: counted(belowTwoIsOne, { one: 'seconde', other: 'secondes' }),
  minute: counted(belowTwoIsOne, { one: 'minute', other: 'minutes' }),
  hour: counted(belowTwoIsOne, { one: 'heure', other: 'heures' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(belowTwoIsOne, { one: 'site', other: 'sites' }),
  msisdn: () => 'MSISDN',
  imsi: () => 'IMSI',
};

const figure = figuresBy({ group: '\u202f', point: ',' });
const AGGREGATIONS = { percentile: 'centile', average: 'moyenne', minimum: 'minimum', maximum: 'maximum' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `${figure(percentile)}e centile`;

const TITLES = { invoice: 'Facture', credit_note: 'Avoir', debit_note: 'Note de débit' } as const;
const DRAFTS = {
  invoice: 'Projet de facture',
  credit_note: 'Projet d’avoir',
  debit_note: 'Projet de note de débit',
} as const;

export const french: Wording = {
  language: 'fr',
  figure,
  percent: (of) => `${of}\u00a0%`,
  comma: ', ',
  colon: '\u00a0: ',

  date: (year, month, day) => `${day === 1 ? '1er' : day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Projet de facture fiscale' : 'Facture fiscale'),
    placeOfSupply: 'Lieu de fourniture',
    reverseCharge: 'Autoliquidation',
    supply: 'Opération',
    yes: 'Oui',
    no: 'Non',
    acknowledgement: 'Accusé de réception',
    acknowledged: 'Reçu le',
  },
  notIssued: 'Non émise\u00a0: sans numéro, rien à payer',
  billedTo: 'Facturé à',
  issueDate: 'Date d’émission',
  dueDate: 'Date d’échéance',
  corrects: 'Rectifie',
  billingPeriod: 'Période facturée',
  usageMeasured: 'Usage mesuré',
  from: (instant) => `du ${instant}`,
  to: (instant) => `au ${instant}`,
  customerReference: 'Référence client',
  purchaseOrder: 'Bon de commande',
  contract: 'Contrat',
  contact: 'Contact',
  registrationNumber: 'N° d’immatriculation',
  currency: 'Devise',

  payable: {
    credited: 'Montant de l’avoir',
    in_favour: 'Solde en votre faveur',
    would_be_due: 'Montant qui serait dû',
    due: 'Montant à payer',
  },
  dueBy: (date) => `au plus tard le ${date}`,

  description: 'Désignation',
  quantity: 'Quantité',
  unit: 'Unité',
  unitPrice: 'Prix unitaire',
  amountIn: (currency) => `Montant ${currency}`,
  things: {
    ...{ account: 'compte', customer_site_id: 'site', msisdn: 'MSISDN', imsi: 'IMSI', period: 'période' },
    ...{ item: 'unité', second: 'seconde', minute: 'minute', hour: 'heure', day: 'jour' },
  },
  site: (name) => `Site ${name}`,
  commodityCode: 'Code marchandise',
  taxCategoryOf: (code, name) => `catégorie de taxe ${code} (${name.toLowerCase()})`,
  taxOf: (name) => `taxe\u00a0: ${name}`,
  exactQuantity: (decimals, quantity) => `quantité à ${decimals} décimales\u00a0: ${quantity}`,
  nowAndBefore: (now, before) => `désormais ${now}, facturé auparavant ${before}`,

  taxCategories: {
    S: 'Taux normal',
    Z: 'Taux zéro',
    E: 'Exonéré',
    AE: 'Autoliquidation',
    K: 'Livraison intracommunautaire',
    G: 'Exportation',
    O: 'Hors champ de la taxe',
  },
  tax: 'Taxe',
  rate: 'Taux',
  taxableAmount: 'Base HT',
  taxIn: (currency) => `Taxe ${currency}`,
  net: 'Total HT',
  total: 'Total TTC',
  rounding: 'Arrondi',

  payment: 'Paiement',
  status: 'Statut',
  terms: 'Conditions',
  paymentReference: 'Référence',
  payee: 'Bénéficiaire',
  bankName: 'Banque',
  accountNumber: 'N° de compte',
  routingNumber: 'Numéro de routage (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Code banque',
  scanToPay: 'Scanner pour payer',
  termsOf: (count) => `${count} ${days(`${count}`)} à compter de la date d’émission`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} à compter de la date d’émission, au plus tard le ${date}`,
  nothingToPay: {
    draft: 'Un projet. Rien n’est à payer avant l’émission de la facture.',
    credit_note: 'Rien n’est à payer sur un avoir.',
    settled: 'Rien n’est à payer.',
  },
  notes: 'Remarques',
  note: {
    corrects: (number, date) => `Rectifie ${number} du ${date}.`,
    replaces: (number, date) => `Remplace ${number} du ${date}, annulée.`,
    reverse_charge: 'Autoliquidation',
    intra_community_supply: 'Livraison intracommunautaire, exonérée de TVA',
    export_supply: 'Exportation hors de l’UE, exonérée de TVA',
    bandwidth_as_reported:
      'La bande passante est facturée telle que rapportée\u00a0: chaque échantillon est la moyenne sur les secondes avec trafic en 5 minutes.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, d’avance`,
    unused_share: (name) => `${name}, part non utilisée`,
    paid_in_advance: (name) => `${name}, payé d’avance`,
    minimum_spend: (plan) => `Minimum de facturation, ${plan}`,
    discount: (much, on) => (on === null ? `Remise ${much}` : `Remise ${much} sur ${on}`),
    unusedShareOf: (title) => `${title}, part non utilisée`,
  },
  annex: {
    title: 'Annexe\u00a0: lignes par tarif',
    linesIn: (count, mark) => `${count} lignes, en annexe ${mark}`,
    lines: (count) => `${count} lignes`,
    uplink: 'Montant',
    downlink: 'Descendant',
    missing: 'Manquant',
    terms: {
      included: (quantity) => `${quantity} inclus`,
      per: (quantity, price) => `${price} par ${quantity}`,
      upTo: (quantity, price) => `jusqu’à ${quantity} à ${price}`,
      above: (quantity, price) => `au-delà de ${quantity} à ${price}`,
      commit: (quantity, price) => `${quantity} engagés à ${price}`,
      aboveCommit: (price) => `au-delà de l’engagement à ${price}`,
      minimum: (amount) => `minimum ${amount}`,
      maximum: (amount) => `maximum ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `dans le temps, du minimum au maximum par ${hours === 1 ? 'heure' : `${hours} heures`}`,
    sorted: 'triés',
    samples: {
      uplink: 'Échantillons montants',
      downlink: 'Échantillons descendants',
      greater: 'Le plus grand du montant et du descendant',
      sum: 'Somme du montant et du descendant',
    },
    billed: (value, at, rank, of) => `facturé\u00a0: ${value}, ${at}, rang ${rank} sur ${of}`,
    discarded: (count) => `écartés\u00a0: les ${count} plus élevés`,
    commit: (value) => `engagement\u00a0: ${value}`,
    byDay: 'par jour',
  },
  reason: (given) => `Motif\u00a0: ${given}`,
  billedAndLeft: (billed, left) => `Facturé ${billed} TTC, dont ${left} subsistent après cet avoir.`,
  billedAndNow: (billed, now) => `Facturé ${billed}, désormais ${now}`,
  notSubjectToTax: 'Non soumis à la TVA',

  page: (number, of) => `Page ${number} sur ${of}`,
  issued: (stamp) => `Émise ${stamp}`,
  revision: (number) => `Révision ${number}`,
  inputs: (sha256) => `Données SHA-256 ${sha256}`,
  draft: 'PROJET',

  taxNumber: { vat: 'N° de TVA', other: 'N° fiscal' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'inconnu',
  greaterOf: (uplink, downlink) => `le plus grand du montant ${uplink} et du descendant ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `somme sur ${sites} sites, ${level(of)} de chacun`,
  ofSlots: (of, slots) => `${of} de ${slots} intervalles`,
  aSite: 'site',
  rank: (rank) => `rang ${rank}`,
  at: (value, stamp) => `${value} à ${stamp}`,
  discarded: (samples) => `${samples} écartés`,
  coverage: (percent) => `couverture ${percent}`,
  samplesNotReported: (samples) => `${samples} échantillons non rapportés`,
  fates: {
    proven_idle: (samples) => `${samples} sans trafic, prouvé par 0 octet`,
    quiet: (samples) => `${samples} dans des heures au maximum de 0`,
    lost: (samples) => `${samples} perdus`,
    unanswered: (samples) => `${samples} dans des heures non rapportées`,
    unexplained: (samples) => `${samples} dans des heures avec trafic`,
  },
  rounded: (before, after) => `${before} arrondi à ${after}`,
  inForce: (part, whole, unit) =>
    `en vigueur ${part} des ${whole} ${{ second: 'secondes', day: 'jours' }[unit]} de la période`,
  included: (quantity) => `${quantity} inclus`,
  includedOf: (quantity, allowance) => `${quantity} sur ${allowance} inclus`,
  committed: (quantity) => `${quantity} engagés`,
  aboveCommit: (quantity) => `${quantity} au-delà de l’engagement`,
  flat: (amount) => `forfait ${amount}`,
  feeOfTier: (tier) => `frais de la tranche ${tier}`,
  upTo: (quantity) => `jusqu’à ${quantity}`,
  above: (quantity) => `au-delà de ${quantity}`,
  raisedTo: (minimum) => `relevé au minimum ${minimum}`,
  loweredTo: (maximum) => `ramené au maximum ${maximum}`,
  discountOf: (discount, remaining) => `${discount} de ${remaining}`,
  taxPart: 'part de cette catégorie de taxe',
  minimum: (amounts) => `minimum ${amounts}`,
  spent: (amount) => `consommé ${amount}`,
  paidAhead: (amount) => `payé d’avance ${amount}`,
};
