import { accountId, activePercentile, customerSiteId, leafOf } from '../dist/apps/report-simulator/src/index.js';
import { monthPeriod } from '../dist/libs/calendar/src/index.js';
import { createReportClient, DIALECTS, SealedKey } from '../dist/libs/report-client/src/index.js';
import { lastDays, SIMULATED } from './closed-forms.mjs';
import { cpuOfOne, Recorder } from './recorder.mjs';
import { lastMonth } from './scene.mjs';
import { startSimulator } from './simulator.mjs';

const FLEET = { accounts: 1, sites: 1, subscribers: 1 };

/** Answers what was answered before, so that no network is in what is measured. */
class Replay extends Recorder {
  #answers = [];
  #next;

  async send(attempt) {
    if (this.#next !== undefined) return this.#answers[this.#next++ % this.#answers.length];
    const answer = await super.send(attempt);
    this.#answers.push(answer);
    return answer;
  }

  replay() {
    this.#next = 0;
    return this.#answers.map(({ body }) => body);
  }
}

/**
 * CPU of reading a month of 5-minute samples with every check of the contract, against `JSON.parse` of the same answers, one
 * after the other in each round. What is read is held against the simulator's percentile first. Fetching and the sha256 of an
 * answer, which the transport computes, are in neither.
 */
export async function measureReading({ rounds, months }) {
  const simulator = await startSimulator(FLEET);
  const transport = new Replay();
  try {
    const client = createReportClient({
      baseUrl: simulator.url,
      apiKey: new SealedKey('sim-fleet-key'),
      dialect: DIALECTS.speak({}),
      transport,
    });
    const request = {
      account: accountId(0),
      entity: { dimension: 'customer_site_id', value: customerSiteId(FLEET, 0, 0) },
      ...{ family: 'bandwidth', grid: 'SLOT', owned: monthPeriod(lastMonth(), 'UTC') },
      now: Math.floor(Date.now() / 1_000),
    };
    requireExactPercentile(await client.fetchUsage(request));
    const bodies = transport.replay();
    const read = () => client.fetchUsage(request);
    const parse = () => bodies.forEach((body) => JSON.parse(body.toString('utf8')));
    const laps = [];
    for (let round = -2; round < rounds; round += 1) {
      const lap = { read_ms: await cpuOfOne(read, months), parse_ms: await cpuOfOne(parse, months) };
      if (round >= 0) laps.push(lap);
    }
    requireExactPercentile(await client.fetchUsage(request));
    return { bytes: bodies.reduce((sum, { length }) => sum + length, 0), laps };
  } finally {
    await transport.close();
    await simulator.stop();
  }
}

function requireExactPercentile(answer) {
  if (answer.outcome !== 'complete') throw new Error(`not complete: ${JSON.stringify(answer).slice(0, 300)}`);
  for (const { metric, values } of answer.series) {
    const direction = metric.startsWith('uplink') ? 'uplink' : 'downlink';
    const sorted = Float64Array.from(values, Number).sort();
    const read = sorted[Math.ceil(0.95 * sorted.length) - 1];
    const used = activePercentile(leafOf(FLEET, 0, 0, 0), direction, lastDays(), '95', SIMULATED);
    if (read !== used)
      throw new Error(`${metric}: the 95th percentile that was read is ${read}, the simulator's ${used}`);
  }
}
