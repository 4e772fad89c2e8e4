import fc from 'fast-check';
import {
  type BillingPeriod,
  isMonth,
  monthAt,
  monthPeriod,
  nextMonth,
  periodOfDates,
  previousMonth,
  secondsOf,
} from './billing-period.js';
import { fromStamp, overlap, toStamp } from './instant.js';
import {
  addDays,
  daysBetween,
  fiscalYear,
  instantAt,
  isLocalDate,
  isTimeZone,
  localDateAt,
  startOfDay,
} from './local-date.js';

const ZONES = [
  'UTC',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/New_York',
  'Europe/Amsterdam',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
];

function monthsOf(year: number, timeZone: string): BillingPeriod[] {
  return Array.from({ length: 12 }, (_, i) => monthPeriod(`${year}-${String(i + 1).padStart(2, '0')}`, timeZone));
}

describe('monthPeriod', () => {
  it.each([
    ['2026-03', 'America/New_York', 743],
    ['2026-11', 'America/New_York', 721],
    ['2026-10', 'Europe/Amsterdam', 745],
    ['2026-03', 'Europe/Amsterdam', 743],
    ['2026-10', 'Australia/Lord_Howe', 743.5],
    ['2026-04', 'Australia/Lord_Howe', 720.5],
    ['2026-10', 'Asia/Kolkata', 744],
    ['2028-02', 'UTC', 696],
  ])('%s in %s has %d hours', (month, timeZone, hours) => {
    expect(secondsOf(monthPeriod(month, timeZone)) / 3_600).toBe(hours);
  });

  it.each([
    ['Asia/Kolkata', '2026-09-30T18:30:00Z', '2026-10-31T18:30:00Z'],
    ['Asia/Kathmandu', '2026-09-30T18:15:00Z', '2026-10-31T18:15:00Z'],
    ['America/New_York', '2026-10-01T04:00:00Z', '2026-11-01T04:00:00Z'],
    ['Europe/Amsterdam', '2026-09-30T22:00:00Z', '2026-10-31T23:00:00Z'],
    ['UTC', '2026-10-01T00:00:00Z', '2026-11-01T00:00:00Z'],
  ])('October 2026 in %s runs from %s to %s', (timeZone, start, end) => {
    const period = monthPeriod('2026-10', timeZone);
    expect([toStamp(period.start), toStamp(period.end)]).toEqual([start, end]);
    expect(period).toMatchObject({ label: '2026-10', timeZone, startDate: '2026-10-01', endDate: '2026-11-01' });
  });

  it.each(ZONES)('twelve months of %s leave no gap and share no instant', (timeZone) => {
    const months = [...monthsOf(2026, timeZone), ...monthsOf(2027, timeZone)];
    months.forEach((month, i) => {
      const next = months[i + 1];
      if (next) expect(month.end).toBe(next.start);
      expect(monthAt(month.start, timeZone)).toBe(month.label);
      expect(monthAt(month.end - 1, timeZone)).toBe(month.label);
    });
  });

  it.each(['2026-13', '2026-00', '2026-1', '26-01', '2026-10-01', '', '0000-01', '0001-01', '1899-12', '1969-12'])(
    'refuses the month %j',
    (label) => {
      expect(isMonth(label)).toBe(false);
      expect(() => monthPeriod(label, 'UTC')).toThrow(expect.objectContaining({ code: 'malformed_month' }));
    },
  );

  it('counts months over the turn of the year', () => {
    expect(nextMonth('2026-12')).toBe('2027-01');
    expect(previousMonth('2026-01')).toBe('2025-12');
    expect(nextMonth('2026-01')).toBe('2026-02');
  });
});

