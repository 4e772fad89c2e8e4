import { STANDING } from './advances.js';
import * as Prisma from '../ground/prisma.js';

/**
 * The months for which standing documents of an account `a` carry a discount that its plan limits to some periods, as JSON;
 * null where no plan that the account is subscribed to has such a discount. A document says for which month by the days of
 * the line: those after its own period are a fee in advance. A note that corrects a discount away says so in its line.
 */
export const DISCOUNTED_OF_ACCOUNT = Prisma.sql`
  CASE WHEN EXISTS (SELECT FROM tariff_plan_version v
                     WHERE v.status = 'published' AND jsonb_path_exists(v.document, '$.discounts[*].periods')
                       AND v.code IN (SELECT b.plan_code FROM subscription b WHERE b.account_id = a.id))
  THEN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                 'planCode', given.plan_code, 'discount', given.discount, 'month', given.month, 'onDate', given.on_date)
               ORDER BY given.plan_code, given.discount, given.month, given.on_date), '[]')
          FROM (SELECT DISTINCT plan_code, discount, month, on_date
                  FROM (SELECT DISTINCT ON (i.period_label, 2, 3, l.line->'segment'->>'start', l.line->'segment'->>'end',
                                            l.line->>'tax_category', l.line->>'tax')
                               i.period_label, l.line->'derivation'->'plan'->>'code' AS plan_code,
                               substr(l.line->>'charge', 10)::int AS discount,
                               CASE WHEN ahead.is THEN to_char((i.period_label || '-01')::date + interval '1 month', 'YYYY-MM')
                                    ELSE i.period_label END AS month,
                               CASE WHEN ahead.is THEN ((i.document->'period'->>'end_date')::date - 1)::text
                                    ELSE l.line->'segment'->>'start_date' END AS on_date,
                               coalesce((l.line->'correction'->>'rerated')::numeric <> 0, true) AS stands
                          FROM invoice i
                         CROSS JOIN LATERAL jsonb_path_query(i.document, '$.lines[*] ? (@.kind == "discount")') AS l (line)
                         CROSS JOIN LATERAL (SELECT l.line->'segment'->>'start' >= i.document->'period'->>'end' AS is) AS ahead
                         WHERE i.account_id = a.id AND ${STANDING}
                           AND (NOT keeps_lines(i.month) OR EXISTS (
                                 SELECT FROM invoice_line d
                                  WHERE d.month = i.month AND d.invoice_id = i.id AND d.kind = 'discount'))
                           AND l.line->'derivation'->'basis'->>'refund' = 'false'
                         ORDER BY 1, 2, 3, l.line->'segment'->>'start', l.line->'segment'->>'end',
                                  l.line->>'tax_category', l.line->>'tax', i.revision DESC) AS line
                 WHERE stands AND EXISTS (SELECT FROM tariff_plan_version v
                                           WHERE v.code = plan_code AND v.status = 'published'
                                             AND v.document->'discounts'->(discount - 1)->'periods' IS NOT NULL)) AS given)
  END`;
