import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { silentLog } from '../../src/base/log.js';
import { type ConsoleOptions, ConsoleServer } from '../../src/console/server/console-server.js';
import { quietScheduler } from '../recorder.js';
import { createFieldSource, type FieldSource, sourcesOf } from './field-source.js';
import { newAccess } from './test-access.js';

export const TOKEN = 'a-token-of-the-field-robot';
export const DECISION = {
  label: 'maize',
  probability: 0.91,
  guess: false,
  top: [{ label: 'maize', probability: 0.91 }],
  headVersion: 1,
  noveltyPValue: null,
  totalMs: 12,
};

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  json: { error?: { code: string; message: string; remedy: string } } & Record<string, unknown>;
}

/** node:http instead of fetch, because fetch does not let Host and Origin be wrong. */
export function ask(
  url: string,
  method = 'GET',
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const isJson = response.headers['content-type']?.startsWith('application/json');
        const json = isJson ? JSON.parse(bytes.toString()) : {};
        resolve({ status: response.statusCode!, headers: response.headers, bytes, json });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const WRITE = { 'content-type': 'application/json', 'x-headland': '1' };

/** Exchanges a pairing or a token for a session. @param url with a slash at its end */
export function logIn(
  url: string,
  secret: { pairing: string } | { token: string },
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(`${url}api/session`, 'POST', { ...WRITE, ...headers }, JSON.stringify(secret));
}

/** The cookie that an answer sets, as it is sent back. */
export function cookieOf({ headers }: Answer): string {
  return String(headers['set-cookie']).split(';', 1)[0]!;
}

/** A console on a free port that ends with the test; `url` has no slash at its end. */
export async function open(
  t: TestContext,
  options: Partial<ConsoleOptions> = {},
): Promise<{ url: string; source: FieldSource; server: ConsoleServer }> {
  const source = createFieldSource();
  const log = silentLog();
  const server = new ConsoleServer({
    host: '127.0.0.1',
    port: 0,
    token: null,
    sources: sourcesOf([source]),
    access: newAccess(),
    version: '0.0.0',
    repeats: quietScheduler(),
    log,
    ...options,
  });
  const { url } = await server.start();
  t.after(() => server.stop());
  return { url: url.slice(0, -1), source, server };
}

/** Sends bytes as they are and gives back what came until the other side closed. */
export async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

export function rawGet(url: string, path: string): Promise<string> {
  return raw(url, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
}

// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Data = any;

/** fetch() closes the stream of a response that is collected as garbage. */
const followed = new Set<Response>();

/**
 * Events of the stream as they come; ends with it. The stream stays open until `signal` aborts,
 * also when nothing reads it.
 * @param url of the page
 * @param path with its query
 */
export async function* events(
  url: string,
  signal: AbortSignal,
  path = '/api/stream',
): AsyncGenerator<{ type: string; data: Data }, void> {
  const response = await fetch(new URL(path, url), { signal });
  followed.add(response);
  signal.addEventListener('abort', () => followed.delete(response), { once: true });
  assert.equal(response.status, 200);
  assert.match(String(response.headers.get('content-type')), /^text\/event-stream/);
  let buffer = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    buffer += chunk;
    const blocks = buffer.split('\n\n');
    buffer = blocks.pop()!;
    for (const block of blocks) {
      const [, type, data] = /^event: (\w+)\ndata: (.*)$/.exec(block)!;
      yield { type: type!, data: JSON.parse(data!) };
    }
  }
}
