import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Response } from 'supertest';

/** What every path answers that has something else at it: no operation of it. */
const OF_NO_OPERATION = new Set([404, 405]);

/**
 * Holds an answer against the description that the application gives of itself: its status and its media type must be
 * documented for the operation, and its body must have the shape that is documented, no member more.
 */
export function documented(document: OpenAPIObject): (response: Response) => void {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).addSchema(document, 'api');
  const paths = Object.keys(document.paths).map((template) => ({
    template,
    matches: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
  }));
  return (response) => {
    const { method, url } = response.request as { method: string; url: string };
    const asked = new URL(url).pathname;
    const template = paths.find(({ matches }) => matches.test(asked))?.template;
    // Refused at the door, before there was any operation to ask.
    if (template === undefined || !(method.toLowerCase() in (document.paths[template] ?? {}))) return;
    const at = ['paths', template, method.toLowerCase(), 'responses', `${response.status}`];
    const answer = at.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
    if (answer === undefined)
      throw new Error(`${method} ${template} answers ${response.status}, which is not documented`);
    const type = response.headers['content-type']?.split(';')[0];
    const content = (answer as { content?: Record<string, unknown> }).content ?? {};
    if (type === undefined || OF_NO_OPERATION.has(response.status)) return;
    if (!(type in content)) throw new Error(`${method} ${template} answers ${type}, which is not documented`);
    if (!type.endsWith('json')) return;
    const pointer = [...at, 'content', type, 'schema'].map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1'));
    const validate = ajv.getSchema(`api#/${pointer.map(encodeURIComponent).join('/')}`);
    if (!validate) throw new Error(`the document has no schema at ${pointer.join('/')}`);
    if (validate(response.body) !== true) {
      const faults = validate.errors?.map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );
      throw new Error(`${method} ${template} ${response.status} answers what is not documented: ${faults?.join('; ')}`);
    }
  };
}
