import { type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Longer answers are cut: only the beginning of an error is of interest. */
const MAX_ANSWER_BYTES = 65_536;

export interface S3Request {
  url: URL;
  method: 'PUT';
  headers: Record<string, string>;
  body: Uint8Array;
  agent: HttpAgent;
  /** Longest time without progress, milliseconds. The whole request may take ten times as long. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface S3Answer {
  status: number;
  /** Date of the server's clock; null: not given. */
  date: string | null;
  body: string;
}

/**
 * Sends one request and reads the whole answer. Follows no redirect.
 * @throws Error of the socket or TLS; Error 'no answer …' after a time-out; Error when the answer
 *   ends early
 */
export function sendRequest(options: S3Request): Promise<S3Answer> {
  const { url, method, headers, body, agent, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const begin = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = begin(url, { method, headers, agent, signal });
    const deadline = setTimeout(() => request.destroy(late(timeoutMs * 10)), timeoutMs * 10);
    request.setTimeout(timeoutMs, () => request.destroy(late(timeoutMs)));
    request.on('error', (error) => {
      clearTimeout(deadline);
      reject(error);
    });
    request.on('response', (response) => {
      readAnswer(response)
        .then(resolve, reject)
        .finally(() => clearTimeout(deadline));
    });
    request.end(body);
  });
}

function readAnswer(response: IncomingMessage): Promise<S3Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    if (length < MAX_ANSWER_BYTES) chunks.push(chunk);
    length += chunk.length;
  });
  return new Promise((resolve, reject) => {
    response.on('error', reject);
    // Not emitted for an answer that breaks off.
    response.on('end', () => {
      resolve({
        status: response.statusCode ?? 0,
        date: response.headers.date ?? null,
        body: Buffer.concat(chunks).toString('utf8', 0, MAX_ANSWER_BYTES),
      });
    });
  });
}

function late(ms: number): Error {
  return new Error(`no answer within ${ms / 1_000} s`);
}
