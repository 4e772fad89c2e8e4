import { nextMonth, previousMonth } from '#calendar';
import type { Transaction } from '../ground/database.js';
import * as Prisma from '../ground/prisma.js';
import { DocumentAltered, SEALED, type SealedDocument, unaltered, unalteredInputs } from './sealed-documents.js';

/** Documents `i` that stand. What takes one back says 0 for each of its lines, so such a note needs no exception. */
export const STANDING = Prisma.sql`
  NOT EXISTS (SELECT FROM invoice_event e WHERE e.invoice_id = i.id AND e.type = 'voided')`;

/**
 * Fees that documents of the period before, `label`, have billed for a period: those of standing documents, as the last one
 * that says something about a fee has it.
 *
 * @param account an expression for the account's id
 */
function billedAhead(account: Prisma.Sql, label: string): Prisma.Sql {
  return Prisma.sql`
    SELECT plan_code, version, charge, count
      FROM (SELECT DISTINCT ON (1, 3)
                   l.line->'derivation'->'plan'->>'code' AS plan_code,
                   (l.line->'derivation'->'plan'->>'version')::int AS version, l.line->>'charge' AS charge,
                   (SELECT sum((share->>'count')::int)
                      FROM jsonb_array_elements(l.line->'derivation'->'basis'->'shares') AS share)::int AS count,
                   coalesce((l.line->'correction'->>'rerated')::numeric <> 0, true) AS stands
              FROM invoice i CROSS JOIN LATERAL jsonb_array_elements(i.document->'lines') AS l (line)
             WHERE i.account_id = ${account} AND i.period_label = ${previousMonth(label)} AND ${STANDING}
               AND l.line->>'kind' = 'recurring' AND l.line->'derivation'->'basis'->>'billing' = 'advance'
               AND l.line->'segment'->>'start' = i.document->'period'->>'end'
             ORDER BY 1, 3, i.revision DESC) AS fee
     WHERE stands`;
}

/**
 * The advances of an account `a` as JSON. `counted`: of the next period's document, should it stand already, what it took
 * as billed ahead; null also when that was issued before inputs said so, because then it took what a rating would bill.
 */
export function advancesOfAccount(label: string): Prisma.Sql {
  return Prisma.sql`
    jsonb_build_object(
      'billed', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                          'planCode', b.plan_code, 'version', b.version, 'charge', b.charge, 'count', b.count)
                        ORDER BY b.plan_code, b.version, b.charge), '[]')
                   FROM (${billedAhead(Prisma.sql`a.id`, label)}) AS b),
      'counted', (SELECT n.inputs->'advances'->'billed'
                    FROM invoice i JOIN invoice_inputs n ON n.invoice_id = i.id
                   WHERE i.account_id = a.id AND i.period_label = ${nextMonth(label)} AND ${STANDING}
                     AND n.inputs->'advances' IS NOT NULL
                   ORDER BY i.revision DESC LIMIT 1))`;
}

/** Accounts whose documents are hashed in one go. */
const ACCOUNTS_AT_ONCE = 50;

/**
 * The accounts of a seller that were billed a fee ahead for a period in which they have no subscription. The one it was
 * billed for can only have been ended on the period's first day: the period before is issued, and nothing changes in it any
 * more. An account whose documents are not as they were issued is among them whatever their lines say, so that its close
 * says so instead of leaving it out.
 */
export async function billedAheadWithoutSubscription(
  tx: Transaction,
  sellerId: string,
  { label, startDate, endDate }: { label: string; startDate: string; endDate: string },
): Promise<string[]> {
  const found: string[] = [];
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const page = await tx.$queryRaw<{ id: string; ahead: boolean; deciding: DecidingDocument[] | null }[]>`
      SELECT a.id, EXISTS (${billedAhead(Prisma.sql`a.id`, label)}) AS ahead, ${decidingDocuments(label)} AS deciding
        FROM account a
       WHERE a.seller_id = ${sellerId}::uuid AND a.id > ${after}::uuid
         AND EXISTS (SELECT FROM subscription ended WHERE ended.account_id = a.id AND ended.ends_at = ${startDate}::date)
         AND NOT EXISTS (SELECT FROM subscription s
                          WHERE s.account_id = a.id
                            AND daterange(s.starts_at, s.ends_at) && daterange(${startDate}::date, ${endDate}::date))
       ORDER BY a.id LIMIT ${ACCOUNTS_AT_ONCE}`;
    found.push(...page.filter(({ ahead, deciding }) => ahead || !areUnaltered(deciding)).map(({ id }) => id));
    const last = page.at(-1);
    if (last === undefined || page.length < ACCOUNTS_AT_ONCE) return found;
    after = last.id;
  }
}

/** A document that decides what another one bills, with what it was computed from where that decides too. */
export type DecidingDocument = SealedDocument & { readonly inputs: object | null };

/**
 * The documents that decide what an account `a` was billed in advance or discounted already, as JSON for `demandUnaltered`:
 * its lines are read here by the database, which cannot tell whether they are as they were issued. Null when none decides.
 * Whether one does is asked of the plans as well as of its lines, so that a document is read also when its lines are gone.
 */
export function decidingDocuments(label: string): Prisma.Sql {
  return Prisma.sql`
    (SELECT jsonb_agg(to_jsonb(sealed) ORDER BY sealed.id)
       FROM (SELECT ${SEALED},
                    CASE WHEN i.period_label = ${nextMonth(label)}
                         THEN (SELECT n.inputs FROM invoice_inputs n WHERE n.invoice_id = i.id) END AS inputs
               FROM (SELECT coalesce(bool_or(v.document @? '$.charges[*] ? (@.timing == "in_advance")'), false) AS ahead,
                            coalesce(bool_or(v.document @? '$.discounts[*].periods'), false) AS limited
                       FROM tariff_plan_version v
                      WHERE v.status = 'published'
                        AND v.code IN (SELECT b.plan_code FROM subscription b WHERE b.account_id = a.id)) AS plans
               JOIN invoice i ON i.account_id = a.id
                             AND (plans.limited OR i.period_label IN (${previousMonth(label)}, ${nextMonth(label)}))
              WHERE ${STANDING}
                AND (plans.limited OR plans.ahead
                     OR i.document @? '$.lines[*].derivation.basis ? (@.billing == "advance")')) AS sealed)`;
}

/**
 * Holds documents that decide what another one bills against their hashes.
 *
 * @throws DocumentAltered
 */
export function demandUnaltered(documents: readonly DecidingDocument[] | null): void {
  for (const each of documents ?? []) unalteredInputs(unaltered(each), each.inputs);
}

function areUnaltered(documents: readonly DecidingDocument[] | null): boolean {
  try {
    demandUnaltered(documents);
    return true;
  } catch (error) {
    if (error instanceof DocumentAltered) return false;
    throw error;
  }
}
