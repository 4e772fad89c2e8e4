import { addDays, fromStamp, type Interval, localDateAt, startOfDay } from '#calendar';
import { type InvoiceLine, withoutSubscriberNumber } from '#invoicing';
import { type BandwidthPart, chartRanks, type DayChart, GRID_SECONDS, type RateChart, unpackChart } from '#metering';
import { decimal, Ratio } from '#money';
import type { Chunk, Piece } from './paginate.js';
import type { PrintableInvoice } from './printable-invoice.js';
import type { Sheet } from './sheet.js';
import { ACCENT, GREY, HAIRLINE, INK, LEFT, RIGHT, STYLES, WIDTH } from './style.js';
import type { Texts } from './texts.js';

const SAMPLES = '#8fb3c1';
const ABOVE = '#dda15e';
const DISCARDED = '#f8ebdb';
/** Room for the figures at the left axis. */
const AXIS = 34;
const SPACE = 6;
const HEADING = 24;
const RATE_HEIGHT = 96;
const DAYS_HEIGHT = 54;
const TICKS = 11;
const LEGEND = 12;
const BELOW = 8;
const SORTED_WIDTH = 150;
const BETWEEN = 18;

/** Pictures of the usage behind the first lines, as far as their samples were frozen with the document. */
export function chartChunks(sheet: Sheet, texts: Texts, document: PrintableInvoice): Chunk[] {
  return document.lines.flatMap((line) => {
    const { basis } = line.derivation;
    if (basis.kind !== 'usage' || !basis.evidence) return [];
    const { evidence } = basis;
    const baseUnits = basis.base_units_per_unit;
    const over = { start: fromStamp(evidence.over.start), end: fromStamp(evidence.over.end) };
    const scale = { texts, line, baseUnits, perUnit: Number.parseFloat(baseUnits), over };
    if (evidence.metric !== 'bandwidth') {
      return evidence.days ? [chunkOf(daysPiece(sheet, document, scale, evidence.days))] : [];
    }
    const { percentile } = evidence;
    return evidence.parts.flatMap((part) =>
      part.chart ? [chunkOf(ratePiece(sheet, document, { ...scale, part, percentile }, part.chart))] : [],
    );
  });
}

function chunkOf(piece: Piece): Chunk {
  return { tabular: false, joinsPrevious: false, pieces: [piece] };
}

interface Charted {
  readonly texts: Texts;
  readonly line: InvoiceLine;
  /** Base units in one unit of the line, exact and as a double for coordinates. */
  readonly baseUnits: string;
  readonly perUnit: number;
  /** What was measured. */
  readonly over: Interval;
}

/** A rectangle that values are drawn in; `of` is the value at its upper edge. */
interface Plot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly top: number;
}

const yOf = ({ y, height, top }: Plot, value: number): number => y + height - (value / top) * height;

