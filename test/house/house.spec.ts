import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ESLint } from 'eslint';

const run = promisify(execFile);
const ROOT = resolve('.');

describe('rooms', () => {
  it('each have one door and say what they own, do not own and keep true', async () => {
    const rooms = (await readdir('libs')).map((room) => join('libs', room));
    expect(rooms.length).toBeGreaterThan(5);
    for (const room of rooms) {
      expect([room, existsSync(join(room, 'src/index.ts'))]).toEqual([room, true]);
      const readme = await readFile(join(room, 'README.md'), 'utf8').catch(() => '');
      expect([
        room,
        /\*\*Owns\*\*/.test(readme),
        /\*\*Does not own\*\*/.test(readme),
        /Invariants/.test(readme),
      ]).toEqual([room, true, true, true]);
      const door = await readFile(join(room, 'src/index.ts'), 'utf8');
      expect([room, /export \*/.test(door)]).toEqual([room, false]);
    }
  });

  it('have no drawer for leftovers', async () => {
    const folders = (await readdir('.', { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isDirectory() && !/node_modules|dist|\.git/.test(entry.parentPath))
      .map((entry) => entry.name);
    for (const name of ['common', 'shared', 'utils', 'helpers', 'core']) expect(folders).not.toContain(name);
  });
});

describe('the import rule', () => {
  /** One planted fault per rule, each a file in a copy of the tree. */
  const FAULTS: Readonly<Record<string, { file: string; text: string }>> = {
    'money-looks-only-down': { file: 'libs/money/src/planted.ts', text: "export type { Interval } from '#calendar';" },
    'canonical-json-looks-only-down': {
      file: 'libs/canonical-json/src/planted.ts',
      text: "export { toStamp } from '#calendar';",
    },
    'calendar-looks-only-down': { file: 'libs/calendar/src/planted-up.ts', text: "export { sumOf } from '#metering';" },
    'metering-looks-only-down': { file: 'libs/metering/src/planted-up.ts', text: "export { rate } from '#rating';" },
    'invoicing-looks-only-down': {
      file: 'libs/invoicing/src/planted.ts',
      text: "export { draftAccount } from '#billing';",
    },
    'invoice-pdf-looks-only-down': {
      file: 'libs/invoice-pdf/src/planted.ts',
      text: "export { openDatabase } from '#persistence';",
    },
    'report-client-looks-only-down': {
      file: 'libs/report-client/src/planted-up.ts',
      text: "export { openDatabase } from '#persistence';",
    },
    'persistence-looks-only-down': {
      file: 'libs/persistence/src/planted.ts',
      text: "export { createConnectors } from '#usage';",
    },
    'usage-looks-only-down': { file: 'libs/usage/src/planted.ts', text: "export { Closes } from '#close';" },
    'runtime-looks-only-down': {
      file: 'libs/runtime/src/planted-up.ts',
      text: "export { createApi } from '../../../apps/api/src/index.js';",
    },
    'billing-looks-only-down': {
      file: 'libs/billing/src/planted.ts',
      text: "export { openDatabase } from '#persistence';",
    },
    'e-invoice-looks-only-down': {
      file: 'libs/e-invoice/src/planted.ts',
      text: "export { openDatabase } from '#persistence';",
    },
    'wording-looks-only-down': {
      file: 'libs/wording/src/planted.ts',
      text: "export { openDatabase } from '#persistence';",
    },
    'rating-looks-only-down': {
      file: 'libs/rating/src/planted.ts',
      text: "export { sumOf } from '../../metering/src/usage.js';",
    },
    'not-through-your-own-door': { file: 'libs/calendar/src/planted.ts', text: "export { toStamp } from '#calendar';" },
    'not-through-a-wings-own-door': {
      file: 'libs/persistence/src/closes/planted-door.ts',
      text: "export { findSeller } from '../catalogue/index.js';",
    },
    'pure-rooms-have-no-outlets': { file: 'libs/metering/src/planted.ts', text: "export { readFile } from 'node:fs';" },
    'ground-looks-only-down': {
      file: 'libs/persistence/src/ground/planted.ts',
      text: "export { findSeller } from '../catalogue/sellers.js';",
    },
    'catalogue-looks-only-down': {
      file: 'libs/persistence/src/catalogue/planted.ts',
      text: "export { loadSnapshots } from '../ledger/ledger.js';",
    },
    'ledger-looks-only-down': {
      file: 'libs/persistence/src/ledger/planted.ts',
      text: "export { loadIssued } from '../documents/invoices.js';",
    },
    'documents-looks-only-down': {
      file: 'libs/persistence/src/documents/planted.ts',
      text: "export { findClose } from '../closes/close-views.js';",
    },
    'close-looks-only-down': {
      file: 'libs/close/src/planted.ts',
      text: "export { DIALECTS } from '#report-client';",
    },
    'one-table-knows-the-dialects': {
      file: 'libs/report-client/src/planted.ts',
      text: "export { settingsSchema } from './dialects/alef-v1-2022/settings.js';",
    },
    'dialects-stand-apart': {
      file: 'libs/report-client/src/dialects/planted/dialect.ts',
      text: "export { settingsSchema } from '../alef-v1-2022/settings.js';",
    },
    'one-transport': {
      file: 'libs/report-client/src/dialects/planted/request.ts',
      text: "export { fetch } from 'undici';",
    },
    'nest-lives-in-apps': { file: 'libs/runtime/src/planted.ts', text: "export { Module } from '@nestjs/common';" },
    'queue-lives-above-the-close': { file: 'libs/close/src/planted-queue.ts', text: "export { Queue } from 'bullmq';" },
    'persistence-alone-knows-sql': { file: 'libs/close/src/planted-sql.ts', text: "export { Client } from 'pg';" },
    'proof-looks-only-down': {
      file: 'libs/proof/src/planted.ts',
      text: "export { openDatabase } from '#persistence';",
    },
    'proof-needs-no-service': { file: 'libs/proof/src/planted-file.ts', text: "export { readFile } from 'node:fs';" },
    'only-calendar-knows-zones': {
      file: 'libs/rating/src/planted-zone.ts',
      text: "export { Temporal } from '@js-temporal/polyfill';",
    },
    'apps-use-doors': {
      file: 'apps/worker/src/planted.ts',
      text: "export { createApi } from '../../api/src/index.js';",
    },
    'standalone-uses-doors': {
      file: 'apps/standalone/src/planted.ts',
      text: "export { Closes } from '../../../libs/close/src/closes.js';",
    },
    'cli-uses-doors': {
      file: 'apps/cli/src/planted.ts',
      text: "export { createApi } from '../../api/src/index.js';",
    },
    'simulator-stands-alone': {
      file: 'apps/report-simulator/src/planted.ts',
      text: "export { toStamp } from '#calendar';",
    },
    'no-circles': {
      file: 'libs/money/src/planted-circle.ts',
      text: "export { planted } from './planted-circle-2.js';",
    },
    'proof-has-one-outlet': { file: 'libs/proof/src/crypto.ts', text: "export { fetch } from 'undici';" },
  };

  it('has no rule without a planted fault', () => {
    const { forbidden } = createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs')) as {
      forbidden: { name: string }[];
    };
    expect(Object.keys(FAULTS).sort()).toEqual(forbidden.map(({ name }) => name).sort());
  });

  it('passes the tree and catches every planted fault', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'meterline-house-'));
    try {
      for (const part of ['apps', 'libs', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
        await cp(part, join(copy, part), { recursive: true, filter: (path) => !path.includes('generated') });
      }
      await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
      expect(await violations(copy)).toEqual([]);
      for (const { file, text } of Object.values(FAULTS)) {
        await mkdir(dirname(join(copy, file)), { recursive: true });
        await appendFile(join(copy, file), `${text}\n`);
      }
      await writeFile(
        join(copy, 'libs/money/src/planted-circle-2.ts'),
        "import './planted-circle.js';\nexport const planted = 1;\n",
      );
      // Each by its own rule, where it is.
      const found = await violations(copy);
      for (const [rule, { file }] of Object.entries(FAULTS)) {
        expect(found).toContainEqual(expect.stringContaining(`${rule}: ${file.replace(/\.ts$/, '')}`));
      }
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  async function violations(folder: string): Promise<string[]> {
    const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'apps', 'libs'];
    const { stdout } = await run(join(ROOT, 'node_modules/.bin/depcruise'), args, {
      cwd: folder,
      maxBuffer: 1 << 28,
    }).catch((error: { stdout: string }) => error);
    const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string }; from: string }[] } };
    return [...new Set(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`))].sort();
  }
});

/** What Node itself loads when it imports a file: packages and its own modules, by name. */
async function loadedBy(folder: string, file: string): Promise<string[]> {
  const names = join(ROOT, 'test/support/loaded-modules.mjs');
  const args = ['-C', 'source', '--import', join(ROOT, 'test/support/run-source.mjs'), names, join(folder, file)];
  const { stdout } = await run(process.execPath, args, { cwd: folder });
  return JSON.parse(stdout) as string[];
}

describe('what a worker runs', () => {
  it('speaks SQL by pg: the client of Prisma, 30 MB, is loaded by what works on the catalogue', async () => {
    const worker = await loadedBy(ROOT, 'apps/worker/src/index.ts');
    expect(worker).toEqual(expect.arrayContaining(['pg', 'bullmq']));
    expect(worker.filter((name) => name === '@prisma/client' || name === '@prisma/adapter-pg')).toEqual([]);
    const catalogue = await loadedBy(ROOT, 'libs/persistence/src/ground/prisma-client.ts');
    expect(catalogue).toEqual(expect.arrayContaining(['@prisma/client', '@prisma/adapter-pg']));
  });
});

describe('what an auditor runs', () => {
  const PROOF = ['@js-temporal/polyfill', 'decimal.js', 'jsbi', 'lossless-json', 'node:crypto', 'zod'];

  it('loads cryptography and arithmetic: no database, no network, no file', async () => {
    expect(await loadedBy(ROOT, 'libs/proof/src/index.ts')).toEqual(PROOF);
  });

  it.each(['verify-invoice', 'verify-certificate'])('by meterline %s needs nothing of the service', async (command) => {
    const loaded = await loadedBy(ROOT, `apps/cli/src/${command}.ts`);
    for (const name of PROOF) expect(loaded).toContain(name);
    for (const name of loaded) expect(name).not.toMatch(/^(@nestjs|@prisma|pg|undici|bullmq|ioredis|pdfkit|fontkit)/);
  });

  it('is found out when it loads more, directly or by a room below', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'meterline-proof-'));
    try {
      for (const part of ['libs', 'package.json']) {
        await cp(part, join(copy, part), { recursive: true, filter: (path) => !path.includes('generated') });
      }
      await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
      await appendFile(join(copy, 'libs/proof/src/index.ts'), "import 'undici';\n");
      await appendFile(join(copy, 'libs/money/src/exact.ts'), "import 'pg';\n");
      expect(await loadedBy(copy, 'libs/proof/src/index.ts')).toEqual(expect.arrayContaining(['pg', 'undici']));
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});

describe('the bans in pure rooms', () => {
  const eslint = new ESLint();

  it.each([
    'export const now = new Date();',
    'export const now = Date.now();',
    'export const chance = Math.random();',
    'export const zone = process.env.TZ;',
    "export const price = parseFloat('1.1');",
    "export const price = Number.parseFloat('1.1');",
    "export const price = Number('1.1');",
    'export const price = (value: { toNumber(): number }) => value.toNumber();',
  ])('refuse %s', async (text) => {
    const pure = [
      'money',
      'calendar',
      'canonical-json',
      'metering',
      'rating',
      'invoicing',
      'wording',
      'e-invoice',
      'billing',
    ];
    for (const room of [...pure, 'proof']) {
      const [result] = await eslint.lintText(`${text}\n`, { filePath: join(ROOT, `libs/${room}/src/planted.ts`) });
      expect(result?.messages.map(({ ruleId }) => ruleId)).toContain('no-restricted-syntax');
    }
  });

  it.each(["export const bytes = Buffer.from('a');", 'export const folder = process.cwd();'])(
    'refuse %s in what runs in a browser',
    async (text) => {
      const [result] = await eslint.lintText(`${text}\n`, { filePath: join(ROOT, 'libs/proof/src/planted.ts') });
      expect(result?.messages.map(({ ruleId }) => ruleId)).toContain('no-restricted-syntax');
    },
  );

  it('do not reach the edges', async () => {
    const [result] = await eslint.lintText('export const now = Date.now();\n', {
      filePath: join(ROOT, 'libs/close/src/planted.ts'),
    });
    expect(result?.messages).toEqual([]);
  });
});

describe('tests', () => {
  it('are never skipped, focused, approximate or bound to a time', async () => {
    const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard', '*.spec.ts'], { maxBuffer: 1 << 24 });
    const files = stdout.split('\n').filter((file) => file !== '' && file !== 'test/house/house.spec.ts');
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      const text = existsSync(file) ? await readFile(file, 'utf8') : '';
      expect([
        file,
        /\b(it|test|describe)\.(skip|only|todo)\b|\bx(it|describe)\(|toBeCloseTo|(performance|Date)\.now\(\)[^;\n]*toBeLessThan/.exec(
          text,
        )?.[0],
      ]).toEqual([file, undefined]);
    }
  });
});
