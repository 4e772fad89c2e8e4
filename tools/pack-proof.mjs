/**
 * Makes dist/proof-package: libs/proof and the rooms that it stands on, as a package that an auditor installs without the
 * service (`npm pack dist/proof-package`). It depends on what these rooms load and on nothing else.
 */
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';

const target = 'dist/proof-package';
const { version, license, type, engines, imports, dependencies } = JSON.parse(await readFile('package.json', 'utf8'));

const rooms = new Set(['proof']);
const packages = new Set();
for (const room of rooms) {
  const folder = `dist/libs/${room}/src`;
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.js')) continue;
    const { importedFiles } = ts.preProcessFile(await readFile(join(folder, file), 'utf8'), true, true);
    for (const { fileName: name } of importedFiles) {
      if (name.startsWith('#')) rooms.add(name.slice(1));
      else if (!name.startsWith('.') && !name.startsWith('node:')) packages.add(name);
    }
  }
}

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
for (const room of rooms) await cp(`dist/libs/${room}/src`, `${target}/libs/${room}/src`, { recursive: true });
await cp('LICENSE', `${target}/LICENSE`);
await cp('libs/proof/README.md', `${target}/README.md`);
const chosen = (names, from) => Object.fromEntries([...names].sort().map((name) => [name, from(name)]));
const manifest = {
  name: 'meterline-proof',
  version,
  description: 'Checks invoices, certificates and archives of Meterline off-line.',
  license,
  type,
  engines,
  exports: './libs/proof/src/index.js',
  imports: chosen(
    [...rooms].map((room) => `#${room}`),
    (name) => imports[name].default.replace('./dist/', './'),
  ),
  dependencies: chosen(packages, (name) => dependencies[name]),
};
await writeFile(`${target}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
process.stdout.write(`${target}: ${rooms.size} rooms, depends on ${[...packages].sort().join(', ')}\n`);
