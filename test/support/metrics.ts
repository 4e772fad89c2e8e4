/** One scrape: samples by `name{label="value",…}` with labels in alphabetical order, and the types by name. */
export interface Scrape {
  readonly text: string;
  readonly contentType: string | null;
  readonly samples: ReadonlyMap<string, number>;
  readonly types: ReadonlyMap<string, string>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** Scrapes as Prometheus does; an API wants a key. Throws when a line is none of the text format. */
export async function scrape(url: string, key?: string): Promise<Scrape> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const answer = await fetch(`${url}/metrics`, { headers });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}: ${text}`);
  return { ...readMetrics(text), contentType: answer.headers.get('content-type') };
}

/** Reads the text format (version 0.0.4). */
export function readMetrics(text: string): Omit<Scrape, 'contentType'> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type) {
      const [, name = '', kind = ''] = type;
      if (types.has(name)) throw new Error(`${name} is described twice`);
      types.set(name, kind);
    }
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a sample: ${line}`);
    const key = sampleKey(name, Object.fromEntries([...labels.matchAll(LABEL)].map(([, of, is]) => [of, is ?? ''])));
    if (samples.has(key)) throw new Error(`${key} is there twice`);
    samples.set(key, Number(value));
  }
  if (!text.endsWith('\n')) throw new Error('the text does not end with a line feed');
  return { text, samples, types };
}

export function sampleKey(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0 ? name : `${name}{${sorted.map(([of, is]) => `${of}="${is}"`).join(',')}}`;
}

/** The samples of one metric, by their labels. */
export function samplesOf({ samples }: Pick<Scrape, 'samples'>, name: string): Record<string, number> {
  const own = [...samples].filter(([key]) => key === name || key.startsWith(`${name}{`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(name.length), value]));
}
