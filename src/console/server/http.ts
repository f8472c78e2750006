import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { DEFECT_REMEDY, HeadlandError, isHeadlandError } from '../../base/errors.js';
import { redactedJson } from '../../base/redact.js';
import type { RefusalBody } from '../contract/contract.js';
import type { BytesContract } from '../contract/route-contract.js';

/** Result of a route; `taken` = the handler writes the response itself. */
export type Reply =
  | { kind: 'json'; status: number; body: unknown }
  | {
      kind: 'bytes';
      type: string;
      bytes: Uint8Array | Readable;
      headers?: Record<string, string>;
    }
  | { kind: 'empty' }
  | { kind: 'taken' };

export const json = (body: unknown, status = 200): Reply => ({ kind: 'json', status, body });

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  HL_CONSOLE_QUERY_INVALID: 400,
  HL_CONSOLE_BODY_INVALID: 400,
  HL_CONSOLE_TOKEN_REFUSED: 401,
  HL_CONSOLE_SESSION_ENDED: 401,
  HL_CONSOLE_PAIRING_REFUSED: 401,
  HL_CONSOLE_PAIRING_USED: 401,
  HL_CONSOLE_PAIRING_EXPIRED: 401,
  HL_CONSOLE_ORIGIN_REFUSED: 403,
  HL_CONSOLE_HEADER_MISSING: 403,
  HL_CONSOLE_NOT_FOUND: 404,
  HL_CONSOLE_METHOD_REFUSED: 405,
  HL_CONSOLE_TIMEOUT: 408,
  HL_CONSOLE_BODY_TOO_LARGE: 413,
  HL_CONSOLE_CONTENT_TYPE: 415,
  HL_CONSOLE_HOST_REFUSED: 421,
  HL_CONSOLE_TOO_MANY_ATTEMPTS: 429,
  HL_CONSOLE_TOO_MANY_REQUESTS: 429,
  HL_CONSOLE_BUSY: 503,
};

const STATUS_OF_ENDING: readonly (readonly [RegExp, number])[] = [
  [/_(NOT_FOUND|UNKNOWN|UNKNOWN_VERSION|GONE|MISSING|NONE)$/, 404],
  [/_(RUNNING|BUSY|CONFLICT)$/, 409],
  [/_(FULL|LIMIT|NO_SPACE)$/, 507],
  [/_INTERNAL$/, 500],
];

/**
 * HTTP status of an error: by table for codes of the console, by the ending of the code for others, 422
 * for the rest (the request was understood but refused), and 500 for anything but a HeadlandError.
 */
export function statusOf(error: unknown): number {
  if (!isHeadlandError(error)) return 500;
  const known = STATUS_OF_CODE[error.code];
  if (known !== undefined) return known;
  return STATUS_OF_ENDING.find(([ending]) => ending.test(error.code))?.[1] ?? 422;
}

/** The body of every refusal. The message of an unexpected error appears only in the log. */
export function errorBody(error: unknown): RefusalBody {
  if (isHeadlandError(error)) {
    return { error: { code: error.code, message: error.message, remedy: error.remedy } };
  }
  return {
    error: {
      code: 'HL_INTERNAL',
      message: 'the request failed inside headland',
      remedy: DEFECT_REMEDY,
    },
  };
}

export function sendReply(response: ServerResponse, reply: Reply): void {
  if (reply.kind === 'taken') return;
  if (reply.kind === 'empty') {
    response.writeHead(204).end();
    return;
  }
  const [status, type, bytes, headers] =
    reply.kind === 'json'
      ? [reply.status, 'application/json; charset=utf-8', Buffer.from(redactedJson(reply.body))]
      : [200, reply.type, reply.bytes, reply.headers];
  if (bytes instanceof Readable) {
    response.writeHead(status, { ...headers, 'content-type': type });
    // The connection closes without the end of the answer, so that a client sees what is missing.
    pipeline(bytes, response, () => undefined);
    return;
  }
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': bytes.length });
  response.end(bytes);
}

/** Sends `{error: {code, message, remedy}}`; closes the connection if the body is not yet complete. */
export function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (!request.complete) response.setHeader('connection', 'close');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendReply(response, json(errorBody(error), statusOf(error)));
}

export interface BodyLimits {
  maxBytes: number;
  /** What a body may take however small it is; beyond that it must come at {@link MIN_BYTES_PER_SECOND}. */
  timeoutMs: number;
}