/** The samples in time and sorted, side by side, with the billed one in both. */
function ratePiece(
  sheet: Sheet,
  document: PrintableInvoice,
  charted: Charted & { part: BandwidthPart; percentile: string | null },
  chart: RateChart,
): Piece {
  const { texts, line, baseUnits, perUnit, part, percentile } = charted;
  const { words } = texts;
  const { billed } = part;
  const unit = Number.parseFloat(chart.unit) / perUnit;
  const inUnit = (text: string) => unpackChart(text).map((value) => (value === null ? null : value * unit));
  const [lowest, highest, ranked] = [inUnit(chart.lowest), inUnit(chart.highest), inUnit(chart.ranked)];
  const level = Number.parseFloat(billed.value) / perUnit;
  const commit = commitOf(line);
  const most = Math.max(level, ...highest.map((value) => value ?? 0));
  const commitLevel = commit === null ? null : Number.parseFloat(commit);
  // A commit far above all samples would press them flat.
  const shownCommit = commitLevel !== null && commitLevel <= 3 * most ? commitLevel : null;
  const axis = axisOf(Math.max(most, shownCommit ?? 0), 4);

  const n = billed.n;
  const k = billed.k ?? n;
  const value = (text: string) => `${texts.grouped(text)} ${texts.unitName(line.unit)}`;
  const stamp = billed.sample ? texts.longStamp(billed.sample.start) : '';
  const count = (of: number) => texts.grouped(String(of));
  const inLine = Ratio.of(decimal(billed.value), decimal(baseUnits)).toTruncated(12);
  const legend = legendRows(sheet, [
    [ACCENT, words.chart.billed(value(inLine), stamp, count(k), count(n))],
    [ABOVE, words.chart.discarded(count(billed.discarded ?? 0))],
    ...(commit === null ? [] : [[INK, words.chart.commit(value(commit))] as const]),
  ]);

  return {
    height: SPACE + HEADING + RATE_HEIGHT + TICKS + legend.length * LEGEND + BELOW,
    draw: (edge) => {
      const top = edge + SPACE;
      const timeWidth = WIDTH - AXIS - BETWEEN - SORTED_WIDTH;
      const y = top + HEADING;
      const inTime: Plot = { x: LEFT + AXIS, y, width: timeWidth, height: RATE_HEIGHT, top: axis.top };
      const sorted: Plot = { ...inTime, x: RIGHT - SORTED_WIDTH, width: SORTED_WIDTH };
      const hours = (chart.slots_per_column * GRID_SECONDS.SLOT) / GRID_SECONDS.HOUR;
      drawHeading(sheet, charted, part, top);
      sheet.text(`${words.chart.samples[billed.of]}, ${words.chart.inTime(hours)}`, inTime.x, y - 4, STYLES.faint);
      sheet.text(words.chart.sorted, sorted.x, y - 4, STYLES.faint);

      const rankX = (rank: number) => sorted.x + (rank / n) * sorted.width;
      sheet.fill(rankX(k), sorted.y, sorted.x + sorted.width - rankX(k), sorted.height, DISCARDED);
      drawValueAxis(sheet, texts, inTime, axis, texts.unitName(line.unit));
      drawGrid(sheet, sorted, axis);

      drawColumns(sheet, inTime, charted.over, chart.slots_per_column, { lowest, highest, level });
      const ranks = chartRanks(n, k);
      const curve = ranked.map((value, index) => [rankX(ranks[index] ?? 0), yOf(sorted, value ?? 0)] as const);
      const foot = sorted.y + sorted.height;
      const upTo = curve.slice(0, curve.length - ABOVE_POINTS);
      const above = curve.slice(curve.length - ABOVE_POINTS - 1);
      const [x0, x1] = [curve[0]?.[0] ?? sorted.x, upTo.at(-1)?.[0] ?? sorted.x];
      sheet.shape([[x0, foot], ...upTo, [x1, foot]], SAMPLES);
      sheet.shape([[x1, foot], ...above, [above.at(-1)?.[0] ?? x1, foot]], ABOVE);

      for (const plot of [inTime, sorted]) {
        if (shownCommit !== null) drawLevel(sheet, plot, shownCommit, INK, 2.5);
        drawLevel(sheet, plot, level, ACCENT, 0);
      }
      const { start, end } = charted.over;
      const at = billed.sample ? fromStamp(billed.sample.start) : start;
      const slot = GRID_SECONDS.SLOT / 2;
      drawMark(sheet, inTime.x + ((at + slot - start) / (end - start)) * inTime.width, yOf(inTime, level));
      drawMark(sheet, rankX(k), yOf(sorted, level));

      drawDays(sheet, texts, document, inTime, charted.over);
      sheet.text('0 %', sorted.x, foot + 8, STYLES.faint);
      sheet.text('50 %', sorted.x + sorted.width / 2 - 6, foot + 8, STYLES.faint);
      sheet.text(`${texts.grouped(percentile ?? '100')} %`, rankX(k) + 7, foot + 8, STYLES.faint, 'right');

      drawLegend(sheet, foot + TICKS + 8, legend);
    },
  };
}

/** Points of the sorted samples that lie above the billed one; the same number whatever the percentile. */
const ABOVE_POINTS = 16;

function commitOf({ derivation: { basis } }: InvoiceLine): string | null {
  return basis.kind === 'usage' && basis.price.model === 'commit_burst' ? basis.price.commit : null;
}

