import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { counted, polish as plural } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'sty lut mar kwi maj cze lip sie wrz paź lis gru'.split(' ');

const days = counted(plural, { one: 'dzień', few: 'dni', many: 'dni', other: 'dnia' });
const UNITS = {
  second: counted(plural, { one: 'sekunda', few: 'sekundy', many: 'sekund', other: 'sekundy' }),
  minute: counted(plural, { one: 'minuta', few: 'minuty', many: 'minut', other: 'minuty' }),
  hour: counted(plural, { one: 'godzina', few: 'godziny', many: 'godzin', other: 'godziny' }),
  day: days,
};
const THINGS = {
  customer_site_id: counted(plural, {
    one: 'lokalizacja',
    few: 'lokalizacje',
    many: 'lokalizacji',
    other: 'lokalizacji',
  }),
  msisdn: () => 'MSISDN',
  imsi: () => 'IMSI',
};

const figure = figuresBy({ group: '\u00a0', point: ',', fewest: 2 });
const AGGREGATIONS = { percentile: 'percentyl', average: 'średnia', minimum: 'minimum', maximum: 'maksimum' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `${figure(percentile)}. percentyl`;

const TITLES = { invoice: 'Faktura', credit_note: 'Faktura korygująca', debit_note: 'Nota obciążeniowa' } as const;
const DRAFTS = {
  invoice: 'Projekt faktury',
  credit_note: 'Projekt faktury korygującej',
  debit_note: 'Projekt noty obciążeniowej',
} as const;

export const polish: Wording = {
  language: 'pl',
  figure,
  percent: (of) => `${of}%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'Projekt faktury podatkowej' : 'Faktura podatkowa'),
    placeOfSupply: 'Miejsce dostawy',
    reverseCharge: 'Odwrotne obciążenie',
    supply: 'Dostawa',
    yes: 'Tak',
    no: 'Nie',
    acknowledgement: 'Potwierdzenie',
    acknowledged: 'Potwierdzono',
  },
  notIssued: 'Niewystawiona: bez numeru, nic do zapłaty',
  billedTo: 'Nabywca',
  issueDate: 'Data wystawienia',
  dueDate: 'Termin płatności',
  corrects: 'Koryguje',
  billingPeriod: 'Okres rozliczeniowy',
  usageMeasured: 'Zużycie mierzone',
  from: (instant) => `od ${instant}`,
  to: (instant) => `do ${instant}`,
  customerReference: 'Numer klienta',
  purchaseOrder: 'Zamówienie',
  contract: 'Umowa',
  contact: 'Kontakt',
  registrationNumber: 'Numer w rejestrze',
  currency: 'Waluta',

  payable: {
    credited: 'Kwota korekty',
    in_favour: 'Saldo na Państwa korzyść',
    would_be_due: 'Kwota, która byłaby należna',
    due: 'Do zapłaty',
  },
  dueBy: (date) => `do ${date}`,

  description: 'Opis',
  quantity: 'Ilość',
  unit: 'Jednostka',
  unitPrice: 'Cena jedn.',
  amountIn: (currency) => `Kwota ${currency}`,
  things: {
    ...{ account: 'konto', customer_site_id: 'lokalizacja', msisdn: 'MSISDN', imsi: 'IMSI', period: 'okres' },
    ...{ item: 'szt.', second: 'sekunda', minute: 'minuta', hour: 'godzina', day: 'dzień' },
  },
  site: (name) => `Lokalizacja ${name}`,
  commodityCode: 'Kod towaru',
  taxCategoryOf: (code, name) => `kategoria podatku ${code} (${name.toLowerCase()})`,
  taxOf: (name) => `podatek: ${name}`,
  exactQuantity: (decimals, quantity) => `ilość z dokładnością do ${decimals} miejsc: ${quantity}`,
  nowAndBefore: (now, before) => `teraz ${now}, zafakturowano wcześniej ${before}`,

  taxCategories: {
    S: 'Stawka podstawowa',
    Z: 'Stawka zerowa',
    E: 'Zwolnione',
    AE: 'Odwrotne obciążenie',
    K: 'Dostawa wewnątrzwspólnotowa',
    G: 'Eksport',
    O: 'Nie podlega opodatkowaniu',
  },
  tax: 'Podatek',
  rate: 'Stawka',
  taxableAmount: 'Podstawa',
  taxIn: (currency) => `Podatek ${currency}`,
  net: 'Netto',
  total: 'Brutto',
  rounding: 'Zaokrąglenie',

  payment: 'Płatność',
  status: 'Status',
  terms: 'Warunki',
  paymentReference: 'Tytuł przelewu',
  payee: 'Odbiorca',
  bankName: 'Bank',
  accountNumber: 'Numer rachunku',
  routingNumber: 'Numer rozliczeniowy (ABA)',
  sortCode: 'Sort code',
  bankCode: 'Kod banku',
  scanToPay: 'Zeskanuj i zapłać',
  termsOf: (count) => `${count} ${days(`${count}`)} od daty wystawienia`,
  termsBy: (count, date) => `${count} ${days(`${count}`)} od daty wystawienia, do ${date}`,
  nothingToPay: {
    draft: 'Projekt. Przed wystawieniem faktury nie ma nic do zapłaty.',
    credit_note: 'Z faktury korygującej nie ma nic do zapłaty.',
    settled: 'Nie ma nic do zapłaty.',
  },
  notes: 'Uwagi',
  note: {
    corrects: (number, date) => `Koryguje ${number} z dnia ${date}.`,
    replaces: (number, date) => `Zastępuje wycofaną ${number} z dnia ${date}.`,
    reverse_charge: 'Odwrotne obciążenie',
    intra_community_supply: 'Wewnątrzwspólnotowa dostawa, zwolniona z VAT',
    export_supply: 'Eksport poza UE, zwolniony z VAT',
    bandwidth_as_reported:
      'Przepustowość jest rozliczana tak, jak ją zgłoszono: każda próbka to średnia z sekund z ruchem w ciągu 5 minut.',
  },
  lineTitle: {
    in_advance: (name) => `${name}, z góry`,
    unused_share: (name) => `${name}, niewykorzystana część`,
    paid_in_advance: (name) => `${name}, zapłacono z góry`,
    minimum_spend: (plan) => `Minimalna kwota, ${plan}`,
    discount: (much, on) => (on === null ? `Rabat ${much}` : `Rabat ${much} na ${on}`),
    unusedShareOf: (title) => `${title}, niewykorzystana część`,
  },
  annex: {
    title: 'Załącznik: pozycje według opłat',
    linesIn: (count, mark) => `liczba pozycji: ${count}, w załączniku ${mark}`,
    lines: (count) => `liczba pozycji: ${count}`,
    uplink: 'Wysyłanie',
    downlink: 'Pobieranie',
    missing: 'Brakujące',
    terms: {
      included: (quantity) => `${quantity} w cenie`,
      per: (quantity, price) => `${price} za ${quantity}`,
      upTo: (quantity, price) => `do ${quantity} po ${price}`,
      above: (quantity, price) => `powyżej ${quantity} po ${price}`,
      commit: (quantity, price) => `zadeklarowane ${quantity} po ${price}`,
      aboveCommit: (price) => `ponad deklarację po ${price}`,
      minimum: (amount) => `minimum ${amount}`,
      maximum: (amount) => `maksimum ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `w czasie, od minimum do maksimum na ${hours === 1 ? 'godzinę' : `${hours} godz.`}`,
    sorted: 'posortowane',
    samples: {
      uplink: 'Próbki wysyłania',
      downlink: 'Próbki pobierania',
      greater: 'Większa z wartości wysyłania i pobierania',
      sum: 'Suma wysyłania i pobierania',
    },
    billed: (value, at, rank, of) => `rozliczono: ${value}, ${at}, pozycja ${rank} z ${of}`,
    discarded: (count) => `odrzucono najwyższe: ${count}`,
    commit: (value) => `deklaracja: ${value}`,
    byDay: 'na dzień',
  },
  reason: (given) => `Przyczyna: ${given}`,
  billedAndLeft: (billed, left) => `Zafakturowano ${billed} z podatkiem, z czego po tej korekcie pozostaje ${left}.`,
  billedAndNow: (billed, now) => `Zafakturowano ${billed}, teraz ${now}`,
  notSubjectToTax: 'Nie podlega VAT',

  page: (number, of) => `Strona ${number} z ${of}`,
  issued: (stamp) => `Wystawiono ${stamp}`,
  revision: (number) => `Rewizja ${number}`,
  inputs: (sha256) => `Dane SHA-256 ${sha256}`,
  draft: 'PROJEKT',

  taxNumber: { vat: 'Numer VAT', other: 'Numer podatkowy' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'nieznane',
  greaterOf: (uplink, downlink) => `większa z wartości: wysyłanie ${uplink}, pobieranie ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `suma z ${sites} lokalizacji, ${level(of)} każdej`,
  ofSlots: (of, slots) => `${of} z ${slots} przedziałów`,
  aSite: 'lokalizacja',
  rank: (rank) => `pozycja ${rank}`,
  at: (value, stamp) => `${value} o ${stamp}`,
  discarded: (samples) => `odrzucono ${samples}`,
  coverage: (percent) => `pokrycie ${percent}`,
  samplesNotReported: (samples) => `próbki niezgłoszone: ${samples}`,
  fates: {
    proven_idle: (samples) => `${samples} bez ruchu, co potwierdza 0 bajtów`,
    quiet: (samples) => `${samples} w godzinach z maksimum 0`,
    lost: (samples) => `${samples} utraconych`,
    unanswered: (samples) => `${samples} w godzinach niezgłoszonych`,
    unexplained: (samples) => `${samples} w godzinach z ruchem`,
  },
  rounded: (before, after) => `${before} zaokrąglono do ${after}`,
  inForce: (part, whole, unit) => `obowiązuje ${part} z ${whole} ${{ second: 'sekund', day: 'dni' }[unit]} okresu`,
  included: (quantity) => `${quantity} w cenie`,
  includedOf: (quantity, allowance) => `${quantity} z ${allowance} w cenie`,
  committed: (quantity) => `${quantity} zadeklarowane`,
  aboveCommit: (quantity) => `${quantity} ponad deklarację`,
  flat: (amount) => `ryczałt ${amount}`,
  feeOfTier: (tier) => `opłata za próg ${tier}`,
  upTo: (quantity) => `do ${quantity}`,
  above: (quantity) => `powyżej ${quantity}`,
  raisedTo: (minimum) => `podniesiono do minimum ${minimum}`,
  loweredTo: (maximum) => `obniżono do maksimum ${maximum}`,
  discountOf: (discount, remaining) => `${discount} z ${remaining}`,
  taxPart: 'część tej kategorii podatku',
  minimum: (amounts) => `minimum ${amounts}`,
  spent: (amount) => `wydano ${amount}`,
  paidAhead: (amount) => `zapłacono z góry ${amount}`,
};