/** A slower body is a client that holds a connection, not a bad link. */
const MIN_BYTES_PER_SECOND = 4_096;

/**
 * A body that is not JSON, as a stream, which fails when it comes too slowly. The caller bounds a body whose
 * length is not announced.
 * @throws HeadlandError HL_CONSOLE_CONTENT_TYPE, HL_CONSOLE_BODY_TOO_LARGE
 */
export function bytesBody(
  request: IncomingMessage,
  { mediaTypes }: BytesContract,
  { maxBytes, timeoutMs }: BodyLimits,
): { mediaType: string; bytes: Readable } {
  const [mediaType = ''] = (request.headers['content-type'] ?? '').toLowerCase().split(/\s*;/, 1);
  if (!mediaTypes.includes(mediaType)) {
    throw new HeadlandError('HL_CONSOLE_CONTENT_TYPE', 'this route does not take that media type', {
      remedy: `Send the header Content-Type with one of ${mediaTypes.join(', ')}.`,
    });
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  endSlowBody(request, timeoutMs, (error) => request.destroy(error));
  return { mediaType, bytes: request };
}

/**
 * Reads a JSON body.
 * @throws HeadlandError HL_CONSOLE_CONTENT_TYPE, HL_CONSOLE_BODY_TOO_LARGE, HL_CONSOLE_BODY_INVALID,
 *   HL_CONSOLE_TIMEOUT
 */
export async function readJson(request: IncomingMessage, limits: BodyLimits): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HeadlandError('HL_CONSOLE_CONTENT_TYPE', 'the body is not declared as JSON', {
      remedy: 'Send the header Content-Type: application/json.',
    });
  }
  const bytes = await readBytes(request, limits);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new HeadlandError('HL_CONSOLE_BODY_INVALID', 'the body is not valid JSON', {
      remedy: 'Send one JSON object.',
      cause,
    });
  }
}

/** Bodies up to this multiple of the limit are read to their end, so that the client can read the refusal. */
const DRAIN_FACTOR = 4;

function readBytes(request: IncomingMessage, { maxBytes, timeoutMs }: BodyLimits): Promise<Buffer> {
  const tooLarge = () => bodyTooLarge(maxBytes);
  const left = (cause?: unknown) =>
    new HeadlandError(
      'HL_CONSOLE_BODY_INVALID',
      'the connection ended before the body was complete',
      {
        remedy: 'Send the request again.',
        cause,
      },
    );
  return new Promise((resolve, reject) => {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > maxBytes * DRAIN_FACTOR) {
      reject(tooLarge());
      return;
    }
    let chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks = [];
      if (size > maxBytes * DRAIN_FACTOR) reject(tooLarge());
    });
    request.once('end', () =>
      size > maxBytes ? reject(tooLarge()) : resolve(Buffer.concat(chunks)),
    );
    request.once('error', (cause) => reject(left(cause)));
    request.once('close', () => reject(left()));
    endSlowBody(request, timeoutMs, reject);
  });
}

function bodyTooLarge(maxBytes: number): HeadlandError {
  return new HeadlandError(
    'HL_CONSOLE_BODY_TOO_LARGE',
    `the body is larger than ${maxBytes} bytes`,
    { remedy: `Send at most ${maxBytes} bytes.` },
  );
}

/** Calls `end` with HL_CONSOLE_TIMEOUT when the body of a request comes too slowly. */
function endSlowBody(
  request: IncomingMessage,
  timeoutMs: number,
  end: (error: HeadlandError) => void,
): void {
  const startMs = performance.now();
  const before = request.socket.bytesRead;
  const check = (): void => {
    const bytes = request.socket.bytesRead - before;
    const leftMs =
      timeoutMs + (bytes / MIN_BYTES_PER_SECOND) * 1_000 - (performance.now() - startMs);
    if (leftMs > 0) {
      timer = setTimeout(check, Math.ceil(leftMs));
      return;
    }
    end(
      new HeadlandError('HL_CONSOLE_TIMEOUT', 'the body of the request comes too slowly', {
        remedy: 'Send the request again over a faster connection.',
      }),
    );
  };
  let timer = setTimeout(check, timeoutMs);
  for (const event of ['end', 'close', 'error']) request.once(event, () => clearTimeout(timer));
}