/** Bars from the lowest to the highest sample of each column; what lies above the billed level in a colour of its own. */
function drawColumns(
  sheet: Sheet,
  plot: Plot,
  over: Charted['over'],
  slotsPerColumn: number,
  of: { lowest: readonly (number | null)[]; highest: readonly (number | null)[]; level: number },
): void {
  const slots = (over.end - over.start) / GRID_SECONDS.SLOT;
  const width = (slotsPerColumn / slots) * plot.width;
  const bars: [number, number, number, number][] = [];
  const above: [number, number, number, number][] = [];
  of.highest.forEach((high, column) => {
    const low = of.lowest[column];
    if (high === null || low === null || low === undefined) return;
    const x = plot.x + column * width;
    const own = Math.min(width, plot.x + plot.width - x) - 0.3;
    const [top, bottom] = [yOf(plot, high), yOf(plot, low)];
    const cut = Math.min(Math.max(yOf(plot, of.level), top), bottom);
    if (cut > top) above.push([x, top, own, cut - top]);
    const height = Math.max(bottom - cut, high <= of.level ? THINNEST : 0);
    if (height > 0) bars.push([x, bottom - height, own, height]);
  });
  sheet.fillAll(bars, SAMPLES);
  sheet.fillAll(above, ABOVE);
}

const THINNEST = 0.6;

/** Bytes of each day, both directions one above the other. */
function daysPiece(sheet: Sheet, document: PrintableInvoice, charted: Charted, chart: DayChart): Piece {
  const { texts, line, perUnit } = charted;
  const unit = Number.parseFloat(chart.unit) / perUnit;
  const days = (text: string | null) => (text === null ? [] : unpackChart(text).map((value) => (value ?? 0) * unit));
  const [uplink, downlink] = [days(chart.uplink), days(chart.downlink)];
  const count = Math.max(uplink.length, downlink.length);
  const sums = Array.from({ length: count }, (_, day) => (uplink[day] ?? 0) + (downlink[day] ?? 0));
  const axis = axisOf(Math.max(0, ...sums), 3);
  const legend = legendRows(sheet, [
    ...(chart.uplink === null ? [] : [[ACCENT, texts.words.annex.uplink] as const]),
    ...(chart.downlink === null ? [] : [[SAMPLES, texts.words.annex.downlink] as const]),
  ]);
  return {
    height: SPACE + HEADING + DAYS_HEIGHT + TICKS + legend.length * LEGEND + BELOW,
    draw: (edge) => {
      const top = edge + SPACE;
      const y = top + HEADING;
      const plot: Plot = { x: LEFT + AXIS, y, width: WIDTH - AXIS, height: DAYS_HEIGHT, top: axis.top };
      drawHeading(sheet, charted, null, top);
      sheet.text(texts.words.chart.byDay, plot.x, y - 4, STYLES.faint);
      drawValueAxis(sheet, texts, plot, axis, texts.unitName(line.unit));
      const width = plot.width / Math.max(1, count);
      const foot = plot.y + plot.height;
      const barOf = (day: number, from: number, to: number): [number, number, number, number] => {
        const [low, high] = [yOf(plot, from), yOf(plot, to)];
        return [plot.x + day * width + width * 0.15, high, width * 0.7, low - high];
      };
      sheet.fillAll(
        downlink.flatMap((value, day) => (value > 0 ? [barOf(day, 0, value)] : [])),
        SAMPLES,
      );
      sheet.fillAll(
        uplink.flatMap((value, day) => (value > 0 ? [barOf(day, downlink[day] ?? 0, sums[day] ?? 0)] : [])),
        ACCENT,
      );
      drawDays(sheet, texts, document, plot, charted.over);
      drawLegend(sheet, foot + TICKS + 8, legend);
    },
  };
}

/** Which line it is about. */
function drawHeading(sheet: Sheet, { texts, line }: Charted, part: BandwidthPart | null, top: number): void {
  sheet.rule(LEFT, top, WIDTH, HAIRLINE, 0.7);
  const entity = part?.entity
    ? { dimension: part.entity.dimension, value: part.entity.value, name: part.name }
    : line.entity;
  const about = [line.description, texts.entityLabel(entity)].filter((text) => text !== null).join(' · ');
  const [first = ''] = sheet.wrap(withoutSubscriberNumber(about, line.entity), WIDTH - AXIS, STYLES.chartTitle);
  sheet.text(String(line.position), LEFT, top + 11, STYLES.cellQuiet);
  sheet.text(first, LEFT + AXIS, top + 11, STYLES.chartTitle);
}

interface Axis {
  readonly top: number;
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
}

