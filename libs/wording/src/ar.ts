import type { Level } from '#rating';
import { figuresBy } from './figures.js';
import { arabic as plural, counted } from './plural.js';
import type { Wording } from './wording.js';

const MONTHS = 'يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر'.split(' ');

/** How many days after the issue: one and two are words of their own, without a figure. */
const daysOf = (count: string): string =>
  counted(plural, {
    zero: `${count} يوم`,
    one: 'يوم واحد',
    two: 'يومان',
    few: `${count} أيام`,
    many: `${count} يومًا`,
    other: `${count} يوم`,
  })(count);
const UNITS = {
  second: counted(plural, { zero: 'ثانية', one: 'ثانية', two: 'ثانية', few: 'ثوانٍ', many: 'ثانية', other: 'ثانية' }),
  minute: counted(plural, { zero: 'دقيقة', one: 'دقيقة', two: 'دقيقة', few: 'دقائق', many: 'دقيقة', other: 'دقيقة' }),
  hour: counted(plural, { zero: 'ساعة', one: 'ساعة', two: 'ساعة', few: 'ساعات', many: 'ساعة', other: 'ساعة' }),
  day: counted(plural, { zero: 'يوم', one: 'يوم', two: 'يوم', few: 'أيام', many: 'يومًا', other: 'يوم' }),
};
const THINGS = {
  customer_site_id: counted(plural, {
    ...{ zero: 'موقع', one: 'موقع', two: 'موقع', few: 'مواقع', many: 'موقعًا', other: 'موقع' },
  }),
  msisdn: () => 'MSISDN',
  imsi: () => 'IMSI',
};

// As CLDR has Arabic of the United Arab Emirates, whose default digits are those of Europe: figures beside codes and symbols of
// units read the same from both sides.
const figure = figuresBy({ group: ',', point: '.' });
const AGGREGATIONS = {
  percentile: 'الشريحة المئوية',
  average: 'المتوسط',
  minimum: 'الحد الأدنى',
  maximum: 'الحد الأقصى',
};
const level = ({ aggregation, percentile }: Level): string =>
  percentile === null ? AGGREGATIONS[aggregation] : `الشريحة المئوية ${figure(percentile)}`;

const TITLES = { invoice: 'فاتورة', credit_note: 'إشعار دائن', debit_note: 'إشعار مدين' } as const;
const DRAFTS = { invoice: 'مسودة فاتورة', credit_note: 'مسودة إشعار دائن', debit_note: 'مسودة إشعار مدين' } as const;

