/**
 * Puts the parts of Prisma's runtime that the generated client loads into dist/node_modules, where the built service
 * finds them.
 *
 * @prisma/client names `prisma` and `typescript` as optional peers, and npm keeps an optional peer of a production
 * package in `npm ci --omit=dev` as soon as development installs it. As a development package whose runtime is part of
 * the build, it brings neither, nor the engines for other databases (60 MB).
 */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const generated = 'dist/libs/persistence/src/generated';
const source = resolve('node_modules/@prisma/client');
const target = resolve('dist/node_modules/@prisma/client');

const wanted = new Set();
for (const file of await readdir(generated, { recursive: true })) {
  if (!file.endsWith('.js')) continue;
  const text = await readFile(join(generated, file), 'utf8');
  for (const [, name] of text.matchAll(/["'](@prisma\/client\/[^"']+)["']/g)) wanted.add(name);
}
if (wanted.size === 0) throw new Error(`nothing in ${generated} loads Prisma's runtime; has the build run?`);

const files = [...wanted].map((name) => relative(source, fileURLToPath(import.meta.resolve(name))));
for (const file of [...files, 'LICENSE']) {
  await mkdir(dirname(join(target, file)), { recursive: true });
  await cp(join(source, file), join(target, file));
}
const { name, version, license, exports, dependencies } = JSON.parse(
  await readFile(join(source, 'package.json'), 'utf8'),
);
await writeFile(
  join(target, 'package.json'),
  `${JSON.stringify({ name, version, license, exports, dependencies }, null, 2)}\n`,
);
