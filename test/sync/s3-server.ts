import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { TestContext } from 'node:test';
import { listen } from '../ports.js';
import { readAuthorisation, signatureOf } from './s3-signature.js';

/** As on Amazon S3. */
const MAX_SKEW_MS = 15 * 60_000;

export const KEYS = {
  accessKeyId: 'AKIDKANARIE7F3A9C',
  secretAccessKey: 'kanarie-secret-7f3a9c/+Key',
  sessionToken: 'kanarie-token-7f3a9c',
};
export const BUCKET = 'field-pictures';
export const REGION = 'eu-test-1';

export interface Put {
  key: string;
  body: Buffer;
  type: string;
}

/** What happens to a request instead of its being stored. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * A strict S3-compatible store for one bucket, in memory: accepts PUT with a valid Signature
 * Version 4 and refuses everything else in the words of Amazon S3.
 */
export class S3Server {
  /** Accepted requests in their order. */
  readonly puts: Put[] = [];
  /** All requests, also refused ones: method and path. */
  readonly requests: string[] = [];
  /** Called for each request; what it returns happens instead. */
  fault: (key: string, body: Buffer) => Fault | null = () => null;
  /** Requests must be signed with this session token. */
  sessionToken: string | null = null;
  /** Difference of its clock from the true time. */
  clockAheadMs = 0;

  private constructor(readonly endpoint: string) {}

  /** @param tls key and certificate, for https */
  static async start(
    t: Pick<TestContext, 'after'>,
    tls: Pick<ServerOptions, 'key' | 'cert'> | null = null,
  ): Promise<S3Server> {
    const server = tls === null ? createServer() : createTlsServer(tls);
    const scheme = tls === null ? 'http' : 'https';
    const store = new S3Server(`${scheme}://127.0.0.1:${await listen(server)}`);
    server.on('request', (request, response) => void store.#answer(request, response));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return store;
  }

  /** Content by key: the last accepted request counts. */
  objects(): Map<string, Buffer> {
    return new Map(this.puts.map(({ key, body }) => [key, body]));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    const target = request.url ?? '';
    this.requests.push(`${request.method} ${target}`);
    const key = target.slice(BUCKET.length + 2);
    const fault = this.fault(key, body);
    if (fault) return fault(request, response);
    const refusal = this.#refusal(request, body);
    if (refusal) return refusal(request, response);
    this.puts.push({ key, body, type: request.headers['content-type'] ?? '' });
    response.setHeader('ETag', `"${createHash('md5').update(body).digest('hex')}"`);
    response.end();
  }

  #refusal(request: IncomingMessage, body: Buffer): Fault | null {
    const { method = '', url: target = '' } = request;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    if (method !== 'PUT') return failing(405, 'MethodNotAllowed', 'not allowed');
    const by = readAuthorisation(headers.authorization ?? '');
    if (!by) return failing(403, 'AccessDenied', 'Access Denied');
    const now = Date.now() + this.clockAheadMs;
    const [, y, mo, d, h, mi, s] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers['x-amz-date'] ?? '') ?? [];
    const signedMs = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
    if (!(Math.abs(now - signedMs) <= MAX_SKEW_MS)) {
      const message = 'The difference between the request time and the current time is too large.';
      return failing(403, 'RequestTimeTooSkewed', message, { date: new Date(now).toUTCString() });
    }
    if (by.accessKeyId !== KEYS.accessKeyId) {
      const message = `The AWS Access Key Id ${by.accessKeyId} you provided does not exist in our records.`;
      return failing(403, 'InvalidAccessKeyId', message);
    }
    if (by.region !== REGION || by.service !== 's3') {
      return failing(
        400,
        'AuthorizationHeaderMalformed',
        `The authorization header is malformed; the region '${by.region}' is wrong; expecting '${REGION}'`,
        { extra: `<Region>${REGION}</Region>` },
      );
    }
    if ((headers['x-amz-security-token'] ?? null) !== this.sessionToken) {
      return failing(403, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
    }
    const must = ['host', 'x-amz-content-sha256', 'x-amz-date'];
    if (this.sessionToken !== null) must.push('x-amz-security-token');
    const signed = must.every((name) => by.signedHeaders.includes(name));
    const expected = signatureOf({ method, target, headers, body }, by, KEYS.secretAccessKey);
    if (!signed || expected !== by.signature) {
      const message = 'The request signature we calculated does not match.';
      return failing(403, 'SignatureDoesNotMatch', message);
    }
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (headers['x-amz-content-sha256'] !== sha256) {
      return failing(400, 'XAmzContentSHA256Mismatch', 'The body differs from its digest.');
    }
    if (!target.startsWith(`/${BUCKET}/`)) {
      return failing(404, 'NoSuchBucket', 'The specified bucket does not exist');
    }
    return null;
  }
}

export function failing(
  status: number,
  code: string,
  message: string,
  { date, extra = '' }: { date?: string; extra?: string } = {},
): Fault {
  return (_request, response) => {
    response.statusCode = status;
    if (date) response.setHeader('Date', date);
    response.setHeader('Content-Type', 'application/xml');
    response.end(
      `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message>${extra}</Error>`,
    );
  };
}

/** Never answers. */
export const silent: Fault = () => {};
/** Closes the connection instead of answering. */
export const cutOff: Fault = (request) => request.socket.destroy();
/** Begins an answer of success, and closes the connection within it. */
export const halfAnswer: Fault = (request, response) => {
  response.writeHead(200, { 'Content-Length': '100' });
  response.write('half', () => request.socket.destroy());
};
