import { createHash } from 'node:crypto';
import type { Answer, Members, Series } from './report.js';
import { RequestRefused } from './request.js';
import { stampWriter } from './stamps.js';
import type { Switches } from './switches.js';
import type { World } from './world.js';

/**
 * Writes an answer as compact JSON, members in the order of the published examples.
 * @throws RequestRefused 404 when there is nothing to report and the `empty` switch says so
 */
export function writeJson(given: Answer, world: World, requestBody: string): string {
  const { switches } = world;
  const shuffle = switches.order === 'shuffled' ? seededShuffle(`${world.seed} ${requestBody}`) : undefined;
  const object = (members: Members) =>
    `{${(shuffle?.(members) ?? members).map(([name, text]) => `"${name}":${text}`).join(',')}}`;
  const brace = switches.trailing_brace === 'on' ? '}' : '';
  if (given.kind === 'now') return object([...given.times, ...given.values, ...given.echo]) + brace;

  const series = cutSilently(given.series, switches);
  if (series.every(({ items }) => items.length === 0)) {
    if (switches.empty === '404') throw new RequestRefused(404, 'no data found');
    return object([...(switches.empty === 'absent' ? [] : ([['result', switches.empty]] as Members)), ...given.echo]);
  }
  const write = stampWriter(given.stamp);
  const arrays = series.map(({ metric, items }) => {
    const name = `","name":"${metric.name}","value":`;
    const end = metric.aggregation === undefined ? '}' : `,"aggregation_type":"${metric.aggregation}"}`;
    if (shuffle === undefined) {
      return items.map(({ label, value }) => `{"time_stamp":"${write(label)}${name}${value}${end}`);
    }
    return items.map(({ label, value }) =>
      object([
        ['time_stamp', `"${write(label)}"`],
        ['name', `"${metric.name}"`],
        ['value', value],
        ...(metric.aggregation ? ([['aggregation_type', `"${metric.aggregation}"`]] as Members) : []),
      ]),
    );
  });
  const grouped = switches.grouping === 'merged' ? [arrays.flat()] : arrays;
  const ordered = shuffle?.(grouped.map((items) => shuffle(items))) ?? grouped;
  const result = `[${ordered.map((items) => `[${items.join(',')}]`).join(',')}]`;
  return object([['result', result], ...given.echo]) + brace;
}

/** Writes an answer as CSV, one line per item; the upstream documentation names the type but shows no example. */
export function writeCsv(given: Answer, world: World): string {
  const echoed = given.echo.map(([, text]) => text.replaceAll('"', ''));
  if (given.kind === 'now') {
    const members = [...given.times, ...given.values, ...given.echo];
    return `${members.map(([name]) => name).join(',')}\n${members.map(([, text]) => text.replaceAll('"', '')).join(',')}\n`;
  }
  const write = stampWriter(given.stamp);
  const header = ['time_stamp', 'name', 'value', 'aggregation_type', ...given.echo.map(([name]) => name)];
  const lines = cutSilently(given.series, world.switches).flatMap(({ metric, items }) =>
    items.map(({ label, value }) => [write(label), metric.name, value, metric.aggregation ?? '', ...echoed].join(',')),
  );
  return [header.join(','), ...lines, ''].join('\n');
}

function cutSilently(series: Series[], { max_items: max }: Switches): Series[] {
  if (max === 'none') return series;
  let left = max;
  return series.map(({ metric, items }) => {
    const kept = items.slice(0, left);
    left -= kept.length;
    return { metric, items: kept };
  });
}

/** The same order for the same text, on any machine. */
function seededShuffle(text: string): <Thing>(things: readonly Thing[]) => Thing[] {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0) || 1;
  const next = (below: number) => {
    // xorshift32: enough disorder to catch a client that reads by position.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return (things) => {
    const shuffled = [...things];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = next(index + 1);
      const held = shuffled[index];
      shuffled[index] = shuffled[other] as (typeof shuffled)[number];
      shuffled[other] = held as (typeof shuffled)[number];
    }
    return shuffled;
  };
}
