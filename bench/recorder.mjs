import { OutboundAddresses, ReportTransport } from '../dist/libs/report-client/src/index.js';

/** Remembers the very requests that a pull sends, while `recorded` is a list. */
export class Recorder extends ReportTransport {
  recorded;

  constructor() {
    super({ addresses: OutboundAddresses.parse('http://127.0.0.0/8') });
  }

  send(attempt) {
    this.recorded?.push(attempt);
    return super.send(attempt);
  }
}

/** Sends requests that were recorded once more, with nothing but undici, and answers the bodies as they came. */
export function fetchAgain(pool, requests) {
  return Promise.all(
    requests.map(async ({ path, headers, body }) => {
      const sent = { 'content-type': 'application/json', ...headers };
      const response = await pool.request({ method: 'POST', path, headers: sent, body });
      return Buffer.from(await response.body.arrayBuffer());
    }),
  );
}

/** CPU of one piece of work in milliseconds, taken over so many of them: one alone is too short for the clock of the CPU. */
export async function cpuOfOne(work, times) {
  const before = process.cpuUsage();
  for (let time = 0; time < times; time += 1) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / times;
}
