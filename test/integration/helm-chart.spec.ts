import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Ajv } from 'ajv';
import pg from 'pg';
import { openPromise } from 'yauzl';
import { parse, parseAllDocuments } from 'yaml';
import { Closes } from '#close';
import { provideLogin } from '#persistence';
import { variables } from '#runtime';
import { feePlan, makeAccount, makePlan, makeSeller } from '../support/catalogue.js';
import { closingFees } from '../support/closing.js';
import { as, createTestDatabase } from '../support/postgres.js';

const CHART = 'deploy/helm/meterline';
const SET = {
  image: { repository: 'registry.example/meterline' },
  config: { reportApiUrl: 'https://report.example.com' },
};

interface Container {
  name: string;
  image: string;
  command: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  securityContext: object;
  resources: { requests: object; limits: object };
  volumeMounts: object[];
  ports?: { name: string; containerPort: number }[];
  livenessProbe?: { httpGet: { path: string; port: string } };
  readinessProbe?: { httpGet: { path: string; port: string } };
}

interface Pod {
  serviceAccountName: string;
  automountServiceAccountToken: boolean;
  securityContext: { runAsNonRoot: boolean };
  containers: [Container];
  terminationGracePeriodSeconds?: number;
}

interface Manifest {
  kind: string;
  metadata: { name: string; annotations?: Record<string, string>; labels: Record<string, string> };
  spec: Record<string, unknown> & {
    template: { metadata: { labels: Record<string, string> }; spec: Pod };
    replicas?: number;
  };
}

