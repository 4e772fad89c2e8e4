import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { toStamp } from '#calendar';
import type { Catalogue } from '#persistence';
import { findAccount } from '#persistence/catalogue';
import { type UsageConservation, usageConservation } from '#persistence/ledger';
import type { Estimate, UsageView, ViewRefusal } from '#usage';
import { z } from 'zod';
import { Access } from '../access/access.guard.js';
import { currency, month, notice, pathId, stamp, text } from '../contract.js';
import { GrowsWithAccount } from '../bounded-reads.interceptor.js';
import { Documented } from '../documented.js';
import { CLOSES, type CloseCommands, DATABASE } from '../ports.js';
import { found, Problem } from '../problems/problem.js';
import { ratedLine, totals } from '../rating/rated-line.js';

const subject = z.enum(['customer_site_id', 'msisdn', 'imsi']);
const entity = z.object({ dimension: z.enum(['account', 'customer_site_id', 'msisdn', 'imsi']), value: z.string() });
const upperCase = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.string().toUpperCase().pipe(z.enum(values));

const seriesQuery = z
  .strictObject({
    metric: z.enum(['bytes', 'time', 'bandwidth']),
    from: z.string().meta({ description: "A local date of the account's zone, or an RFC 3339 stamp; inclusive." }),
    to: z.string().meta({ description: 'As `from`; exclusive.' }),
    granularity: upperCase(['SLOT', 'HOUR', 'DAY', 'MONTH']).default('HOUR').meta({
      description: 'SLOT is 5 minutes, for bandwidth alone; days and months are those of the account’s zone.',
    }),
    dimension: subject.optional(),
    value: text(128).optional(),
  })
  .refine(({ dimension, value }) => (dimension === undefined) === (value === undefined), {
    path: ['value'],
    message: 'dimension and value come together, or neither for the account itself',
  });

const seriesValue = z.object({
  start: stamp,
  value: z.string().nullable().meta({ description: 'Exact; null where nothing was reported.' }),
  expected: z.int().optional(),
  received: z.int().optional(),
});

const usageSeries = z
  .object({
    entity,
    metric: z.enum(['bytes', 'time', 'bandwidth']),
    granularity: z.enum(['SLOT', 'HOUR', 'DAY', 'MONTH']),
    time_zone: z.string(),
    from: stamp,
    to: stamp,
    coverage: z.object({ expected: z.int(), received: z.int(), percent: z.string() }),
    open_buckets: z.int().meta({ description: 'Buckets that have not ended: what they hold is partial.' }),
    series: z.array(
      z.object({
        name: z.string(),
        aggregation: z.enum(['COUNT', 'AVG', 'MIN', 'MAX']).nullable(),
        unit: z.enum(['byte', 'second', 'Mbps']),
        total: z.string().nullable(),
        values: z.array(seriesValue),
      }),
    ),
    raw_sha256: z.string(),
    warnings: z.array(notice),
  })
  .meta({ id: 'UsageSeries', description: 'What the report API says right now; nothing of it is billed.' });

const liveQuery = z.strictObject({
  dimension: subject,
  value: text(128),
  aggregation: upperCase(['AVG', 'MIN', 'MAX']).default('AVG'),
});

const liveBandwidth = z
  .object({
    entity,
    aggregation: z.enum(['AVG', 'MIN', 'MAX']),
    window: z.object({ start: stamp, end: stamp }),
    uplink_mbps: z.string(),
    downlink_mbps: z.string(),
    warnings: z.array(notice),
  })
  .meta({ id: 'LiveBandwidth', description: 'The last five minutes, for the eye alone.' });

const counted = z.object({ buckets: z.int().nullable(), total: z.string().nullable() });
const balance = { owned: counted, fetched: counted, margin: counted, conserved: z.boolean().nullable() };
const interval = z.object({ start: stamp, end: stamp });

const conservationQuery = z.strictObject({
  from: month.optional().meta({ description: 'The first month; absent = from the beginning.' }),
  to: month.optional().meta({ description: 'The month after the last one; absent = to the end.' }),
});

const conservation = z
  .object({
    windows: z.array(
      z.object({
        entity,
        metric: z.string(),
        period: z.string(),
        owned_interval: interval,
        grid: z.string(),
        revision: z.int(),
        expected_buckets: z.int(),
        ...balance,
      }),
    ),
    series: z.array(z.object({ entity, metric: z.string(), periods: z.int(), gaps: z.array(interval), ...balance })),
    conserved: z.boolean(),
  })
  .meta({
    id: 'UsageConservation',
    description:
      'Owned = fetched − margin, in buckets and in sum, for every metric, entity and month, and across months.',
  });

