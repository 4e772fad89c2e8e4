import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Response } from 'supertest';

interface Answer {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly type: string | undefined;
  /** Asked for only where the answer is JSON. */
  body(): unknown;
}

/** What every path answers that has something else at it: no operation of it. */
const OF_NO_OPERATION = new Set([404, 405]);

/** Holds the answers that supertest gets against what is documented. */
export function documented(document: OpenAPIObject): (response: Response) => void {
  const conforms = conformity(document);
  return ({ request, status, headers, body }) => {
    const { method, url } = request as { method: string; url: string };
    conforms({ method, url, status, type: headers['content-type'], body: () => body as unknown });
  };
}

/** Holds every answer of a server against what is documented. Answers with what does not conform, each once. */
export function watchAnswers(server: Server, document: OpenAPIObject): () => string[] {
  const conforms = conformity(document);
  const faults = new Set<string>();
  server.prependListener('request', ({ method = '', url = '' }: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = [];
    const keep = (piece: unknown) => {
      const isJson = String(response.getHeader('content-type')).includes('json');
      if (isJson && (typeof piece === 'string' || piece instanceof Uint8Array)) pieces.push(Buffer.from(piece));
    };
    const { write, end } = response;
    Object.assign(response, {
      write: (...args: unknown[]) => {
        keep(args[0]);
        return Reflect.apply(write, response, args) as unknown;
      },
      end: (...args: unknown[]) => {
        keep(args[0]);
        return Reflect.apply(end, response, args) as unknown;
      },
    });
    response.once('finish', () => {
      const type = response.getHeader('content-type');
      try {
        conforms({
          ...{ method, url: new URL(url, 'http://here').href, status: response.statusCode },
          type: typeof type === 'string' ? type : undefined,
          body: () => JSON.parse(Buffer.concat(pieces).toString()) as unknown,
        });
      } catch (error) {
        faults.add((error as Error).message);
      }
    });
  });
  return () => [...faults];
}

/**
 * Holds an answer against the description that the application gives of itself: its status and its media type must be
 * documented for the operation, and its body must have the shape that is documented, no member more.
 */
function conformity(document: OpenAPIObject): (answer: Answer) => void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).addSchema(document, 'api');
  const paths = Object.keys(document.paths).map((template) => ({
    template,
    matches: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
  }));
  return ({ method, url, status, type: contentType, body }) => {
    const asked = new URL(url).pathname;
    const template = paths.find(({ matches }) => matches.test(asked))?.template;
    // Refused at the door, before there was any operation to ask.
    if (template === undefined || !(method.toLowerCase() in (document.paths[template] ?? {}))) return;
    const at = ['paths', template, method.toLowerCase(), 'responses', `${status}`];
    const answer = at.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    if (answer === undefined) throw new Error(`${method} ${template} answers ${status}, which is not documented`);
    const type = contentType?.split(';')[0];
    const content = (answer as { content?: Record<string, unknown> }).content ?? {};
    if (type === undefined || OF_NO_OPERATION.has(status)) return;
    if (!(type in content)) throw new Error(`${method} ${template} answers ${type}, which is not documented`);
    if (!type.endsWith('json')) return;
    const pointer = [...at, 'content', type, 'schema'].map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1'));
    const validate = ajv.getSchema(`api#/${pointer.map(encodeURIComponent).join('/')}`);
    if (!validate) throw new Error(`the document has no schema at ${pointer.join('/')}`);
    if (validate(body()) !== true) {
      const faults = validate.errors?.map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );
      throw new Error(`${method} ${template} ${status} answers what is not documented: ${faults?.join('; ')}`);
    }
  };
}
