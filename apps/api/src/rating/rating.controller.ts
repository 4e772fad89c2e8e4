import { Body, Controller, Header, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Catalogue } from '#persistence';
import { findTariffPlanVersion } from '#persistence/catalogue';
import type { TariffPlan } from '#rating';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { tariffPlan, validPlan } from '../catalogue/tariff-plans.controller.js';
import { code, decimalText, givenTaxes, localDate, text, timeZone } from '../contract.js';
import { Documented } from '../documented.js';
import { WritesNothing } from '../idempotency.interceptor.js';
import { DATABASE } from '../ports.js';
import { Problem } from '../problems/problem.js';
import { inWords, problemFor } from '../request-validation.pipe.js';
import { Previews } from './previews.js';
import { ratedLine, totals } from './rated-line.js';

const unsigned = decimalText.refine((value) => !value.startsWith('-'), 'must not be negative');

const entityRef = z.strictObject({
  dimension: z.enum(['account', 'customer_site_id', 'msisdn', 'imsi']),
  value: text(128),
});

const instant = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.0+)?(Z|[+-]\d{2}:\d{2})$/,
    'must be an RFC 3339 stamp of whole seconds such as "2026-10-01T00:00:00Z"',
  );

const usage = z
  .strictObject({
    metric: z.enum(['bytes', 'time', 'bandwidth']),
    entity: entityRef.optional(),
    direction: z
      .enum([
        'uplink',
        'downlink',
        'total',
        'greater',
        'greater_of_percentiles',
        'percentile_of_greater',
        'percentile_of_sum',
      ])
      .optional(),
    quantity: unsigned
      .optional()
      .meta({ description: 'Already measured, in the base unit: byte, second or Mbps. A decimal string.' }),
    series: z
      .array(z.strictObject({ start: instant, value: unsigned.nullable() }))
      .min(1)
      .max(50_000)
      .optional(),
  })
  .refine(({ quantity, series }) => (quantity === undefined) !== (series === undefined), {
    message: 'must have exactly one of quantity and series',
  })
  .refine(
    ({ series, direction }) =>
      series === undefined || direction === undefined || /^(up|down)link$|^total$/.test(direction),
    { path: ['direction'], message: 'of a series must be "uplink" or "downlink", or left out for the whole' },
  );

const planReference = z.strictObject({ code, version: z.int().min(1).max(2_147_483_647) });

const previewRequest = z
  .strictObject({
    plan: z.union([planReference, tariffPlan]),
    period: z.union([z.string(), z.strictObject({ start: localDate, end: localDate })]),
    time_zone: timeZone.default('UTC'),
    subscription: z
      .strictObject({ starts_at: localDate.optional(), ends_at: localDate.nullable().optional() })
      .default({})
      .meta({ description: 'Default: it starts with the period.' }),
    taxes: givenTaxes.default([]),
    entities: z
      .array(
        z
          .strictObject({
            dimension: z.enum(['customer_site_id', 'msisdn', 'imsi']),
            value: text(128),
            name: text().nullable().default(null),
            active_from: localDate.nullable().default(null),
            active_until: localDate.nullable().default(null),
          })
          .refine(
            ({ active_from, active_until }) =>
              active_from === null || active_until === null || active_from < active_until,
            {
              path: ['active_until'],
              message: 'must be later than active_from: it is the first day without the entity',
            },
          ),
      )
      .max(20_000)
      .default([])
      .meta({ description: 'Beside those that usage is given for.' }),
    rounding: z.enum(['half_up', 'half_even']).default('half_up'),
    payable_rounding: z.enum(['none', '1', '0.05']).default('none'),
    usage: z.array(usage).max(20_000).default([]),
  })
  .meta({ id: 'PreviewRequest' });

const previewAnswer = z
  .object({
    currency: z.string(),
    period: z.object({ start: localDate, end: localDate }),
    lines: z.array(ratedLine),
    ...totals,
    warnings: z.array(z.object({ code: z.string(), message: z.string(), charge: z.string().optional() })),
  })
  .meta({ id: 'Preview' });

@ApiTags('rating')
@Controller('v1/rating')
export class RatingController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    private readonly previews: Previews,
  ) {}

  @Post('preview')
  @HttpCode(200)
  @Header('content-type', 'application/json; charset=utf-8')
  @Access('read')
  @WritesNothing()
  @Documented(
    'Rate given usage by a plan; writes nothing',
    { 200: previewAnswer },
    {
      422: '`invalid_request`, `invalid_plan`, `plan_not_found`, `subscription_outside_period`, `usage_missing`, `contradicting_usage`, `wrong_grid`, `preview_too_large`, `inexact_result`',
      503: '`preview_busy`',
    },
  )
  async preview(@Body({ schema: previewRequest }) body: z.output<typeof previewRequest>): Promise<string> {
    const { plan, version } = await this.planOf(body.plan);
    return this.previews.answer({ ...body, plan, version });
  }

  private async planOf(asked: z.output<typeof previewRequest>['plan']): Promise<{ plan: TariffPlan; version: number }> {
    if (!('version' in asked) || 'charges' in asked) return { plan: validPlan(asked, '/plan'), version: 0 };
    const { code: planCode, version } = referenceIn(asked);
    const stored = await findTariffPlanVersion(this.database, planCode, version);
    if (!stored) {
      const message = `there is no version ${version} of a tariff plan ${JSON.stringify(planCode)}`;
      throw new Problem(422, 'plan_not_found', message, { errors: [{ pointer: '/plan', message }] });
    }
    return { plan: stored.document, version };
  }
}

/** A version of a plan, by its code. Throws 422 for what is neither that nor a plan. */
function referenceIn(asked: unknown): z.output<typeof planReference> {
  const parsed = planReference.safeParse(asked, { error: inWords });
  if (parsed.success) return parsed.data;
  throw problemFor('body', parsed.error.issues, ['plan']);
}
