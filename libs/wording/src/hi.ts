import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import type { Wording } from './wording.js';

const MONTHS = 'जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर'.split(' ');

const UNITS = { second: 'सेकंड', minute: 'मिनट', hour: 'घंटे', day: 'दिन' };
const THINGS = { customer_site_id: 'साइट', msisdn: 'MSISDN', imsi: 'IMSI' };

// CLDR groups figures of Hindi by lakh and crore: 12,34,567.5.
const figure = figuresBy({ group: ',', point: '.', lakh: true });
const AGGREGATIONS = { percentile: 'पर्सेंटाइल', average: 'औसत', minimum: 'न्यूनतम', maximum: 'अधिकतम' };
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `${figure(percentile)}वाँ पर्सेंटाइल`;

const TITLES = { invoice: 'बीजक', credit_note: 'क्रेडिट नोट', debit_note: 'डेबिट नोट' } as const;
const DRAFTS = {
  invoice: 'बीजक का मसौदा',
  credit_note: 'क्रेडिट नोट का मसौदा',
  debit_note: 'डेबिट नोट का मसौदा',
} as const;

export const hindi: Wording = {
  language: 'hi',
  figure,
  percent: (of) => `${of}%`,
  comma: ', ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  notIssued: 'जारी नहीं: कोई संख्या नहीं, कुछ देय नहीं',
  billedTo: 'बिल प्राप्तकर्ता',
  issueDate: 'जारी करने की तिथि',
  dueDate: 'देय तिथि',
  corrects: 'संशोधित बीजक',
  billingPeriod: 'बिलिंग अवधि',
  usageMeasured: 'मापा गया उपयोग',
  from: (instant) => `${instant} से`,
  to: (instant) => `${instant} तक`,
  customerReference: 'ग्राहक संदर्भ',
  purchaseOrder: 'क्रय आदेश',
  contract: 'अनुबंध',
  contact: 'संपर्क',
  registrationNumber: 'कंपनी पंजीकरण',
  currency: 'मुद्रा',

  payable: {
    credited: 'जमा की गई राशि',
    in_favour: 'आपके पक्ष में शेष',
    would_be_due: 'राशि जो देय होगी',
    due: 'देय राशि',
  },
  dueBy: (date) => `${date} तक`,

  description: 'विवरण',
  quantity: 'मात्रा',
  unit: 'इकाई',
  unitPrice: 'इकाई मूल्य',
  amountIn: (currency) => `राशि ${currency}`,
  things: {
    ...{ account: 'खाता', customer_site_id: 'साइट', msisdn: 'MSISDN', imsi: 'IMSI', period: 'अवधि' },
    ...{ item: 'नग', second: 'सेकंड', minute: 'मिनट', hour: 'घंटा', day: 'दिन' },
  },
  site: (name) => `साइट ${name}`,
  commodityCode: 'वस्तु कोड',
  taxCategoryOf: (code, name) => `कर श्रेणी ${code} (${name})`,
  taxOf: (name) => `कर: ${name}`,
  exactQuantity: (decimals, quantity) => `${decimals} दशमलव तक मात्रा: ${quantity}`,
  nowAndBefore: (now, before) => `अब ${now}, पहले बिल किया गया ${before}`,

  taxCategories: {
    S: 'मानक दर',
    Z: 'शून्य दर',
    E: 'कर-मुक्त',
    AE: 'रिवर्स चार्ज',
    K: 'अंतर-सामुदायिक आपूर्ति',
    G: 'निर्यात',
    O: 'कर के दायरे से बाहर',
  },
  tax: 'कर',
  rate: 'दर',
  taxableAmount: 'कर योग्य राशि',
  taxIn: (currency) => `कर ${currency}`,
  net: 'कर-पूर्व राशि',
  total: 'कुल',
  rounding: 'पूर्णांकन',

  payment: 'भुगतान',
  status: 'स्थिति',
  terms: 'शर्तें',
  paymentReference: 'भुगतान संदर्भ',
  payee: 'प्राप्तकर्ता',
  bankName: 'बैंक',
  accountNumber: 'खाता संख्या',
  routingNumber: 'रूटिंग संख्या (ABA)',
  sortCode: 'सॉर्ट कोड',
  bankCode: 'बैंक कोड',
  scanToPay: 'भुगतान के लिए स्कैन करें',
  termsOf: (count) => `जारी करने की तिथि से ${count} दिन`,
  termsBy: (count, date) => `जारी करने की तिथि से ${count} दिन, ${date} तक`,
  nothingToPay: {
    draft: 'यह मसौदा है। बीजक जारी होने से पहले कुछ देय नहीं है।',
    credit_note: 'क्रेडिट नोट पर कुछ देय नहीं है।',
    settled: 'कुछ देय नहीं है।',
  },
  notes: 'टिप्पणियाँ',
  note: {
    corrects: (number, date) => `${date} के ${number} को संशोधित करता है।`,
    replaces: (number, date) => `${date} के ${number} का स्थान लेता है, जो वापस लिया गया।`,
    reverse_charge: 'रिवर्स चार्ज',
    intra_community_supply: 'अंतर-सामुदायिक आपूर्ति, VAT से मुक्त',
    export_supply: 'EU के बाहर निर्यात, VAT से मुक्त',
    bandwidth_as_reported: 'बैंडविड्थ का बिल रिपोर्ट के अनुसार है: हर नमूना 5 मिनट में ट्रैफ़िक वाले सेकंडों का औसत है।',
  },
  lineTitle: {
    in_advance: (name) => `${name}, अग्रिम`,
    unused_share: (name) => `${name}, अप्रयुक्त अंश`,
    paid_in_advance: (name) => `${name}, अग्रिम भुगतान किया गया`,
    minimum_spend: (plan) => `न्यूनतम राशि, ${plan}`,
    discount: (much, on) => (on === null ? `छूट ${much}` : `${on} पर छूट ${much}`),
    unusedShareOf: (title) => `${title}, अप्रयुक्त अंश`,
  },
  annex: {
    title: 'अनुलग्नक: शुल्क के अनुसार पंक्तियाँ',
    linesIn: (count, mark) => `${count} पंक्तियाँ, अनुलग्नक ${mark} में`,
    lines: (count) => `${count} पंक्तियाँ`,
    uplink: 'अपलिंक',
    downlink: 'डाउनलिंक',
    missing: 'अनुपलब्ध',
    terms: {
      included: (quantity) => `${quantity} शामिल`,
      per: (quantity, price) => `प्रति ${quantity} ${price}`,
      upTo: (quantity, price) => `${quantity} तक ${price}`,
      above: (quantity, price) => `${quantity} से ऊपर ${price}`,
      commit: (quantity, price) => `प्रतिबद्ध ${quantity}, ${price} पर`,
      aboveCommit: (price) => `प्रतिबद्धता से ऊपर ${price}`,
      minimum: (amount) => `न्यूनतम ${amount}`,
      maximum: (amount) => `अधिकतम ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `समय के अनुसार, हर ${hours === 1 ? 'घंटे' : `${hours} घंटों`} का न्यूनतम से अधिकतम`,
    sorted: 'क्रमबद्ध',
    samples: {
      uplink: 'अपलिंक नमूने',
      downlink: 'डाउनलिंक नमूने',
      greater: 'अपलिंक और डाउनलिंक में से अधिक',
      sum: 'अपलिंक और डाउनलिंक का योग',
    },
    billed: (value, at, rank, of) => `बिल: ${value}, ${at}, ${of} में से क्रम ${rank}`,
    discarded: (count) => `छोड़े गए: सबसे ऊँचे ${count}`,
    commit: (value) => `प्रतिबद्धता: ${value}`,
    byDay: 'प्रतिदिन',
  },
  reason: (given) => `कारण: ${given}`,
  billedAndLeft: (billed, left) => `कर सहित ${billed} का बिल था, इस क्रेडिट नोट के बाद ${left} शेष है।`,
  billedAndNow: (billed, now) => `बिल ${billed}, अब ${now}`,
  notSubjectToTax: 'VAT के अधीन नहीं',

  page: (number, of) => `पृष्ठ ${number} / ${of}`,
  issued: (stamp) => `जारी ${stamp}`,
  revision: (number) => `संशोधन ${number}`,
  inputs: (sha256) => `इनपुट SHA-256 ${sha256}`,
  draft: 'मसौदा',

  taxNumber: { vat: 'VAT संख्या', other: 'कर संख्या' },

  timeUnit: (unit) => UNITS[unit],
  countedThings: (dimension) => THINGS[dimension],
  unknown: 'अज्ञात',
  greaterOf: (uplink, downlink) => `अपलिंक ${uplink} और डाउनलिंक ${downlink} में से अधिक`,
  level,
  sumOfLevels: (of, sites) => `${sites} साइटों का योग, हर एक का ${level(of)}`,
  ofSlots: (of, slots) => `${slots} अंतरालों का ${of}`,
  aSite: 'साइट',
  rank: (rank) => `क्रम ${rank}`,
  at: (value, stamp) => `${value}, ${stamp} पर`,
  discarded: (samples) => `${samples} छोड़े गए`,
  coverage: (percent) => `कवरेज ${percent}`,
  samplesNotReported: (samples) => `${samples} नमूने रिपोर्ट नहीं हुए`,
  fates: {
    proven_idle: (samples) => `${samples} में 0 बाइट, अतः निष्क्रिय`,
    quiet: (samples) => `${samples} अधिकतम 0 वाले घंटों में`,
    lost: (samples) => `${samples} खोए हुए`,
    unanswered: (samples) => `${samples} बिना रिपोर्ट वाले घंटों में`,
    unexplained: (samples) => `${samples} ट्रैफ़िक वाले घंटों में`,
  },
  rounded: (before, after) => `${before} को ${after} तक पूर्णांकित`,
  inForce: (part, whole, unit) => `अवधि के ${whole} में से ${part} ${UNITS[unit]} लागू`,
  included: (quantity) => `${quantity} शामिल`,
  includedOf: (quantity, allowance) => `${allowance} में से ${quantity} शामिल`,
  committed: (quantity) => `${quantity} प्रतिबद्ध`,
  aboveCommit: (quantity) => `प्रतिबद्धता से ऊपर ${quantity}`,
  flat: (amount) => `एकमुश्त ${amount}`,
  feeOfTier: (tier) => `स्तर का शुल्क, ${tier}`,
  upTo: (quantity) => `${quantity} तक`,
  above: (quantity) => `${quantity} से ऊपर`,
  raisedTo: (minimum) => `न्यूनतम ${minimum} तक बढ़ाया गया`,
  loweredTo: (maximum) => `अधिकतम ${maximum} तक घटाया गया`,
  discountOf: (discount, remaining) => `${remaining} का ${discount}`,
  taxPart: 'इस कर श्रेणी का अंश',
  minimum: (amounts) => `न्यूनतम ${amounts}`,
  spent: (amount) => `खर्च ${amount}`,
  paidAhead: (amount) => `अग्रिम भुगतान ${amount}`,
};