/** A few round values from 0 to at least `most`; their texts are exact decimals. */
export function axisOf(most: number, parts: number): Axis {
  if (!(most > 0)) return { top: 1, ticks: [{ value: 0, text: '0' }] };
  let power = Math.floor(Math.log10(most / parts)) - 1;
  let factor = 1;
  const step = () => (power < 0 ? factor / 10 ** -power : factor * 10 ** power);
  while (step() * parts < most) {
    if (factor === 5) power += 1;
    factor = factor === 1 ? 2 : factor === 2 ? 5 : 1;
  }
  const count = Math.ceil(most / step() - 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, index) => ({
    value: index * step(),
    text: shifted(String(index * factor), power),
  }));
  return { top: count * step(), ticks };
}

/** A whole number times a power of ten. */
function shifted(digits: string, power: number): string {
  if (digits === '0' || power >= 0) return digits === '0' ? '0' : digits + '0'.repeat(power);
  const padded = digits.padStart(1 - power, '0');
  return `${padded.slice(0, power)}.${padded.slice(power)}`.replace(/\.?0+$/, '');
}

function drawGrid(sheet: Sheet, plot: Plot, { ticks }: Axis): void {
  for (const { value } of ticks) sheet.rule(plot.x, yOf(plot, value) - 0.25, plot.width, HAIRLINE, 0.5);
}

function drawValueAxis(sheet: Sheet, texts: Texts, plot: Plot, axis: Axis, unit: string): void {
  drawGrid(sheet, plot, axis);
  for (const { value, text } of axis.ticks) {
    sheet.text(texts.grouped(text), plot.x - 4, yOf(plot, value) + 2, STYLES.faint, 'right');
  }
  sheet.text(unit, plot.x - 4, plot.y - 6, STYLES.faint, 'right');
}

function drawLevel(sheet: Sheet, plot: Plot, value: number, colour: string, dash: number): void {
  const y = yOf(plot, value);
  sheet.stroke(
    [
      [plot.x, y],
      [plot.x + plot.width, y],
    ],
    colour,
    0.7,
    dash,
  );
}

/** The billed sample. */
function drawMark(sheet: Sheet, x: number, y: number): void {
  const around = (size: number) =>
    [
      [x, y - size],
      [x + size, y],
      [x, y + size],
      [x - size, y],
    ] as const;
  sheet.shape(around(4), '#ffffff');
  sheet.shape(around(3), ACCENT);
}

const DAYS_BETWEEN_TICKS = 7;

/** The days of the seller's calendar where they begin: the first with its date, then each seventh. */
function drawDays(sheet: Sheet, texts: Texts, { period }: PrintableInvoice, plot: Plot, over: Charted['over']): void {
  const { start, end } = over;
  const foot = plot.y + plot.height;
  const isWhole = start === startOfDay(period.start_date, period.time_zone);
  const first = isWhole ? period.start_date : localDateAt(start, period.time_zone);
  sheet.rule(plot.x, foot - 0.35, plot.width, GREY, 0.7);
  for (let date = first; ; date = addDays(date, DAYS_BETWEEN_TICKS)) {
    const at = date === first ? start : startOfDay(date, period.time_zone);
    if (at >= end) return;
    const x = plot.x + ((at - start) / (end - start)) * plot.width;
    sheet.fill(x, foot, 0.5, 2.5, GREY);
    const text = date === first ? texts.longDate(date) : String(Number.parseInt(date.slice(8), 10));
    sheet.text(text, x + 2, foot + 8, STYLES.faint);
  }
}

type LegendEntry = readonly [colour: string, text: string];

/** Entries in rows of the page's width. */
function legendRows(sheet: Sheet, entries: readonly LegendEntry[]): LegendEntry[][] {
  const rows: LegendEntry[][] = [];
  let left = 0;
  for (const entry of entries) {
    const width = SWATCH + sheet.width(entry[1], STYLES.faint);
    const row = rows.at(-1);
    if (row && left + width <= WIDTH - AXIS) row.push(entry);
    else {
      rows.push([entry]);
      left = 0;
    }
    left += width + 16;
  }
  return rows;
}

const SWATCH = 8;

function drawLegend(sheet: Sheet, top: number, rows: readonly (readonly LegendEntry[])[]): void {
  rows.forEach((row, index) => {
    const baseline = top + index * LEGEND;
    let x = LEFT + AXIS;
    for (const [colour, text] of row) {
      sheet.fill(x, baseline - 4.6, 5, 5, colour);
      sheet.text(text, x + SWATCH, baseline, STYLES.faint);
      x += SWATCH + sheet.width(text, STYLES.faint) + 16;
    }
  });
}
