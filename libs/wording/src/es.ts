import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { counted, oneIsOne } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'ene feb mar abr may jun jul ago sept oct nov dic'.split(' ');

const days = counted(oneIsOne, { one: 'día', other: 'días' });
const UNITS = {
  second: counted(oneIsOne, { one: 'segundo', other: 'segundos' }),
  minute: counted(oneIsOne, { one: 'minuto', other: 'minutos' }),
  hour: counted(oneIsOne, { one: 'hora', other: 'horas' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(oneIsOne, { one: 'sede', other: 'sedes' }),
  msisdn: () => 'MSISDN',
  imsi: () => 'IMSI',
};

const figure = figuresBy({ group: '.', point: ',', fewest: 2 });
const AGGREGATIONS = { percentile: 'percentil', average: 'media', minimum: 'mínimo', maximum: 'máximo' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `percentil ${figure(percentile)}`;

const TITLES = { invoice: 'Factura', credit_note: 'Nota de crédito', debit_note: 'Nota de débito' } as const;
const DRAFTS = {
  invoice: 'Borrador de factura',
  credit_note: 'Borrador de nota de crédito',
  debit_note: 'Borrador de nota de débito',
} as const;

export const spanish: Wording = {
  language: 'es',
  figure,
  percent: (of) => `${of}\u00a0%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Borrador de factura fiscal' : 'Factura fiscal'),
    placeOfSupply: 'Lugar de suministro',
    reverseCharge: 'Inversión del s. pasivo',
    supply: 'Operación',
    yes: 'Sí',
    no: 'No',
    acknowledgement: 'Acuse de recibo',
    acknowledged: 'Acusado',
  },
  notIssued: 'No expedida: sin número, nada que pagar',
  billedTo: 'Facturado a',
  issueDate: 'Fecha de expedición',
  dueDate: 'Vencimiento',
  corrects: 'Rectifica',
  billingPeriod: 'Período facturado',
  usageMeasured: 'Uso medido',
  from: (instant) => `desde ${instant}`,
  to: (instant) => `hasta ${instant}`,
  customerReference: 'Referencia del cliente',
  purchaseOrder: 'Pedido',
  contract: 'Contrato',
  contact: 'Contacto',
  registrationNumber: 'N.º de registro',
  currency: 'Moneda',

  payable: {
    credited: 'Importe abonado',
    in_favour: 'Saldo a su favor',
    would_be_due: 'Importe que se adeudaría',
    due: 'Importe a pagar',
  },
  dueBy: (date) => `hasta el ${date}`,

  description: 'Descripción',
  quantity: 'Cantidad',
  unit: 'Unidad',
  unitPrice: 'Precio unitario',
  amountIn: (currency) => `Importe ${currency}`,
  things: {
    ...{ account: 'cuenta', customer_site_id: 'sede', msisdn: 'MSISDN', imsi: 'IMSI', period: 'período' },
    ...{ item: 'unidad', second: 'segundo', minute: 'minuto', hour: 'hora', day: 'día' },
  },
  site: (name) => `Sede ${name}`,
  commodityCode: 'Código de mercancía',
  taxCategoryOf: (code, name) => `categoría de impuesto ${code} (${name.toLowerCase()})`,
  taxOf: (name) => `impuesto: ${name}`,
  exactQuantity: (decimals, quantity) => `cantidad con ${decimals} decimales: ${quantity}`,
  nowAndBefore: (now, before) => `ahora ${now}, facturado antes ${before}`,

  taxCategories: {
    S: 'Tipo general',
    Z: 'Tipo cero',
    E: 'Exento',
    AE: 'Inversión del sujeto pasivo',
    K: 'Entrega intracomunitaria',
    G: 'Exportación',
    O: 'No sujeto al impuesto',
  },
  tax: 'Impuesto',
  rate: 'Tipo',
  taxableAmount: 'Base imponible',
  taxIn: (currency) => `Cuota ${currency}`,
  net: 'Neto',
  total: 'Total',
  rounding: 'Redondeo',

  payment: 'Pago',
  status: 'Estado',
  terms: 'Condiciones',
  paymentReference: 'Referencia',
  payee: 'Beneficiario',
  bankName: 'Banco',
  accountNumber: 'Número de cuenta',
  routingNumber: 'Número de ruta (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Código bancario',
  scanToPay: 'Escanear para pagar',
  termsOf: (count) => `${count} ${days(`${count}`)} desde la fecha de expedición`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} desde la fecha de expedición, hasta el ${date}`,
  nothingToPay: {
    draft: 'Un borrador. No hay nada que pagar antes de que se expida la factura.',
    credit_note: 'Por una nota de crédito no hay nada que pagar.',
    settled: 'No hay nada que pagar.',
  },
  notes: 'Observaciones',
  note: {
    corrects: (number, date) => `Rectifica ${number} de ${date}.`,
    replaces: (number, date) => `Sustituye a ${number} de ${date}, que fue anulada.`,
    reverse_charge: 'Inversión del sujeto pasivo',
    intra_community_supply: 'Entrega intracomunitaria, exenta del IVA',
    export_supply: 'Exportación fuera de la UE, exenta del IVA',
    bandwidth_as_reported:
      'El ancho de banda se factura tal como se informa: cada muestra es la media de los segundos con tráfico en 5 minutos.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, por adelantado`,
    unused_share: (name) => `${name}, parte no utilizada`,
    paid_in_advance: (name) => `${name}, pagado por adelantado`,
    minimum_spend: (plan) => `Consumo mínimo, ${plan}`,
    discount: (much, on) => (on === null ? `Descuento ${much}` : `Descuento ${much} sobre ${on}`),
    unusedShareOf: (title) => `${title}, parte no utilizada`,
  },
  annex: {
    title: 'Anexo: líneas por cargo',
    linesIn: (count, mark) => `${count} líneas, en el anexo ${mark}`,
    lines: (count) => `${count} líneas`,
    uplink: 'Subida',
    downlink: 'Bajada',
    missing: 'Faltante',
    terms: {
      included: (quantity) => `${quantity} incluidos`,
      per: (quantity, price) => `${price} por ${quantity}`,
      upTo: (quantity, price) => `hasta ${quantity} a ${price}`,
      above: (quantity, price) => `más de ${quantity} a ${price}`,
      commit: (quantity, price) => `${quantity} comprometidos a ${price}`,
      aboveCommit: (price) => `por encima del compromiso a ${price}`,
      minimum: (amount) => `mínimo ${amount}`,
      maximum: (amount) => `máximo ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `en el tiempo, de mínimo a máximo por ${hours === 1 ? 'hora' : `${hours} horas`}`,
    sorted: 'ordenadas',
    samples: {
      uplink: 'Muestras de subida',
      downlink: 'Muestras de bajada',
      greater: 'La mayor de subida y bajada',
      sum: 'Suma de subida y bajada',
    },
    billed: (value, at, rank, of) => `facturado: ${value}, ${at}, rango ${rank} de ${of}`,
    discarded: (count) => `descartadas: las ${count} más altas`,
    commit: (value) => `compromiso: ${value}`,
    byDay: 'por día',
  },
  reason: (given) => `Motivo: ${given}`,
  billedAndLeft: (billed, left) =>
    `Facturado ${billed} con impuestos, de los que quedan ${left} tras esta nota de crédito.`,
  billedAndNow: (billed, now) => `Facturado ${billed}, ahora ${now}`,
  notSubjectToTax: 'No sujeto al IVA',

  page: (number, of) => `Página ${number} de ${of}`,
  issued: (stamp) => `Expedida ${stamp}`,
  revision: (number) => `Revisión ${number}`,
  inputs: (sha256) => `Datos SHA-256 ${sha256}`,
  draft: 'BORRADOR',

  taxNumber: { vat: 'NIF-IVA', other: 'N.º fiscal' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'desconocido',
  greaterOf: (uplink, downlink) => `el mayor de subida ${uplink} y bajada ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `suma de ${sites} sedes, ${level(of)} de cada una`,
  ofSlots: (of, slots) => `${of} de ${slots} intervalos`,
  aSite: 'sede',
  rank: (rank) => `rango ${rank}`,
  at: (value, stamp) => `${value} a las ${stamp}`,
  discarded: (samples) => `${samples} descartadas`,
  coverage: (percent) => `cobertura ${percent}`,
  samplesNotReported: (samples) => `${samples} muestras no informadas`,
  fates: {
    proven_idle: (samples) => `${samples} sin tráfico según 0 bytes`,
    quiet: (samples) => `${samples} en horas con un máximo de 0`,
    lost: (samples) => `${samples} perdidas`,
    unanswered: (samples) => `${samples} en horas sin ningún informe`,
    unexplained: (samples) => `${samples} en horas con tráfico`,
  },
  rounded: (before, after) => `${before} redondeado a ${after}`,
  inForce: (part, whole, unit) =>
    `en vigor ${part} de ${whole} ${{ second: 'segundos', day: 'días' }[unit]} del período`,
  included: (quantity) => `${quantity} incluidos`,
  includedOf: (quantity, allowance) => `${quantity} de ${allowance} incluidos`,
  committed: (quantity) => `${quantity} comprometidos`,
  aboveCommit: (quantity) => `${quantity} por encima del compromiso`,
  flat: (amount) => `tarifa plana ${amount}`,
  feeOfTier: (tier) => `cuota del tramo ${tier}`,
  upTo: (quantity) => `hasta ${quantity}`,
  above: (quantity) => `más de ${quantity}`,
  raisedTo: (minimum) => `elevado al mínimo ${minimum}`,
  loweredTo: (maximum) => `reducido al máximo ${maximum}`,
  discountOf: (discount, remaining) => `${discount} de ${remaining}`,
  taxPart: 'parte de esta categoría de impuesto',
  minimum: (amounts) => `mínimo ${amounts}`,
  spent: (amount) => `consumido ${amount}`,
  paidAhead: (amount) => `pagado por adelantado ${amount}`,
};