describe('the Helm chart', () => {
  let folder: string;
  let helm: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meterline-helm-'));
    helm = await helmBinary(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What helm says to the chart with these values; throws what it refuses. */
  async function run(args: string[], ...values: object[]): Promise<string> {
    const files: string[] = [];
    for (const value of values) {
      const file = join(folder, `values-${files.length}-${Math.random()}.json`);
      await writeFile(file, JSON.stringify(value));
      files.push('--values', file);
    }
    const environment = { PATH: process.env.PATH ?? '', HOME: folder };
    const { stdout } = await promisify(execFile)(helm, [...args, ...files], { env: environment });
    return stdout;
  }
  const render = async (...values: object[]): Promise<Manifest[]> =>
    parseAllDocuments(await run(['template', 'acme', CHART, '--kube-version', '1.30.0'], SET, ...values))
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null);
  const refusal = (...values: object[]) =>
    render(...values).then(
      () => 'rendered',
      (error: unknown) => String(error),
    );
  const of = (manifests: Manifest[], kind: string, name: string) =>
    manifests.find((each) => each.kind === kind && each.metadata.name === `acme-meterline-${name}`) as Manifest;
  const pods = (manifests: Manifest[]) =>
    manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job').map(({ spec }) => spec.template.spec);

  const READER = { secrets: { reader: 'meterline-reader' } };
  const by = (scaling: object) => ({ worker: { scaling } });

  it.each([
    ['without scaling', {}],
    ['scaled by KEDA', { ...READER, ...by({ by: 'keda' }) }],
    ['scaled by a metric', by({ by: 'hpa', metric: { name: 'batches', matchLabels: { site: 'a' } } })],
    ['with a queue in Redis', { secrets: { queue: 'meterline-queue' } }],
  ])('passes the linter %s', async (_, values) => {
    expect(await run(['lint', '--strict', CHART], SET, values)).toContain('0 chart(s) failed');
  });

  it('confines every container and bounds its memory', async () => {
    const found = pods(await render());
    expect(found).toHaveLength(3);
    for (const { containers, ...pod } of found) {
      expect(pod).toMatchObject({
        serviceAccountName: 'acme-meterline',
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(containers).toHaveLength(1);
      expect(containers[0]).toMatchObject({
        image: 'registry.example/meterline:0.1.0',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: {
          requests: { cpu: expect.any(String) as string, memory: expect.any(String) as string },
          limits: { memory: expect.any(String) as string },
        },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
      });
    }
  });

  it('runs programs that there are, with variables that they know, secrets from Secrets alone', async () => {
    const manifests = await render({ secrets: { queue: 'meterline-queue', reader: 'meterline-reader' } });
    const compose = parse(await readFile('docker-compose.yml', 'utf8'), { merge: true }) as object;
    const { services } = compose as { services: Record<string, { command: string[] }> };
    const told: Record<string, string[]> = {};
    for (const { containers } of pods(manifests)) {
      const [{ name, command, env }] = containers;
      const [program, script = ''] = command;
      expect(['node', 'meterline']).toContain(program);
      const source = program === 'node' ? script.replace(/^dist\/(.*)\.js$/, '$1.ts') : `apps/cli/src/${script}.ts`;
      expect([source, (await stat(source)).isFile()]).toEqual([source, true]);
      // As Compose runs them, whose programs are in the image.
      expect([name, command]).toEqual([name, services[name === 'migration' ? 'migrate' : name]?.command]);
      for (const each of env) {
        expect([each.name, each.name in variables.shape]).toEqual([each.name, true]);
        const isSecret = /URL$|KEY$/.test(each.name) && each.name !== 'REPORT_API_URL';
        expect([each.name, each.valueFrom?.secretKeyRef.key]).toEqual([each.name, isSecret ? each.name : undefined]);
      }
      told[name] = env.map((each) => each.name).sort();
    }
    const both = ['DATABASE_URL', 'METERLINE_SECRET_KEY', 'QUEUE_URL', 'REPORT_API_KEY', 'REPORT_API_URL'];
    expect(told).toEqual({
      migration: ['DATABASE_URL', 'MIGRATION_DATABASE_URL', 'READER_DATABASE_URL'],
      api: [...both, 'METERLINE_ADMIN_KEY', 'PORT'].sort(),
      worker: [...both, 'HEALTH_PORT'].sort(),
    });
  });

  it('migrates before anything of the new version starts', async () => {
    const manifests = await render();
    const hooks = manifests.filter(
      ({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'pre-install,pre-upgrade',
    );
    const weights = hooks.map(({ kind, metadata }) => [kind, Number(metadata.annotations?.['helm.sh/hook-weight'])]);
    expect(weights).toEqual([
      ['ServiceAccount', -10],
      ['Job', 0],
    ]);
    expect(of(manifests, 'Job', 'migration').spec).toMatchObject({ backoffLimit: 3, activeDeadlineSeconds: 1800 });
  });

  it('asks for health where the processes answer, and lets them end', async () => {
    const manifests = await render();
    for (const [name, port, grace] of [
      ['api', 3000, 45],
      ['worker', 3001, 120],
    ] as const) {
      const { template } = of(manifests, 'Deployment', name).spec;
      const [container] = template.spec.containers;
      expect(template.spec.terminationGracePeriodSeconds).toBe(grace);
      expect(container.ports).toEqual([{ name: 'health', containerPort: port }]);
      expect(container).toMatchObject({
        startupProbe: { httpGet: { path: '/health/live', port: 'health' } },
        livenessProbe: { httpGet: { path: '/health/live', port: 'health' } },
        readinessProbe: { httpGet: { path: '/health/ready', port: 'health' } },
      });
      const variable = name === 'api' ? 'PORT' : 'HEALTH_PORT';
      expect(container.env.find((each) => each.name === variable)?.value).toBe(`${port}`);
    }
    expect(of(manifests, 'Service', 'api').spec).toMatchObject({
      selector: of(manifests, 'Deployment', 'api').spec.template.metadata.labels,
      ports: [{ port: 80, targetPort: 'health' }],
    });
  });

  it('leaves the number of workers to what scales them', async () => {
    const fixed = await render(by({ minReplicas: 3 }));
    expect(of(fixed, 'Deployment', 'worker').spec.replicas).toBe(3);
    const metric = { name: 'batches', matchLabels: { site: 'a' } };
    const scaled = await render(by({ by: 'hpa', minReplicas: 2, maxReplicas: 5, batchesPerWorker: 4, metric }));
    expect(of(scaled, 'Deployment', 'worker').spec.replicas).toBeUndefined();
    expect(of(scaled, 'HorizontalPodAutoscaler', 'worker').spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment', name: 'acme-meterline-worker' },
      minReplicas: 2,
      maxReplicas: 5,
      metrics: [
        {
          external: {
            metric: { name: 'batches', selector: { matchLabels: { site: 'a' } } },
            target: { type: 'AverageValue', averageValue: '4' },
          },
        },
      ],
    });
  });

  it('has KEDA count the batches that are not done, with a login that only reads', async () => {
    const manifests = await render(READER, by({ by: 'keda', batchesPerWorker: 2 }));
    expect(of(manifests, 'Deployment', 'worker').spec.replicas).toBeUndefined();
    const [trigger] = of(manifests, 'ScaledObject', 'worker').spec.triggers as {
      type: string;
      metadata: { query: string; targetQueryValue: string };
    }[];
    expect(trigger).toMatchObject({ type: 'postgresql', metadata: { targetQueryValue: '2' } });
    expect(of(manifests, 'TriggerAuthentication', 'worker').spec).toEqual({
      secretTargetRef: [{ parameter: 'connection', name: 'meterline-reader', key: 'READER_DATABASE_URL' }],
    });

    const { url, database } = await createTestDatabase();
    const login = { user: 'meterline_test_keda', password: 'of-keda' };
    await provideLogin(url, 'reader', login);
    const reader = new pg.Client({ connectionString: as(login, url) });
    await reader.connect();
    const counted = async () =>
      Number(Object.values((await reader.query<object>(trigger?.metadata.query ?? '')).rows[0] ?? {})[0]);
    try {
      await makeSeller(database, { code: 'acme' });
      await makePlan(database, feePlan('fee', '10.00'));
      for (let at = 0; at < 5; at += 1) await makeAccount(database, { seller: 'acme', external_id: `a${at}` }, 'fee');
      const jobs: { closeId: string; batch: number }[] = [];
      const closes = new Closes({
        ...closingFees(database),
        settleHours: 0,
        batchSize: 2,
        enqueue: async (added) => void jobs.push(...added),
      });
      expect(await counted()).toBe(0);
      const month = { seller: 'acme', period: '2026-08', kind: 'regular', dryRun: false, actor: 'test' } as const;
      await closes.desk.open({ ...month, issue: 'automatic' });
      expect(await counted()).toBe(3);
      for (const [at, job] of jobs.entries()) {
        await closes.work(job);
        expect(await counted()).toBe(2 - at);
      }
    } finally {
      await reader.end();
      await database.$disconnect();
    }
  });

  it('refuses values that cannot be meant', async () => {
    const refused: [string, object][] = [
      ['image.repository', { image: { repository: '' } }],
      ['image.tag', { image: { tag: 'latest' } }],
      ['config.reportApiUrl', { config: { reportApiUrl: '' } }],
      ['config.environment', { config: { environment: { DATABASE_URL: 'postgresql://owner:secret@db/meterline' } } }],
      ['config.environment.SETTLE_HOURS', { config: { environment: { SETTLE_HOURS: 48 } } }],
      ['podSecurityContext.runAsNonRoot', { podSecurityContext: { runAsNonRoot: false } }],
      ['worker.scaling.by', by({ by: 'cron' })],
      ['worker.scaling.minReplicas', by({ minReplicas: 0 })],
      ['worker.resources.limits', { worker: { resources: { limits: { memory: null } } } }],
      ['secrets.keys', { secrets: { keys: 'not a name' } }],
      ['password', { secrets: { password: 'secret' } }],
    ];
    for (const [place, values] of refused) expect(await refusal(values)).toContain(place);
    expect(await refusal(by({ by: 'keda' }))).toContain('secrets.reader is needed');
    expect(await refusal(by({ minReplicas: 9 }))).toContain('minReplicas is above');
  });

  it('asks for nothing by default but the image and the report API, by a schema that is sound', async () => {
    const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as object;
    const validate = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(
      schema,
    );
    const values = parse(await readFile(join(CHART, 'values.yaml'), 'utf8')) as object;
    expect(validate(values)).toBe(false);
    expect([...new Set(validate.errors?.map(({ instancePath }) => instancePath))].sort()).toEqual([
      '/config/reportApiUrl',
      '/image/repository',
    ]);
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8'))).toMatchObject({ appVersion: version });
    expect(await readdir(join(CHART, 'templates'))).toContain('migration.yaml');
  });
});

/** Helm as it is installed, or as a package of npm ships it for Linux on x64. */
async function helmBinary(folder: string): Promise<string> {
  const installed = await promisify(execFile)('helm', ['version']).then(
    () => true,
    () => false,
  );
  if (installed) return 'helm';
  const packaged = createRequire(import.meta.url).resolve('@aws-cdk/asset-kubectl-v20/package.json');
  const zip = await openPromise(join(packaged, '../lib/layer.zip'));
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== 'helm/helm') continue;
    const file = join(folder, 'helm');
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(file));
    await chmod(file, 0o755);
    zip.close();
    return file;
  }
  throw new Error('the package has no helm: install it');
}
