import { oneAtATime, QueueOutage, type QueueOutageEntry } from './queue-outage.js';

describe('an outage of the queue', () => {
  it('is told when it begins and when it is over, however many errors there are in between', async () => {
    const told: QueueOutageEntry[] = [];
    const answers: (() => void)[] = [];
    let now = 1_000;
    const outage = new QueueOutage(
      () => new Promise<void>((answer) => answers.push(answer)),
      (entry) => told.push(entry),
      () => now,
    );
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });
    for (let error = 0; error < 66; error += 1) outage.failed(refused);
    expect(told).toEqual([{ event: 'queue_away', code: 'ECONNREFUSED', message: refused.message }]);
    expect(answers).toHaveLength(1);
    now += 25_000;
    answers[0]?.();
    await new Promise(setImmediate);
    expect(told[1]).toEqual({ event: 'queue_back', seconds: 25, errors: 66 });

    outage.failed(refused);
    expect(told).toHaveLength(3);
    expect(answers).toHaveLength(2);
  });

  it('is over when a later question is answered, where an earlier one was refused', async () => {
    const told: string[] = [];
    let up = false;
    const outage = new QueueOutage(
      () => (up ? Promise.resolve() : Promise.reject(new Error('away'))),
      ({ event }) => told.push(event),
    );
    outage.failed(new Error('away'));
    await new Promise(setImmediate);
    up = true;
    outage.failed(new Error('away'));
    await new Promise(setImmediate);
    expect(told).toEqual(['queue_away', 'queue_back']);
  });

  it('collects no questions', async () => {
    let asked = 0;
    let answer = () => {};
    const ask = oneAtATime(() => {
      asked += 1;
      return new Promise<void>((done) => (answer = done));
    });
    const first = [ask(), ask(), ask()];
    answer();
    await Promise.all(first);
    void ask();
    expect(asked).toBe(2);
  });
});
