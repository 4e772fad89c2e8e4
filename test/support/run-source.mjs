import { register } from 'node:module';

/**
 * Lets a child process of a test run the TypeScript sources as they are: `node -C source --import <this file> <script>`.
 * Tests that need a process of their own (another host time zone) would otherwise depend on a build.
 */
register(import.meta.url);

const isSource = (url) => url?.startsWith('file:') && url.endsWith('.ts');

export function resolve(specifier, context, next) {
  const inRoom = specifier.startsWith('.') && specifier.endsWith('.js') && isSource(context.parentURL);
  return next(inRoom ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!isSource(url)) return next(url, context);
  const { transformFile } = await import('@swc/core');
  const { code } = await transformFile(new URL(url).pathname, {
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
    sourceMaps: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}