describe('periodOfDates', () => {
  it('is cut at local midnights', () => {
    const period = periodOfDates('2026-10-15', '2026-11-01', 'Europe/Amsterdam');
    expect(period.label).toBe('2026-10-15/2026-11-01');
    expect(secondsOf(period)).toBe((17 * 24 + 1) * 3_600);
  });

  it('refuses a period of no day, and dates that do not exist', () => {
    const empty = expect.objectContaining({ code: 'empty_period', retryable: false });
    expect(() => periodOfDates('2026-10-15', '2026-10-15', 'UTC')).toThrow(empty);
    expect(() => periodOfDates('2026-10-16', '2026-10-15', 'UTC')).toThrow(empty);
    expect(() => periodOfDates('2026-02-30', '2026-03-15', 'UTC')).toThrow(
      expect.objectContaining({ code: 'malformed_date' }),
    );
  });
});

describe('local days', () => {
  it.each([
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00Z'],
    ['2024-04-26', 'Africa/Cairo', '2024-04-25T22:00:00Z'],
    ['2026-03-29', 'Europe/Amsterdam', '2026-03-28T23:00:00Z'],
  ])('%s in %s starts at %s, also where midnight is skipped', (date, timeZone, stamp) => {
    expect(toStamp(startOfDay(date, timeZone))).toBe(stamp);
    // Asked twice: the second answer is remembered.
    expect(toStamp(startOfDay(date, timeZone))).toBe(stamp);
    expect(localDateAt(fromStamp(stamp), timeZone)).toBe(date);
    expect(localDateAt(fromStamp(stamp) - 1, timeZone)).toBe(addDays(date, -1));
  });

  it('counts days by the calendar, not by 24 hours', () => {
    expect(daysBetween('2026-03-01', '2026-04-01')).toBe(31);
    expect(daysBetween('2026-04-01', '2026-03-01')).toBe(-31);
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
    expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
  });

  it('every instant lies in the local day it is said to be in', () => {
    const instant = fc.integer({ min: fromStamp('2015-01-01T00:00:00Z'), max: fromStamp('2030-01-01T00:00:00Z') });
    fc.assert(
      fc.property(instant, fc.constantFrom(...ZONES), (at, timeZone) => {
        const date = localDateAt(at, timeZone);
        expect(startOfDay(date, timeZone)).toBeLessThanOrEqual(at);
        expect(startOfDay(addDays(date, 1), timeZone)).toBeGreaterThan(at);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['2026-02-29', '2026-04-31', '2026-4-1', '2026-10-01T00:00:00Z', '', '20261001', '0000-01-01', '1899-12-31'])(
    '%j is not a date',
    (text) => {
      expect(isLocalDate(text)).toBe(false);
      expect(() => addDays(text, 1)).toThrow(expect.objectContaining({ code: 'malformed_date' }));
    },
  );

  it('takes exactly the zones that it can reckon in, whatever else the host takes for one', () => {
    // ICU's old abbreviations, which Intl takes and Temporal refuses.
    const abbreviations =
      'ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST';
    for (const name of [
      ...abbreviations.split(' '),
      ...Intl.supportedValuesOf('timeZone'),
      'UTC',
      'EST',
      'CET',
      'utc',
    ]) {
      if (isTimeZone(name)) expect(typeof startOfDay('2026-10-01', name)).toBe('number');
      else expect(() => startOfDay('2026-10-01', name)).toThrow(expect.objectContaining({ code: 'unknown_time_zone' }));
    }
    expect(abbreviations.split(' ').filter(isTimeZone)).toEqual([]);
    expect(Intl.supportedValuesOf('timeZone').filter((name) => !isTimeZone(name))).toEqual([]);
    expect(isTimeZone('2026-01-01T00:00+01:00[Europe/Berlin]')).toBe(false);
  });

  it('refuses a name longer than any of a zone before it is read', () => {
    // tz-link: names of the IANA database are far shorter; reading one takes the square of its length.
    expect(isTimeZone(`Etc/${'a'.repeat(4_000_000)}`)).toBe(false);
    expect(isTimeZone('America/Argentina/ComodRivadavia')).toBe(true);
  });

  it('knows zones by name only', () => {
    expect(['UTC', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'].every(isTimeZone)).toBe(true);
    expect(['+05:30', '-04:00', '', 'Mars/Olympus', 'Europe/Amsterdam '].some(isTimeZone)).toBe(false);
    expect(() => startOfDay('2026-10-01', '+05:30')).toThrow(expect.objectContaining({ code: 'unknown_time_zone' }));
    expect(() => localDateAt(0, 'Nowhere')).toThrow(expect.objectContaining({ code: 'unknown_time_zone' }));
  });
});

describe('fiscalYear', () => {
  it.each([
    ['2026-03-31', 4, 2025],
    ['2026-04-01', 4, 2026],
    ['2026-12-31', 4, 2026],
    ['2026-01-01', 1, 2026],
    ['2026-12-31', 1, 2026],
    ['2026-11-30', 12, 2025],
  ])('%s with a year from month %d is %d', (date, startMonth, year) => {
    expect(fiscalYear(date, startMonth)).toBe(year);
  });

  it("20:00Z on 31 March is the next Indian fiscal year's", () => {
    const at = (stamp: string) => fiscalYear(localDateAt(fromStamp(stamp), 'Asia/Kolkata'), 4);
    expect(at('2026-03-31T18:29:59Z')).toBe(2025);
    expect(at('2026-03-31T18:30:00Z')).toBe(2026);
    expect(at('2026-03-31T20:00:00Z')).toBe(2026);
  });
});

describe('stamps', () => {
  it.each([
    ['2026-10-01T00:00:00Z', '2026-10-01T00:00:00Z'],
    ['2026-10-01T05:30:00+05:30', '2026-10-01T00:00:00Z'],
    ['2026-09-30T20:00:00-04:00', '2026-10-01T00:00:00Z'],
    ['2026-10-01T00:00:00.000Z', '2026-10-01T00:00:00Z'],
  ])('%s is %s', (text, utc) => {
    expect(toStamp(fromStamp(text))).toBe(utc);
  });

  it.each([
    '2026-02-31T00:00:00Z',
    '2026-10-01T24:00:00Z',
    '2026-10-01T00:00:60Z',
    '2026-10-01T00:00:00.5Z',
    '2026-10-01T00:00:00',
    '2026-10-01T00:00:00+99:99',
    '2026-10-01T00:00:00+24:00',
    '2026-10-01 00:00:00Z',
    'NOW',
    '',
  ])('%j is refused', (text) => {
    expect(() => fromStamp(text)).toThrow(expect.objectContaining({ code: 'malformed_stamp' }));
  });

  it('every second survives the way there and back', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (at) => fromStamp(toStamp(at)) === at));
  });
});

describe('overlap', () => {
  it('is half-open', () => {
    expect(overlap({ start: 0, end: 10 }, { start: 5, end: 20 })).toEqual({ start: 5, end: 10 });
    expect(overlap({ start: 0, end: 10 }, { start: 10, end: 20 })).toBeUndefined();
    expect(overlap({ start: 0, end: 10 }, { start: 2, end: 3 })).toEqual({ start: 2, end: 3 });
  });
});

describe('instantAt', () => {
  it.each([
    ['2026-11-04', '06:30', 'UTC', '2026-11-04T06:30:00Z'],
    ['2026-11-04', '06:30', 'Asia/Kolkata', '2026-11-04T01:00:00Z'],
    ['2026-07-04', '06:30', 'Europe/Amsterdam', '2026-07-04T04:30:00Z'],
    // 02:30 is skipped on 29 March (02:00 becomes 03:00) and comes twice on 25 October; the first is summer time.
    ['2026-03-29', '02:30', 'Europe/Amsterdam', '2026-03-29T01:30:00Z'],
    ['2026-10-25', '02:30', 'Europe/Amsterdam', '2026-10-25T00:30:00Z'],
  ])('%s %s in %s is %s', (date, time, timeZone, stamp) => {
    const [hour = 0, minute = 0] = time.split(':').map((part) => Number.parseInt(part, 10));
    expect(toStamp(instantAt(date, { hour, minute }, timeZone))).toBe(stamp);
  });
});
