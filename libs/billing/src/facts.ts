import type { BillingPeriod, LocalDate } from '#calendar';
import type {
  AccountTax,
  Address,
  BankAccount,
  Branding,
  Contact,
  CustomerEInvoice,
  ElectronicAddress,
  Language,
  GstTerms,
  Registration,
} from '#invoicing';
import { type DraftEdit, editsWrittenDown } from './draft-edits.js';
import type { Adjustment, BilledDiscount, FeeBilledAhead } from '#rating';

/**
 * What an account is billed by, usage apart: all that a document may be computed from. A document's `inputs_hash` covers
 * the terms that bear on its period, so what rates and drafts is handed terms and nothing else.
 */
export interface BillingTerms {
  readonly seller: SellerTerms;
  readonly account: AccountTerms;
  readonly entities: readonly EntityTerms[];
  readonly subscriptions: readonly SubscriptionTerms[];
  /** Published versions of the plans the account is subscribed to. */
  readonly versions: readonly VersionTerms[];
  /**
   * What other documents have billed ahead, for terms of one period: by the one before, and by this one as the next one's
   * document counts it, where that is issued already. Absent from inputs of documents that were issued before it was kept.
   */
  readonly advances?: {
    readonly billed: readonly FeeBilledAhead[];
    readonly counted: readonly FeeBilledAhead[] | null;
  };
  /**
   * The months that standing documents have discounted by discounts that are limited to some periods. Absent where no plan
   * of the account has such a discount, and from inputs of documents that were issued before it was kept.
   */
  readonly discounted?: readonly BilledDiscount[];
  /** What operators credit or charge beside the plan, and this period's document draws. Absent where there is none. */
  readonly adjustments?: readonly Adjustment[];
  /** What an operator did to the draft in review. Absent where nothing was done. */
  readonly edits?: readonly DraftEdit[];
}

export interface SellerTerms {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly country: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly taxId: string | null;
  readonly address: Address | null;
  readonly email: string | null;
  readonly invoicePrefix: string;
  /** How numbers are written (`documentNumber`). Absent from inputs that were written before it could be said. */
  readonly numberFormat?: string;
  readonly fiscalYearStart: number;
  readonly numberStart: number;
  readonly rounding: 'half_up' | 'half_even';
  readonly payableRounding: 'none' | '1' | '0.05';
  readonly paymentTermsDays: number;
  readonly edgePolicy: 'own_by_start' | 'refuse';
  /** What usage that belongs to no registered entity does to an account. */
  readonly unregisteredUsage: 'warn' | 'hold';
  readonly bank: BankAccount | null;
  /** Absent from inputs where there is none, as are registration and electronic address. */
  readonly contact?: Contact | null;
  readonly registration?: Registration | null;
  readonly eInvoice?: { readonly endpoint: ElectronicAddress | null } | null;
  /** In no inputs: a document has it, and nothing that is billed follows from it. */
  readonly language?: Language | null;
  readonly branding?: Branding | null;
  /** The rate of goods and services tax (percent) that taxes of accounts without any of their own follow from. Absent where there is none. */
  readonly gst?: { readonly rate: string | null; readonly sac: string | null } | null;
  /** How the report API's answers are read; null: the one that the service is configured with, as documented. */
  readonly reportApi: { readonly dialect: unknown } | null;
}

export interface AccountTerms {
  readonly id: string;
  readonly externalId: string;
  readonly name: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly address: Address | null;
  readonly taxId: string | null;
  readonly email: string | null;
  readonly taxes: readonly AccountTax[];
  readonly paymentTermsDays: number | null;
  readonly edgePolicy: 'own_by_start' | 'refuse' | null;
  /** Absent from inputs where there is none, as is what it wants of electronic invoices. */
  readonly registration?: Registration | null;
  readonly eInvoice?: CustomerEInvoice | null;
  /** In no inputs, as the seller's; null: the seller's. */
  readonly language?: Language | null;
  /** Absent where nothing is said of it. */
  readonly gst?: GstTerms | null;
}

export interface EntityTerms {
  readonly dimension: 'customer_site_id' | 'msisdn' | 'imsi';
  readonly value: string;
  readonly name: string | null;
  readonly activeFrom: LocalDate | null;
  readonly activeUntil: LocalDate | null;
}

export interface SubscriptionTerms {
  readonly planCode: string;
  readonly startDate: LocalDate;
  readonly endDate: LocalDate | null;
}

export interface VersionTerms {
  readonly code: string;
  readonly version: number;
  readonly effectiveFrom: LocalDate;
  /** The plan; null in inputs that are hashed, for published versions are immutable and known by their hash. */
  readonly document: unknown;
  readonly sha256: string;
}

/**
 * How and when the service works for a seller: decides whether there is a document and when, never what stands in it, and
 * is in no hash. A new setting of a seller belongs here unless a document follows from it.
 */
