import { register } from 'node:module';
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';

/**
 * Imports the file of its first argument and prints what that loads beside files of its own: packages and Node's modules,
 * by name. What a package loads within itself counts as the package.
 */
const { port1, port2 } = new MessageChannel();
const seen = new Set();
register(`data:text/javascript,${encodeURIComponent(HOOKS())}`, {
  parentURL: import.meta.url,
  data: { port: port2 },
  transferList: [port2],
});
await import(pathToFileURL(process.argv[2]).href);
// The loader's thread answers in order: with its answer all names have arrived.
await new Promise((resolve) => {
  port1.on('message', (name) => (name === '' ? resolve() : seen.add(name)));
  port1.postMessage('');
});
port1.close();
process.stdout.write(JSON.stringify([...seen].sort()));

function HOOKS() {
  return `
    let port;
    export function initialize(data) {
      port = data.port;
      port.on('message', () => port.postMessage('')).unref();
    }
    export async function resolve(specifier, context, next) {
      const found = await next(specifier, context);
      const parent = context.parentURL ?? '';
      if (parent.endsWith('/run-source.mjs')) return found;
      const own = parent.includes('/node_modules/');
      const inside = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*\\/node_modules\\/)/.exec(found.url)?.[1];
      if (found.url.startsWith('node:') ? !own : inside !== undefined) port.postMessage(inside ?? found.url);
      return found;
    }`;
}
