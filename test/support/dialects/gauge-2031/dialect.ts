import { defineDialect, type Question, type ReportItems, type ReportMetric, RuleBroken } from '#report-client';
import { GRID_SECONDS } from '#metering';
import { z } from 'zod';
import { requireMeasurement } from '../../../../libs/report-client/src/number-text.js';
import { type JsonValue, NumberText, parseStrictJson } from '../../../../libs/report-client/src/strict-json.js';

/**
 * A dialect that no vendor speaks, to show what one takes: a key is a bearer token, a question is a GET, answers are columns
 * without any stamp, buckets are counted by their ends, rates come in kbps.
 */
const settingsSchema = z.strictObject({
  name: z.literal('gauge-2031').default('gauge-2031'),
  /** Whether it is known that a site's rate is that of all its subscribers. */
  scope_known: z.boolean().default(true),
  strict: z.boolean().default(false),
});
type Settings = z.infer<typeof settingsSchema>;

const COLUMNS: Readonly<Record<ReportMetric, string>> = {
  uplink_bytes: 'octets.up',
  downlink_bytes: 'octets.down',
  time_usage_seconds: 'seconds',
  uplink_bandwidth: 'kbps.up',
  downlink_bandwidth: 'kbps.down',
};

export const gauge = defineDialect<Settings>({
  name: 'gauge-2031',
  settings: settingsSchema,
  speak: ({ scope_known, strict }) => ({
    traits: {
      label: 'end',
      rates: { ofAllSubscribers: scope_known, overActiveSeconds: true },
      // To whole kbps.
      rounding: { known: true, halfPlaceMbps: '0.0005' },
      filtersWork: true,
      openQuestions: scope_known
        ? []
        : [{ code: 'rate_scope_unknown', concerns: 'rates', message: 'the gauge does not say whose rates it has' }],
      strict,
    },
    path: '/gauge',
    key: { in: 'header', name: 'authorization', scheme: 'Bearer' },
    bodyLimitBytes: 1_048_576,
    longestRangeDays: { DAY: 62, HOUR: 31, SLOT: 11 },
    rates: { power: 3, lineRateMbps: 1_000, ifRounded: 'ask the vendor' },
    request: ({ account, entity, series, of }) => {
      if (of === undefined) throw new RuleBroken('entity_not_askable', 'a gauge has no last five minutes');
      const query = new URLSearchParams([
        ['account', account],
        [entity.dimension, entity.value],
        ...series.map(({ metric, aggregation }) => ['column', columnOf(metric, aggregation)] as [string, string]),
        ['every', `${GRID_SECONDS[of.grid]}`],
        ['after', `${of.range.start}`],
        ['until', `${of.range.end}`],
      ]);
      return { method: 'GET', query: `${query}` };
    },
    read: (body, question) => readColumns(body, question),
    readLive: () => {
      throw new RuleBroken('schema_mismatch', 'a gauge has no last five minutes');
    },
  }),
});

function columnOf(metric: ReportMetric, aggregation: string): string {
  return aggregation === 'MAX' ? `${COLUMNS[metric]}.max` : COLUMNS[metric];
}

/** `{"of":{…},"first":<end of the first bucket>,"every":<seconds>,"columns":{"octets.up":[1,null,…]}}` */
function readColumns(body: Buffer, { account, entity, series, of }: Question): ReportItems {
  const answer = members(parseStrictJson(body));
  const echo = members(answer.get('of'));
  if (echo.get('account') !== account || echo.get(entity.dimension) !== entity.value) {
    throw new RuleBroken('echo_mismatch', 'the answer is for another meter than asked');
  }
  const [first, every] = [whole(answer.get('first')), whole(answer.get('every'))];
  if (of === undefined || every !== GRID_SECONDS[of.grid]) {
    throw new RuleBroken('off_grid', 'the answer is on another grid than asked');
  }
  const columns = members(answer.get('columns'));
  const items = { series: [] as number[], stamps: [] as number[], values: [] as string[] };
  series.forEach(({ metric, aggregation }, position) => {
    const column = columns.get(columnOf(metric, aggregation));
    if (!Array.isArray(column)) throw new RuleBroken('series_set_differs', 'a column is missing');
    column.forEach((value, bucket) => {
      if (value === null) return;
      if (!(value instanceof NumberText)) throw new RuleBroken('value_not_a_number', 'a value is no number');
      requireMeasurement(value.text, () => `in bucket ${bucket}`);
      items.series.push(position);
      items.stamps.push(first + bucket * every);
      items.values.push(value.text);
    });
  });
  return { ...items, count: items.values.length, warnings: [], byValue: false };
}

function members(value: JsonValue | undefined): Map<string, JsonValue> {
  if (!(value instanceof Map)) throw new RuleBroken('schema_mismatch', 'an object is missing');
  return value;
}

function whole(value: JsonValue | undefined): number {
  if (!(value instanceof NumberText) || !/^\d{1,12}$/.test(value.text)) {
    throw new RuleBroken('schema_mismatch', 'a whole number is missing');
  }
  return Number.parseInt(value.text, 10);
}