export interface SellerOperations {
  /** Hours after a period's end before it may be billed; null: as the service is configured. */
  readonly settleHours: number | null;
  /** Whether answers of the report API are kept also when nothing is wrong with them. */
  readonly keepRaw: boolean;
  /** What an account gets whose lines are all zero. */
  readonly zeroInvoices: 'skip' | 'issue';
}

/** A seller as the service works for it. */
export interface SellerFacts extends SellerTerms {
  readonly operations: SellerOperations;
}

/** Everything that stands in the database and decides whether, when and by what an account is billed, usage apart. */
export interface BillingFacts extends BillingTerms {
  readonly seller: SellerFacts;
}

/**
 * The terms that can bear on one period, and no others: what was registered, agreed or published for later is none of its
 * business. A subscription that ended the day before is, for its fee may have been billed in advance. What rates and what
 * hashes both look through this, so that nothing is rated by what no hash covers.
 */
export function factsOfPeriod<Facts extends BillingTerms>(facts: Facts, { startDate, endDate }: BillingPeriod): Facts {
  const subscriptions = facts.subscriptions.filter(
    (each) => each.startDate < endDate && (each.endDate === null || each.endDate >= startDate),
  );
  const plans = new Set(subscriptions.map(({ planCode }) => planCode));
  return {
    ...facts,
    subscriptions,
    entities: facts.entities.filter(
      ({ activeFrom, activeUntil }) =>
        (activeFrom === null || activeFrom < endDate) && (activeUntil === null || activeUntil > startDate),
    ),
    versions: facts.versions.filter(({ code, effectiveFrom }) => plans.has(code) && effectiveFrom < endDate),
    ...(facts.discounted && { discounted: facts.discounted.filter(({ planCode }) => plans.has(planCode)) }),
  };
}

/**
 * The terms of a period as its document's `inputs_hash` covers them, written down member by member: what is not named here
 * is in no hash. So nothing may be named whose change cannot change a document, for it would hold every draft in review.
 */
export function termsOf(facts: BillingTerms, period: BillingPeriod): BillingTerms {
  const { seller, account, entities, subscriptions, versions, advances, discounted, adjustments, edits } =
    factsOfPeriod(facts, period);
  return {
    seller: {
      id: seller.id,
      code: seller.code,
      name: seller.name,
      country: seller.country,
      currency: seller.currency,
      timeZone: seller.timeZone,
      taxId: seller.taxId,
      address: seller.address,
      email: seller.email,
      invoicePrefix: seller.invoicePrefix,
      ...(seller.numberFormat !== undefined && { numberFormat: seller.numberFormat }),
      fiscalYearStart: seller.fiscalYearStart,
      numberStart: seller.numberStart,
      rounding: seller.rounding,
      payableRounding: seller.payableRounding,
      paymentTermsDays: seller.paymentTermsDays,
      edgePolicy: seller.edgePolicy,
      unregisteredUsage: seller.unregisteredUsage,
      bank: seller.bank,
      ...(seller.contact && { contact: seller.contact }),
      ...(seller.registration && { registration: seller.registration }),
      ...(seller.eInvoice && { eInvoice: seller.eInvoice }),
      ...(seller.branding && { branding: seller.branding }),
      ...(seller.gst && { gst: { rate: seller.gst.rate, sac: seller.gst.sac } }),
      reportApi: seller.reportApi && { dialect: seller.reportApi.dialect ?? null },
    },
    account: {
      id: account.id,
      externalId: account.externalId,
      name: account.name,
      currency: account.currency,
      timeZone: account.timeZone,
      address: account.address,
      taxId: account.taxId,
      email: account.email,
      taxes: account.taxes,
      paymentTermsDays: account.paymentTermsDays,
      edgePolicy: account.edgePolicy,
      ...(account.registration && { registration: account.registration }),
      ...(account.eInvoice && { eInvoice: account.eInvoice }),
      ...(account.gst && { gst: account.gst }),
    },
    entities: entities.map(({ dimension, value, name, activeFrom, activeUntil }) => ({
      ...{ dimension, value, name, activeFrom, activeUntil },
    })),
    subscriptions: subscriptions.map(({ planCode, startDate, endDate }) => ({ planCode, startDate, endDate })),
    versions: versions.map(({ code, version, effectiveFrom, sha256 }) => ({
      ...{ code, version, effectiveFrom, sha256 },
      document: null,
    })),
    ...(advances && { advances: { billed: advances.billed, counted: advances.counted } }),
    ...(discounted && { discounted }),
    ...(adjustments && {
      adjustments: adjustments.map(({ id, amount, reason, tax, taxCategory, by, at }) => ({
        ...{ id, amount, reason, tax, taxCategory, by, at },
      })),
    }),
    ...(edits && { edits: editsWrittenDown(edits) }),
  };
}
