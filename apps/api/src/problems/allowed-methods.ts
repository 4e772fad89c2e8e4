import type { Express } from 'express';
import { match } from 'path-to-regexp';

/** The methods that a path answers, in the words of the `Allow` header; undefined where there is nothing at it. */
export type AllowedMethods = (path: string) => string | undefined;

/** Reads the routes of an application, which all must be there by now. */
export function allowedMethods(express: Express): AllowedMethods {
  const routes = express.router.stack.flatMap(({ route }) =>
    route ? [{ matches: match(route.path), methods: route.stack.map(({ method }) => method.toUpperCase()) }] : [],
  );
  return (path) => {
    const methods = new Set(routes.flatMap(({ matches, methods }) => (matches(path) === false ? [] : methods)));
    if (methods.has('GET')) methods.add('HEAD');
    return methods.size === 0 ? undefined : [...methods].sort().join(', ');
  };
}
