import type { ClusterOptions, RedisOptions } from 'ioredis';

/** A Redis or Valkey as `QUEUE_URL` names it, in the words of ioredis. */
export type RedisPlace =
  | { readonly kind: 'server'; readonly url: string }
  | { readonly kind: 'sentinel'; readonly options: RedisOptions }
  | {
      readonly kind: 'cluster';
      /** Some of the cluster's nodes: they name the others. */
      readonly nodes: { host: string; port: number }[];
      readonly options: Pick<RedisOptions, 'username' | 'password' | 'tls'>;
    };

const SERVER = /^rediss?:\/\//;
const SITE = /^(rediss?)-(cluster|sentinel):\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const PORTS = { cluster: 6_379, sentinel: 26_379 } as const;

/**
 * Reads where a queue in Redis lives: `redis://host`, `redis-cluster://host:port,host:port` or
 * `redis-sentinel://host:port,host:port/master-name[/database]`, each as `rediss…` for TLS and with `user:password@` before
 * the hosts. Sentinels that ask for a password of their own have it as `?sentinel_password=`, with `sentinel_username`.
 *
 * @returns undefined when the text is none of them
 */
export function redisPlace(text: string): RedisPlace | undefined {
  try {
    if (!SERVER.test(text)) return site(text);
    return new URL(text).hostname === '' ? undefined : { kind: 'server', url: text };
  } catch {
    // A percent sign that begins no escape, or a host that is none.
    return undefined;
  }
}

function site(text: string): RedisPlace | undefined {
  const [, scheme, kind, user = '', hosts = '', path = '', query = ''] = SITE.exec(text) ?? [];
  if (kind !== 'cluster' && kind !== 'sentinel') return undefined;
  const nodes = hosts.split(',').map((host) => nodeOf(host, PORTS[kind]));
  const options = { ...credentials(user), ...(scheme === 'rediss' && { tls: {} }) };
  if (kind === 'cluster') return path === '' && query === '' ? { kind, nodes, options } : undefined;

  const [name = '', db = '0', ...more] = path.split('/').map(decodeURIComponent);
  if (!/^[\w.-]+$/.test(name) || !/^\d{1,3}$/.test(db) || more.length > 0) return undefined;
  const asked = new URLSearchParams(query);
  const sentinelUsername = asked.get('sentinel_username');
  const sentinelPassword = asked.get('sentinel_password');
  if ([...asked.keys()].some((key) => key !== 'sentinel_username' && key !== 'sentinel_password')) return undefined;
  return {
    kind,
    options: {
      ...options,
      ...(options.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
      sentinels: nodes,
      name,
      db: Number(db),
      ...(sentinelUsername !== null && { sentinelUsername }),
      ...(sentinelPassword !== null && { sentinelPassword }),
    },
  };
}

/** @throws TypeError when it is no host */
function nodeOf(text: string, byDefault: number): { host: string; port: number } {
  const { hostname, port, pathname, search, hash } = new URL(`redis://${text}`);
  if (hostname === '' || `${pathname}${search}${hash}` !== '') throw new TypeError('no host');
  // An address of IPv6 has brackets in a URL and nowhere else.
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? byDefault : Number(port) };
}

/** @throws URIError when an escape is broken */
function credentials(user: string): Pick<RedisOptions, 'username' | 'password'> {
  if (user === '') return {};
  const [name = '', ...rest] = user.split(':');
  return {
    ...(name !== '' && { username: decodeURIComponent(name) }),
    ...(rest.length > 0 && { password: decodeURIComponent(rest.join(':')) }),
  };
}

const LONGEST_PAUSE_MS = 5_000;

/**
 * How a client of a cluster behaves while masters fail over: it asks again, ever more slowly, for as long as it takes. Each
 * command waits meanwhile, as BullMQ wants it.
 */
export function clusterOptions(options: Pick<RedisOptions, 'username' | 'password' | 'tls'>) {
  return {
    redisOptions: { ...options, maxRetriesPerRequest: null },
    clusterRetryStrategy: (times: number) => Math.min(100 * times, LONGEST_PAUSE_MS),
    // Certificates name hosts, and nodes name each other by address.
    ...(options.tls && { dnsLookup: (address, callback) => callback(null, address) }),
  } satisfies ClusterOptions;
}
