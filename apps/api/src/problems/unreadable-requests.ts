import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from './problem.js';
import { detailsOf } from './problem-details.filter.js';

/** What Node's reader of HTTP finds wrong before there is a request, by its code. Everything else is no HTTP: 400. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem(
    431,
    'headers_too_large',
    'the address and the headers of a request have 16 KiB together at the most',
  ),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Problem(413, 'body_too_large', 'the chunks of the body have too many extensions'),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem(408, 'request_timeout', 'the request did not arrive in time'),
};
const NO_HTTP = new Problem(400, 'malformed_request', 'this is not a request of HTTP/1.1');

/** Answers what never becomes a request as everything else is answered, where Node would send a status and nothing else. */
export function answerUnreadable(server: Server): void {
  const answering = new WeakSet<Socket>();
  server.on('request', ({ socket }, response) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A connection that is cut off, or on which an answer is under way, takes no other one.
    if (error.code === 'ECONNRESET' || !socket.writable || answering.has(socket)) {
      socket.destroy(error);
      return;
    }
    const problem = PROBLEMS[error.code ?? ''] ?? NO_HTTP;
    const body = JSON.stringify(detailsOf(problem));
    socket.end(
      [
        `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
        'Connection: close',
        'Cache-Control: no-store',
        'Content-Type: application/problem+json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    );
  });
}
