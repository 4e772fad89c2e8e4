import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { belowTwoIsOne, counted } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.'.split(' ');

const days = counted(belowTwoIsOne, { one: 'dia', other: 'dias' });
const UNITS = {
  second: counted(belowTwoIsOne, { one: 'segundo', other: 'segundos' }),
  minute: counted(belowTwoIsOne, { one: 'minuto', other: 'minutos' }),
  hour: counted(belowTwoIsOne, { one: 'hora', other: 'horas' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(belowTwoIsOne, { one: 'local', other: 'locais' }),
  msisdn: () => 'MSISDN',
  imsi: () => 'IMSI',
};

const figure = figuresBy({ group: '.', point: ',' });
const AGGREGATIONS = { percentile: 'percentil', average: 'média', minimum: 'mínimo', maximum: 'máximo' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `percentil ${figure(percentile)}`;

const TITLES = { invoice: 'Fatura', credit_note: 'Nota de crédito', debit_note: 'Nota de débito' } as const;
const DRAFTS = {
  invoice: 'Rascunho de fatura',
  credit_note: 'Rascunho de nota de crédito',
  debit_note: 'Rascunho de nota de débito',
} as const;

/** Figures and dates as CLDR has them for `pt`; mentions and words of tax as the directive's Portuguese text. */
export const portuguese: Wording = {
  language: 'pt',
  figure,
  percent: (of) => `${of}%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} de ${MONTHS[month - 1] ?? ''} de ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Rascunho de fatura fiscal' : 'Fatura fiscal'),
    placeOfSupply: 'Lugar da prestação',
    reverseCharge: 'Autoliquidação',
    supply: 'Operação',
    yes: 'Sim',
    no: 'Não',
    acknowledgement: 'Confirmação',
    acknowledged: 'Confirmada em',
  },
  notIssued: 'Não emitida: sem número, nada a pagar',
  billedTo: 'Faturado a',
  issueDate: 'Data de emissão',
  dueDate: 'Vencimento',
  corrects: 'Retifica',
  billingPeriod: 'Período faturado',
  usageMeasured: 'Uso medido',
  from: (instant) => `de ${instant}`,
  to: (instant) => `até ${instant}`,
  customerReference: 'Ref.ª do cliente',
  purchaseOrder: 'Nota de encomenda',
  contract: 'Contrato',
  contact: 'Contacto',
  registrationNumber: 'N.º de registo',
  currency: 'Moeda',

  payable: {
    credited: 'Montante creditado',
    in_favour: 'Saldo a seu favor',
    would_be_due: 'Montante que seria devido',
    due: 'Montante a pagar',
  },
  dueBy: (date) => `até ${date}`,

  description: 'Descrição',
  quantity: 'Quantidade',
  unit: 'Unidade',
  unitPrice: 'Preço unitário',
  amountIn: (currency) => `Montante ${currency}`,
  things: {
    ...{ account: 'conta', customer_site_id: 'local', msisdn: 'MSISDN', imsi: 'IMSI', period: 'período' },
    ...{ item: 'unidade', second: 'segundo', minute: 'minuto', hour: 'hora', day: 'dia' },
  },
  site: (name) => `Local ${name}`,
  commodityCode: 'Código da mercadoria',
  taxCategoryOf: (code, name) => `categoria de imposto ${code} (${name.toLowerCase()})`,
  taxOf: (name) => `imposto: ${name}`,
  exactQuantity: (decimals, quantity) => `quantidade com ${decimals} casas decimais: ${quantity}`,
  nowAndBefore: (now, before) => `agora ${now}, faturado antes ${before}`,

  taxCategories: {
    S: 'Taxa normal',
    Z: 'Taxa zero',
    E: 'Isento',
    AE: 'Autoliquidação',
    K: 'Entrega intracomunitária',
    G: 'Exportação',
    O: 'Fora do âmbito do imposto',
  },
  tax: 'Imposto',
  rate: 'Taxa',
  taxableAmount: 'Valor tributável',
  taxIn: (currency) => `Imposto ${currency}`,
  net: 'Líquido',
  total: 'Total',
  rounding: 'Arredondamento',

  payment: 'Pagamento',
  status: 'Estado',
  terms: 'Condições',
  paymentReference: 'Referência',
  payee: 'Beneficiário',
  bankName: 'Banco',
  accountNumber: 'Número da conta',
  routingNumber: 'Routing number (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Código do banco',
  scanToPay: 'Digitalizar para pagar',
  termsOf: (count) => `${count} ${days(`${count}`)} a contar da data de emissão`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} a contar da data de emissão, até ${date}`,
  nothingToPay: {
    draft: 'Um rascunho. Nada é devido antes da emissão da fatura.',
    credit_note: 'Numa nota de crédito nada há a pagar.',
    settled: 'Nada há a pagar.',
  },
  notes: 'Observações',
  note: {
    corrects: (number, date) => `Retifica ${number} de ${date}.`,
    replaces: (number, date) => `Substitui ${number} de ${date}, que foi anulada.`,
    reverse_charge: 'Autoliquidação',
    intra_community_supply: 'Entrega intracomunitária, isenta de IVA',
    export_supply: 'Exportação para fora da UE, isenta de IVA',
    bandwidth_as_reported:
      'A largura de banda é faturada tal como comunicada: cada amostra é a média dos segundos com tráfego em 5 minutos.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, antecipado`,
    unused_share: (name) => `${name}, parte não utilizada`,
    paid_in_advance: (name) => `${name}, pago antecipadamente`,
    minimum_spend: (plan) => `Consumo mínimo, ${plan}`,
    discount: (much, on) => (on === null ? `Desconto ${much}` : `Desconto ${much} sobre ${on}`),
    unusedShareOf: (title) => `${title}, parte não utilizada`,
  },
  annex: {
    title: 'Anexo: linhas por encargo',
    linesIn: (count, mark) => `${count} linhas, no anexo ${mark}`,
    lines: (count) => `${count} linhas`,
    uplink: 'Ascendente',
    downlink: 'Descendente',
    missing: 'Em falta',
    terms: {
      included: (quantity) => `${quantity} incluídos`,
      per: (quantity, price) => `${price} por ${quantity}`,
      upTo: (quantity, price) => `até ${quantity} a ${price}`,
      above: (quantity, price) => `acima de ${quantity} a ${price}`,
      commit: (quantity, price) => `${quantity} contratados a ${price}`,
      aboveCommit: (price) => `acima do contratado a ${price}`,
      minimum: (amount) => `mínimo ${amount}`,
      maximum: (amount) => `máximo ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `no tempo, do mínimo ao máximo por ${hours === 1 ? 'hora' : `${hours} horas`}`,
    sorted: 'ordenadas',
    samples: {
      uplink: 'Amostras ascendentes',
      downlink: 'Amostras descendentes',
      greater: 'A maior entre ascendente e descendente',
      sum: 'Soma de ascendente e descendente',
    },
    billed: (value, at, rank, of) => `faturado: ${value}, ${at}, posição ${rank} de ${of}`,
    discarded: (count) => `descartadas: as ${count} mais altas`,
    commit: (value) => `contratado: ${value}`,
    byDay: 'por dia',
  },
  reason: (given) => `Motivo: ${given}`,
  billedAndLeft: (billed, left) => `Faturado ${billed} com imposto, de que restam ${left} após esta nota de crédito.`,
  billedAndNow: (billed, now) => `Faturado ${billed}, agora ${now}`,
  notSubjectToTax: 'Não sujeito a IVA',

  page: (number, of) => `Página ${number} de ${of}`,
  issued: (stamp) => `Emitida ${stamp}`,
  revision: (number) => `Revisão ${number}`,
  inputs: (sha256) => `Dados SHA-256 ${sha256}`,
  draft: 'RASCUNHO',

  taxNumber: { vat: 'N.º de IVA', other: 'N.º fiscal' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'desconhecido',
  greaterOf: (uplink, downlink) => `o maior entre ascendente ${uplink} e descendente ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `soma de ${sites} locais, ${level(of)} de cada um`,
  ofSlots: (of, slots) => `${of} de ${slots} intervalos`,
  aSite: 'local',
  rank: (rank) => `posição ${rank}`,
  at: (value, stamp) => `${value} em ${stamp}`,
  discarded: (samples) => `${samples} descartadas`,
  coverage: (percent) => `cobertura ${percent}`,
  samplesNotReported: (samples) => `${samples} amostras não comunicadas`,
  fates: {
    proven_idle: (samples) => `${samples} sem tráfego, provado por 0 bytes`,
    quiet: (samples) => `${samples} em horas com máximo de 0`,
    lost: (samples) => `${samples} perdidas`,
    unanswered: (samples) => `${samples} em horas não comunicadas`,
    unexplained: (samples) => `${samples} em horas com tráfego`,
  },
  rounded: (before, after) => `${before} arredondado para ${after}`,
  inForce: (part, whole, unit) =>
    `em vigor ${part} de ${whole} ${{ second: 'segundos', day: 'dias' }[unit]} do período`,
  included: (quantity) => `${quantity} incluídos`,
  includedOf: (quantity, allowance) => `${quantity} de ${allowance} incluídos`,
  committed: (quantity) => `${quantity} contratados`,
  aboveCommit: (quantity) => `${quantity} acima do contratado`,
  flat: (amount) => `valor fixo ${amount}`,
  feeOfTier: (tier) => `taxa do escalão ${tier}`,
  upTo: (quantity) => `até ${quantity}`,
  above: (quantity) => `acima de ${quantity}`,
  raisedTo: (minimum) => `elevado ao mínimo ${minimum}`,
  loweredTo: (maximum) => `reduzido ao máximo ${maximum}`,
  discountOf: (discount, remaining) => `${discount} de ${remaining}`,
  taxPart: 'parte desta categoria de imposto',
  minimum: (amounts) => `mínimo ${amounts}`,
  spent: (amount) => `consumido ${amount}`,
  paidAhead: (amount) => `pago antecipadamente ${amount}`,
};
