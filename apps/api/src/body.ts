import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import { visit } from 'jsonc-parser';
import { defer, mergeMap, type Observable } from 'rxjs';
import { pointerTo, Problem } from './problems/problem.js';

/** Largest body: a full set of entities of a large account. */
const LIMIT = '8mb';
/** Objects and lists inside each other. A tariff plan has eight. */
const DEPTH = 32;
/** Entries of one list: as many as the longest list of the contract may have. Each that is wrong is looked at. */
const ENTRIES = 100_000;
/** Members of one object. A seller has some thirty; what has more is no word of the contract, and each is remembered. */
const MEMBERS = 1_000;
/** Objects, lists and values together: a preview of series as long as a body may be has half as many. */
const NODES = 1_000_000;
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

const UNSTORABLE = /[\0\p{Cs}]/u;
/** Names that mean something to JavaScript itself; no member of the contract is called so. */
const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

const readBytes = bodyParser.raw({ limit: LIMIT, type: () => true });

/** Reads the body of a request once its caller is let in: what may not be sent is not parsed either. */
@Injectable()
export class BodyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    if (!WITH_BODY.has(request.method)) return next.handle();
    return defer(() => readBody(request, http.getResponse<Response>())).pipe(mergeMap(() => next.handle()));
  }
}

async function readBody(request: Request, response: Response): Promise<void> {
  if (request.headers['content-length'] !== '0' && request.is('json') === false) {
    throw new Problem(415, 'unsupported_media_type', 'send the body as "Content-Type: application/json"');
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new Problem(415, 'unsupported_media_type', 'send the body in UTF-8');
  }
  await new Promise<void>((resolve, reject) => {
    readBytes(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(problemOf(error))));
  });
  request.body = Buffer.isBuffer(request.body) && request.body.length > 0 ? parseBody(request.body) : undefined;
}

/**
 * JSON in UTF-8, as it can only be meant one way: no member twice, none that JavaScript would take for its own, nothing
 * that PostgreSQL cannot store, and no deeper than a reader of the contract goes.
 *
 * @throws Problem 400
 */
export function parseBody(bytes: Uint8Array): unknown {
  const text = decoded(bytes);
  // Before the parser, which keeps the last of two members and says nothing.
  inspect(text);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Problem(400, 'malformed_json', `the body is not JSON: ${(error as Error).message}`);
  }
  if (typeof body !== 'object' || body === null) {
    throw new Problem(400, 'malformed_json', 'the body is not JSON: it must be an object');
  }
  return body;
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, 'malformed_utf8', 'the body is not UTF-8; send its text in that encoding');
  }
}

function inspect(text: string): void {
  const open: { members: Set<string>; commas: number; isList: boolean }[] = [];
  const tooMany = (what: string) => new Problem(400, 'too_many_entries', `${what}; send fewer`);
  let nodes = 0;
  const count = () => {
    nodes += 1;
    if (nodes > NODES) throw tooMany(`the body has more than ${NODES} objects, lists and values`);
  };
  const enter = (isList: boolean) => {
    count();
    open.push({ members: new Set(), commas: 0, isList });
    if (open.length > DEPTH) {
      throw new Problem(400, 'body_too_deep', `the body has more than ${DEPTH} objects and lists inside each other`);
    }
  };
  const leave = () => void open.pop();
  visit(
    text,
    {
      onObjectBegin: () => enter(false),
      onArrayBegin: () => enter(true),
      onObjectEnd: leave,
      onArrayEnd: leave,
      onObjectProperty(name, _offset, _length, _line, _character, path) {
        const refuse = (code: string, message: string) => {
          const pointer = pointerTo([...path(), name]);
          return new Problem(400, code, `${pointer} ${message}`, { errors: [{ pointer, message }] });
        };
        if (UNSTORABLE.test(name)) throw unstorable();
        if (RESERVED.has(name)) throw refuse('reserved_member', 'is not a name that a member may have');
        const members = open.at(-1)?.members;
        if (members?.has(name)) throw refuse('duplicate_member', 'is given twice; give it once');
        members?.add(name);
        if ((members?.size ?? 0) > MEMBERS) throw tooMany(`an object of the body has more than ${MEMBERS} members`);
      },
      onSeparator(character) {
        const list = open.at(-1);
        if (character !== ',' || !list?.isList) return;
        list.commas += 1;
        if (list.commas >= ENTRIES) throw tooMany(`a list of the body has more than ${ENTRIES} entries`);
      },
      onLiteralValue(value: unknown) {
        count();
        if (typeof value === 'string' && UNSTORABLE.test(value)) throw unstorable();
      },
    },
    { disallowComments: true },
  );
}

/** Text that PostgreSQL cannot store. */
function unstorable(): Problem {
  return new Problem(
    400,
    'malformed_json',
    'the body is not JSON: a string holds the NUL character or half of a surrogate pair',
  );
}

/** What the reader of the bytes found wrong. */
function problemOf(error: unknown): unknown {
  const { type, status } = error as { type?: string; status?: number };
  switch (type) {
    case 'entity.too.large':
      return new Problem(413, 'body_too_large', 'the body is larger than this route takes; send it in parts');
    case 'encoding.unsupported':
      return new Problem(
        415,
        'unsupported_media_type',
        'send the body as it is, or compressed with gzip, deflate or br',
      );
    default:
      return status !== undefined && status < 500
        ? new Problem(400, 'malformed_request', 'the body did not arrive as its headers announce it')
        : error;
  }
}
