import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../apps/standalone/src/embedded-postgres.js';
import { eventually } from './eventually.js';

const HOST = '127.0.0.1';
/** Runs a server, in a session of its own, until the pipe on its standard input closes: with this process, however it ends. */
const WATCHED = 'redis-server "$@" & cat; kill $! 2>/dev/null; wait $!';

/** A server that can be killed, and started again where it left off. */
export interface RedisServer {
  readonly port: number;
  /** Commands to it alone. */
  readonly client: Redis;
  start(): Promise<void>;
  /** SIGKILL, sent before this returns; resolves when it no longer answers. */
  kill(): Promise<void>;
}

/** Servers of one test on free ports, in a folder of their own. */
export class RedisServers {
  readonly #watched: ChildProcess[] = [];
  readonly #clients: Redis[] = [];

  private constructor(private readonly folder: string) {}

  static async inFolder(): Promise<RedisServers> {
    return new RedisServers(await mkdtemp(join(tmpdir(), 'meterline-redis-')));
  }

  async server(more: readonly string[] = []): Promise<RedisServer> {
    const port = await freePort();
    const folder = await mkdtemp(join(this.folder, 'server-'));
    return this.#run(port, ['--dir', folder, '--save', '', '--appendonly', 'yes', ...more]);
  }

  async sentinel(name: string, master: RedisServer): Promise<RedisServer> {
    const port = await freePort();
    const file = join(this.folder, `sentinel-${port}.conf`);
    await writeFile(
      file,
      [
        `dir ${this.folder}`,
        `sentinel monitor ${name} ${HOST} ${master.port} 1`,
        `sentinel down-after-milliseconds ${name} 1000`,
        `sentinel failover-timeout ${name} 3000`,
        '',
      ].join('\n'),
    );
    return this.#run(port, [], [file, '--sentinel']);
  }

  /** Ends every server and removes what they kept. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(
      this.#watched.map(async (watched) => {
        const ended = watched.exitCode === null ? once(watched, 'exit') : undefined;
        watched.stdin?.end();
        await ended;
      }),
    );
    await rm(this.folder, { recursive: true, force: true });
  }

  async #run(port: number, options: readonly string[], first: readonly string[] = []): Promise<RedisServer> {
    const client = new Redis({
      host: HOST,
      port,
      lazyConnect: true,
      retryStrategy: () => 100,
      maxRetriesPerRequest: null,
    });
    // A server that was killed is the point of these tests.
    client.on('error', () => undefined);
    this.#clients.push(client);
    const args = [...first, '--port', `${port}`, '--bind', HOST, ...options];
    let pid = 0;
    const start = async () => {
      this.#watched.push(
        spawn('sh', ['-c', WATCHED, 'sh', ...args], { stdio: ['pipe', 'ignore', 'ignore'], detached: true }),
      );
      await eventually(async () => ((await answers(port)) ? true : undefined));
      pid = Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]);
    };
    await start();
    const kill = async () => {
      process.kill(pid, 'SIGKILL');
      await eventually(async () => ((await answers(port)) ? undefined : true));
    };
    return { port, client, start, kill };
  }
}

async function answers(port: number): Promise<boolean> {
  const asking = new Redis({ host: HOST, port, lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
  asking.on('error', () => undefined);
  try {
    await asking.connect();
    return true;
  } catch {
    return false;
  } finally {
    asking.disconnect();
  }
}

export interface RedisCluster {
  readonly url: string;
  /** The master of the slot that a key lies in. */
  readonly master: RedisServer;
  /** Copies what the master has. */
  readonly replica: RedisServer;
  readonly others: readonly RedisServer[];
}

const SLOTS = 16_384;
const MASTERS = 3;

/** Three masters, and a replica of the one that a key lies on. */
export async function startCluster(servers: RedisServers, key: string): Promise<RedisCluster> {
  const ofCluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1500'];
  const started: RedisServer[] = [];
  for (let node = 0; node <= MASTERS; node += 1) {
    started.push(await servers.server([...ofCluster, '--cluster-port', `${await freePort()}`]));
  }
  const [first, ...rest] = started as [RedisServer, ...RedisServer[]];
  const busOf = async ({ client }: RedisServer) =>
    ((await client.config('GET', 'cluster-port')) as [string, string])[1];
  for (const node of rest) {
    await first.client.call('CLUSTER', 'MEET', HOST, `${node.port}`, await busOf(node));
  }
  const masters = started.slice(0, MASTERS);
  const ends = Array.from({ length: MASTERS + 1 }, (_, at) => Math.round((at * SLOTS) / MASTERS));
  for (const [at, { client }] of masters.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', `${ends[at]}`, `${(ends[at + 1] ?? 0) - 1}`);
  }
  const slot = (await first.client.call('CLUSTER', 'KEYSLOT', key)) as number;
  const owner = ends.findIndex((end) => slot < end) - 1;
  const master = masters[owner] as RedisServer;
  const replica = started[MASTERS] as RedisServer;
  const id = (await master.client.call('CLUSTER', 'MYID')) as string;
  // It has to hear of its master first.
  await eventually(async () =>
    replica.client.call('CLUSTER', 'REPLICATE', id).then(
      () => true,
      () => undefined,
    ),
  );
  for (const { client } of started) {
    await eventually(async () =>
      `${await client.call('CLUSTER', 'INFO')}`.includes('cluster_state:ok') ? true : undefined,
    );
  }
  await copies(replica);
  const url = `redis-cluster://${masters.map(({ port }) => `${HOST}:${port}`).join(',')}`;
  return { url, master, replica, others: masters.filter((each) => each !== master) };
}

export interface WatchedPair {
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
}

/** A master and its replica, with a sentinel that makes the one the other when it is gone. */
export async function startSentinel(servers: RedisServers): Promise<WatchedPair> {
  const name = 'billing';
  const master = await servers.server();
  const replica = await servers.server(['--replicaof', `${HOST} ${master.port}`]);
  await copies(replica);
  const sentinel = await servers.sentinel(name, master);
  await eventually(async () => {
    const known = (await sentinel.client.call('SENTINEL', 'REPLICAS', name)) as unknown[];
    return known.length === 1 ? true : undefined;
  });
  return { url: `redis-sentinel://${HOST}:${sentinel.port}/${name}`, master, replica };
}

async function copies({ client }: RedisServer): Promise<void> {
  await eventually(async () =>
    (await client.info('replication')).includes('master_link_status:up') ? true : undefined,
  );
}

/** Waits until a replica was made a master. */
export async function promoted({ client }: RedisServer): Promise<void> {
  await eventually(async () => ((await client.call('ROLE')) as string[])[0] === 'master' || undefined);
}
