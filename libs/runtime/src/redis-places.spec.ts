import { CLOSE_QUEUE, queueOptions, queueSettings } from './queue-settings.js';
import { clusterOptions, redisPlace } from './redis-places.js';

describe('QUEUE_URL of a Redis', () => {
  it.each([
    ['redis://:secret@queue:6380/3', { kind: 'server', url: 'redis://:secret@queue:6380/3' }],
    ['rediss://queue', { kind: 'server', url: 'rediss://queue' }],
    [
      'redis-cluster://a:7000,b,[::1]:7002',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
          { host: '::1', port: 7002 },
        ],
        options: {},
      },
    ],
    [
      'rediss-cluster://app:p%40ss%2Fword:1@10.0.0.1:7000',
      {
        kind: 'cluster',
        nodes: [{ host: '10.0.0.1', port: 7000 }],
        options: { username: 'app', password: 'p@ss/word:1', tls: {} },
      },
    ],
    [
      'redis-sentinel://:secret@a,b:26380/billing/2?sentinel_username=s&sentinel_password=o%26ther',
      {
        kind: 'sentinel',
        options: {
          password: 'secret',
          sentinels: [
            { host: 'a', port: 26379 },
            { host: 'b', port: 26380 },
          ],
          name: 'billing',
          db: 2,
          sentinelUsername: 's',
          sentinelPassword: 'o&ther',
        },
      },
    ],
    [
      'rediss-sentinel://a/billing',
      {
        kind: 'sentinel',
        options: {
          sentinels: [{ host: 'a', port: 26379 }],
          name: 'billing',
          db: 0,
          tls: {},
          enableTLSForSentinelMode: true,
          sentinelTLS: {},
        },
      },
    ],
  ])('%s', (text, place) => {
    expect(redisPlace(text)).toEqual(place);
  });

  it.each([
    'redis://',
    'redis-cluster://',
    'redis-cluster://a,',
    'redis-cluster://a:port',
    'redis-cluster://a:70000',
    'redis-cluster://a/0',
    'redis-cluster://a?prefix=x',
    'redis-cluster://%zz@a',
    'redis-sentinel://a',
    'redis-sentinel://a/',
    'redis-sentinel://a/billing/x',
    'redis-sentinel://a/billing/1/2',
    'redis-sentinel://a/billing?password=x',
    'redis-ring://a',
    'postgresql://a/b',
    '',
  ])('is none: %s', (text) => {
    expect(redisPlace(text)).toBeUndefined();
  });

  it('of a cluster keeps every key of the queue in one slot, and waits as long as a fail-over takes', () => {
    const settings = queueSettings('rediss-cluster://:secret@a,b');
    expect(settings).toMatchObject({ backend: 'redis', connection: { maxRetriesPerRequest: null } });
    expect(queueOptions(settings)).toMatchObject({ prefix: '{meterline}' });
    expect(queueOptions(queueSettings('redis-sentinel://a/billing'))).not.toHaveProperty('prefix');
    expect(queueOptions(queueSettings('redis://a'))).not.toHaveProperty('prefix');
    const { redisOptions, clusterRetryStrategy } = clusterOptions({ password: 'secret', tls: {} });
    expect(redisOptions).toEqual({ password: 'secret', tls: {}, maxRetriesPerRequest: null });
    for (const times of [1, 50, 100_000]) {
      expect(clusterRetryStrategy?.(times)).toBeGreaterThan(0);
      expect(clusterRetryStrategy?.(times)).toBeLessThanOrEqual(5_000);
    }
    expect(CLOSE_QUEUE.name).not.toMatch(/[{}]/);
  });
});