export const arabic: Wording = {
  language: 'ar',
  figure,
  percent: (of) => `${of}%`,
  comma: '، ',
  colon: ': ',

  date: (year, month, day) => `${day} ${MONTHS[month - 1] ?? ''} ${year}`,
  days: (first, last) => `${first} – ${last}`,
  instant: (date, time) => `${date} ${time} UTC`,

  title: (kind, isDraft) => (isDraft ? DRAFTS : TITLES)[kind],
  gst: {
    title: (isDraft) => (isDraft ? 'مسودة فاتورة ضريبية' : 'فاتورة ضريبية'),
    placeOfSupply: 'مكان التوريد',
    reverseCharge: 'الاحتساب العكسي',
    supply: 'التوريد',
    yes: 'نعم',
    no: 'لا',
    acknowledgement: 'رقم الإقرار',
    acknowledged: 'تاريخ الإقرار',
  },
  notIssued: 'غير صادرة: بلا رقم، لا شيء مستحق',
  billedTo: 'فاتورة إلى',
  issueDate: 'تاريخ الإصدار',
  dueDate: 'تاريخ الاستحقاق',
  corrects: 'يصحح',
  billingPeriod: 'فترة الفوترة',
  usageMeasured: 'الاستخدام المقاس',
  from: (instant) => `من ${instant}`,
  to: (instant) => `إلى ${instant}`,
  customerReference: 'مرجع العميل',
  purchaseOrder: 'أمر الشراء',
  contract: 'العقد',
  contact: 'جهة الاتصال',
  registrationNumber: 'رقم السجل',
  currency: 'العملة',

  payable: {
    credited: 'المبلغ الدائن',
    in_favour: 'رصيد لصالحكم',
    would_be_due: 'المبلغ الذي سيُستحق',
    due: 'المبلغ المستحق',
  },
  dueBy: (date) => `حتى ${date}`,

  description: 'الوصف',
  quantity: 'الكمية',
  unit: 'الوحدة',
  unitPrice: 'سعر الوحدة',
  amountIn: (currency) => `المبلغ ${currency}`,
  things: {
    ...{ account: 'حساب', customer_site_id: 'موقع', msisdn: 'MSISDN', imsi: 'IMSI', period: 'فترة' },
    ...{ item: 'وحدة', second: 'ثانية', minute: 'دقيقة', hour: 'ساعة', day: 'يوم' },
  },
  site: (name) => `الموقع ${name}`,
  commodityCode: 'رمز السلعة',
  taxCategoryOf: (code, name) => `فئة الضريبة ${code} (${name})`,
  taxOf: (name) => `الضريبة: ${name}`,
  exactQuantity: (decimals, quantity) => `الكمية حتى ${decimals} منازل عشرية: ${quantity}`,
  nowAndBefore: (now, before) => `الآن ${now}، وسبق احتساب ${before}`,

  taxCategories: {
    S: 'النسبة الأساسية',
    Z: 'نسبة الصفر',
    E: 'معفى',
    AE: 'الاحتساب العكسي',
    K: 'توريد داخل الاتحاد الأوروبي',
    G: 'تصدير',
    O: 'خارج نطاق الضريبة',
  },
  tax: 'الضريبة',
  rate: 'النسبة',
  taxableAmount: 'الوعاء الضريبي',
  taxIn: (currency) => `الضريبة ${currency}`,
  net: 'الصافي',
  total: 'الإجمالي',
  rounding: 'التقريب',

  payment: 'الدفع',
  status: 'الحالة',
  terms: 'الشروط',
  paymentReference: 'مرجع الدفع',
  payee: 'المستفيد',
  bankName: 'البنك',
  accountNumber: 'رقم الحساب',
  routingNumber: 'رقم التوجيه (ABA)',
  sortCode: 'رمز الفرز',
  bankCode: 'رمز البنك',
  scanToPay: 'امسح للدفع',
  termsOf: (count) => `${daysOf(`${count}`)} من تاريخ الإصدار`,
  termsBy: (count, date) => `${daysOf(`${count}`)} من تاريخ الإصدار، حتى ${date}`,
  nothingToPay: {
    draft: 'هذه مسودة. لا يُدفع شيء قبل إصدار الفاتورة.',
    credit_note: 'لا يُدفع شيء على إشعار دائن.',
    settled: 'لا يُدفع شيء.',
  },
  notes: 'ملاحظات',
  note: {
    corrects: (number, date) => `يصحح ${number} بتاريخ ${date}.`,
    replaces: (number, date) => `يحل محل ${number} بتاريخ ${date} التي سُحبت.`,
    reverse_charge: 'الاحتساب العكسي',
    intra_community_supply: 'توريد داخل الاتحاد الأوروبي، معفى من ضريبة القيمة المضافة',
    export_supply: 'تصدير خارج الاتحاد الأوروبي، معفى من ضريبة القيمة المضافة',
    bandwidth_as_reported: 'يُحتسب عرض النطاق كما أُبلغ عنه: كل عينة هي متوسط الثواني التي فيها حركة خلال 5 دقائق.',
  },
  lineTitle: {
    in_advance: (name) => `${name}، مقدمًا`,
    unused_share: (name) => `${name}، الجزء غير المستخدم`,
    paid_in_advance: (name) => `${name}، مدفوع مقدمًا`,
    minimum_spend: (plan) => `الحد الأدنى للإنفاق، ${plan}`,
    discount: (much, on) => (on === null ? `خصم ${much}` : `خصم ${much} على ${on}`),
    unusedShareOf: (title) => `${title}، الجزء غير المستخدم`,
  },
  annex: {
    title: 'الملحق: البنود حسب الرسم',
    linesIn: (count, mark) => `عدد البنود ${count}، في الملحق ${mark}`,
    lines: (count) => `عدد البنود ${count}`,
    uplink: 'الصاعد',
    downlink: 'الهابط',
    missing: 'الناقص',
    terms: {
      included: (quantity) => `${quantity} مشمولة`,
      per: (quantity, price) => `${price} لكل ${quantity}`,
      upTo: (quantity, price) => `حتى ${quantity} بسعر ${price}`,
      above: (quantity, price) => `فوق ${quantity} بسعر ${price}`,
      commit: (quantity, price) => `${quantity} ملتزم بها بسعر ${price}`,
      aboveCommit: (price) => `فوق الالتزام بسعر ${price}`,
      minimum: (amount) => `الحد الأدنى ${amount}`,
      maximum: (amount) => `الحد الأقصى ${amount}`,
    },
  },
  chart: {
    inTime: (hours) => `عبر الزمن، من الأدنى إلى الأعلى لكل ${hours === 1 ? 'ساعة' : `${hours} ساعات`}`,
    sorted: 'مرتبة',
    samples: {
      uplink: 'عينات الصاعد',
      downlink: 'عينات الهابط',
      greater: 'الأكبر من الصاعد والهابط',
      sum: 'مجموع الصاعد والهابط',
    },
    billed: (value, at, rank, of) => `المحتسب: ${value}، ${at}، الترتيب ${rank} من ${of}`,
    discarded: (count) => `المستبعد: أعلى ${count}`,
    commit: (value) => `الالتزام: ${value}`,
    byDay: 'لكل يوم',
  },
  reason: (given) => `السبب: ${given}`,
  billedAndLeft: (billed, left) => `المحتسب ${billed} شاملًا الضريبة، يبقى منه ${left} بعد هذا الإشعار.`,
  billedAndNow: (billed, now) => `المحتسب ${billed}، والآن ${now}`,
  notSubjectToTax: 'غير خاضع لضريبة القيمة المضافة',

  page: (number, of) => `صفحة ${number} من ${of}`,
  issued: (stamp) => `صدرت ${stamp}`,
  revision: (number) => `المراجعة ${number}`,
  inputs: (sha256) => `المدخلات SHA-256 ${sha256}`,
  draft: 'مسودة',

  taxNumber: { vat: 'الرقم الضريبي', other: 'الرقم الضريبي' },

  timeUnit: (unit, quantity) => UNITS[unit](quantity),
  countedThings: (dimension, count) => THINGS[dimension](count),
  unknown: 'غير معروف',
  greaterOf: (uplink, downlink) => `الأكبر من الصاعد ${uplink} والهابط ${downlink}`,
  level,
  sumOfLevels: (of, sites) => `مجموع ${level(of)} لعدد ${sites} من المواقع`,
  ofSlots: (of, slots) => `${of} من ${slots} فترة`,
  aSite: 'موقع',
  rank: (rank) => `الترتيب ${rank}`,
  at: (value, stamp) => `${value} عند ${stamp}`,
  discarded: (samples) => `استُبعد ${samples}`,
  coverage: (percent) => `التغطية ${percent}`,
  samplesNotReported: (samples) => `عينات لم يُبلغ عنها ${samples}`,
  fates: {
    proven_idle: (samples) => `${samples} خاملة بدليل 0 بايت`,
    quiet: (samples) => `${samples} في ساعات حدها الأقصى 0`,
    lost: (samples) => `${samples} مفقودة`,
    unanswered: (samples) => `${samples} في ساعات لم يُبلغ عنها`,
    unexplained: (samples) => `${samples} في ساعات فيها حركة`,
  },
  rounded: (before, after) => `${before} مقربة إلى ${after}`,
  inForce: (part, whole, unit) => `سارٍ ${part} من ${whole} ${{ second: 'ثانية', day: 'يوم' }[unit]} من الفترة`,
  included: (quantity) => `${quantity} مشمولة`,
  includedOf: (quantity, allowance) => `${quantity} من ${allowance} مشمولة`,
  committed: (quantity) => `${quantity} ملتزم بها`,
  aboveCommit: (quantity) => `${quantity} فوق الالتزام`,
  flat: (amount) => `مبلغ ثابت ${amount}`,
  feeOfTier: (tier) => `رسم الشريحة ${tier}`,
  upTo: (quantity) => `حتى ${quantity}`,
  above: (quantity) => `فوق ${quantity}`,
  raisedTo: (minimum) => `رُفع إلى الحد الأدنى ${minimum}`,
  loweredTo: (maximum) => `خُفض إلى الحد الأقصى ${maximum}`,
  discountOf: (discount, remaining) => `${discount} من ${remaining}`,
  taxPart: 'حصة فئة الضريبة هذه',
  minimum: (amounts) => `الحد الأدنى ${amounts}`,
  spent: (amount) => `أُنفق ${amount}`,
  paidAhead: (amount) => `دُفع مقدمًا ${amount}`,
};