const estimate = z
  .object({
    period: z.object({ start: stamp, end: stamp, label: z.string() }),
    measured_until: stamp.meta({ description: 'Usage counts up to here; fees are those of the whole period.' }),
    complete: z.boolean(),
    currency,
    lines: z.array(ratedLine),
    ...totals,
    would_hold: z.array(notice).meta({ description: 'What a close would hold the account for as things stand.' }),
    warnings: z.array(notice),
  })
  .meta({ id: 'Estimate' });

const UPSTREAM = {
  404: '`account_not_found`',
  409: '`report_api_unconfigured`, `report_api_key_missing`, `secret_does_not_open`',
  502: 'the report API answered what may not be believed; `code` says which rule it broke',
  503: '`report_api_unavailable`, `report_api_timeout`, `report_api_rate_limited`',
};

/** What the report API says about an account, and what the ledger keeps of it. */
@ApiTags('accounts')
@Controller('v1/accounts/:account')
export class UsageController {
  constructor(
    @Inject(DATABASE) private readonly database: Catalogue,
    @Inject(CLOSES) private readonly closes: CloseCommands,
  ) {}

  @Get('usage')
  @GrowsWithAccount()
  @Access('read', 'path')
  @Documented('Read usage over any range', { 200: usageSeries }, { ...UPSTREAM, 422: '`invalid_request`' })
  async series(
    @Param('account', pathId) account: string,
    @Query({ schema: seriesQuery }) query: z.output<typeof seriesQuery>,
  ): Promise<Omit<UsageView, 'outcome'>> {
    const { dimension, value, ...request } = query;
    const named = dimension !== undefined && value !== undefined ? { dimension, value } : undefined;
    return shown(await this.closes.usage.series(account, { ...request, entity: named }));
  }

  @Get('usage/live')
  @GrowsWithAccount()
  @Access('read', 'path')
  @Documented(
    'Read the bandwidth of the last five minutes of a site or subscriber',
    { 200: liveBandwidth },
    { ...UPSTREAM, 422: '`invalid_request`' },
  )
  async live(
    @Param('account', pathId) account: string,
    @Query({ schema: liveQuery }) { dimension, value, aggregation }: z.output<typeof liveQuery>,
  ): Promise<z.output<typeof liveBandwidth>> {
    const live = shown(await this.closes.usage.live(account, { entity: { dimension, value }, aggregation }));
    return {
      entity: live.entity,
      aggregation: live.aggregation,
      window: { start: toStamp(live.window.start), end: toStamp(live.window.end) },
      uplink_mbps: live.uplinkMbps,
      downlink_mbps: live.downlinkMbps,
      warnings: [...live.warnings],
    };
  }

  @Get('usage/conservation')
  @GrowsWithAccount()
  @Access('read', 'path')
  @Documented(
    'Prove that nothing was lost or counted twice: what each period owns against what was fetched for it',
    { 200: conservation },
    { 404: '`not_found`' },
  )
  async conservation(
    @Param('account', pathId) account: string,
    @Query({ schema: conservationQuery })
    months: { from?: string | undefined; to?: string | undefined },
  ): Promise<UsageConservation> {
    found(await findAccount(this.database, account), 'account of that id');
    return usageConservation(this.database, account, months);
  }

  @Get('estimate')
  @GrowsWithAccount()
  @Access('read', 'path')
  @Documented(
    'Estimate what a month comes to so far',
    { 200: estimate },
    {
      ...UPSTREAM,
      409: `${UPSTREAM[409]}, and what a close would hold the account for before it could rate its month`,
      422: '`period_not_begun`, `no_subscription`, `estimate_too_large`',
      503: `${UPSTREAM[503]}, \`estimate_busy\``,
    },
  )
  async estimate(
    @Param('account', pathId) account: string,
    @Query({ schema: z.strictObject({ period: month.optional() }) }) { period }: { period?: string | undefined },
  ): Promise<Omit<Estimate, 'outcome'>> {
    return shown(await this.closes.usage.estimate(account, period));
  }
}

const STATUS = { unknown: 404, request: 422, state: 409, disbelieved: 502, away: 503 } as const;

/** What is to be shown, without the word that it can be; or the problem it is. */
function shown<T extends { readonly outcome: string }>(view: T | ViewRefusal): Omit<T, 'outcome'> {
  if (!isRefused(view)) return Object.fromEntries(Object.entries(view).filter(([name]) => name !== 'outcome')) as T;
  const { kind, code, message, parameter, retryAfterSeconds } = view;
  const wait = kind === 'away' ? { headers: { 'retry-after': String(retryAfterSeconds ?? 30) } } : {};
  const errors = parameter === undefined ? undefined : [{ pointer: `/${parameter}`, message }];
  throw new Problem(STATUS[kind], code, message, { errors, ...wait });
}

function isRefused(view: { readonly outcome: string }): view is ViewRefusal {
  return view.outcome === 'refused';
}
