import type { z } from 'zod';
import type { Dialect, DialectSettings, SpokenDialect } from './dialect.js';
import { alefV1 } from './dialects/alef-v1-2022/dialect.js';
import {
  merged,
  probed,
  type ProbedSettings,
  type ProbeOptions,
  type ProbeReport,
  type ProbeTargets,
} from './probe.js';

/** The dialects that a process knows, by name. The first one is meant where stored settings name none. */
export class Dialects {
  readonly #first: Dialect;
  readonly #byName: ReadonlyMap<string, Dialect>;

  constructor(rows: readonly [Dialect, ...Dialect[]]) {
    this.#first = rows[0];
    this.#byName = new Map(rows.map((row) => [row.name, row]));
    if (this.#byName.size < rows.length) throw new Error('two dialects have one name');
  }

  get names(): string[] {
    return [...this.#byName.keys()];
  }

  /** The dialect that settings name, or the first one. */
  of(stored: unknown): Dialect {
    const name = typeof stored === 'object' && stored !== null && 'name' in stored ? stored.name : undefined;
    return (typeof name === 'string' && this.#byName.get(name)) || this.#first;
  }

  /** What of given settings is wrong, by member; nothing is thrown. */
  check(given: unknown): z.ZodSafeParseResult<DialectSettings> {
    return this.of(given).settings.safeParse(given);
  }

  /** @throws ZodError when the stored settings are none of the dialect that they name */
  speak(stored: unknown): SpokenDialect {
    return this.of(stored).speak(stored);
  }

  /**
   * Finds out by asking what the report API's documentation leaves open. Each finding says what was seen; a setting is only
   * proposed where what was seen leaves no other reading.
   *
   * @throws ReportApiError when the API gives no answer
   */
  probe(options: ProbeOptions, targets: ProbeTargets): Promise<ProbeReport> {
    return probed(this.of(options.dialect).probe, options, targets);
  }

  /**
   * The complete settings that findings make of what was known before.
   *
   * @throws ZodError when they are none of the dialect that was known
   */
  withFindings(known: unknown, found: ProbedSettings): DialectSettings {
    const { settings } = this.of(known);
    return settings.parse(merged({ ...settings.parse(known ?? {}) }, found));
  }
}

/** The one table of dialects: a folder below `dialects/` is spoken once it has a row here. */
export const DIALECTS = new Dialects([alefV1]);
