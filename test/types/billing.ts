import {
  billingTask,
  type BillingFacts,
  type BillingTask,
  type Code,
  held,
  type HoldCode,
  Plans,
  type SellerTerms,
} from '#billing';
import type { ControlCode, UnmeasuredCode } from '#metering';
import type { RatingHoldCode, RatingWarningCode } from '#rating';
import type { RefusalCode, ReportApiErrorCode, WarningCode } from '#report-client';

/**
 * What must not compile; `npm run types` is the test. Only codes of the one table hold or are told, and what rates is handed
 * terms and never operations.
 */
type Each<Codes extends Of, Of> = Codes;
export type Holds = Each<UnmeasuredCode | RatingHoldCode | RefusalCode | ReportApiErrorCode, HoldCode>;
export type Told = Each<ControlCode | RatingWarningCode | WarningCode, Code>;

declare const task: BillingTask;
declare const facts: BillingFacts;
declare const terms: SellerTerms;

export function onlyTheTableHolds(): void {
  held('missing_buckets', 'a known code');
  // @ts-expect-error a code that the table does not have
  held('made_up', 'x');
  // @ts-expect-error a warning holds nobody
  held('drift', 'x');
}

export function onlyTermsAreRated(): void {
  billingTask(facts, '2026-08', new Plans(String));
  // @ts-expect-error how the service works for a seller decides no bill
  void task.facts.seller.operations;
  // @ts-expect-error a setting that decides no document is no term
  void terms.zeroInvoices;
}
