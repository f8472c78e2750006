import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isHeadlandError, messageOf } from '../../base/errors.js';
import { redactAddress } from '../../base/redact.js';
import { type FetchContext, sourceError } from './offer.js';

/**
 * Streams a URL into the work folder, at most `maxBytes` of it.
 * @returns Path of the received file.
 * @throws HeadlandError HL_MODEL_SOURCE_FAILED, HL_MODEL_TOO_LARGE
 */
export async function fetchUrl(
  url: string,
  maxBytes: number,
  context: FetchContext,
): Promise<string> {
  // A model may consist of several files, fetched one after the other.
  const path = join(context.workDir, `download-${randomUUID()}`);
  try {
    const { url: address, headers } = withLogin(url);
    const { signal } = context;
    // A redirect to another server does not take the login along.
    const response = await fetch(address, { signal, redirect: 'follow', headers });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw sourceError(
        'HL_MODEL_SOURCE_FAILED',
        `${redactAddress(url)} answered HTTP ${response.status}`,
      );
    }
    await receive(response.body, path, maxBytes, context, url);
    return path;
  } catch (error) {
    if (isHeadlandError(error)) throw error;
    throw sourceError(
      'HL_MODEL_SOURCE_FAILED',
      `${redactAddress(url)}: ${reason(error, context.signal)}`,
      {
        cause: error,
      },
    );
  }
}

async function receive(
  body: ReadableStream<Uint8Array>,
  path: string,
  maxBytes: number,
  context: FetchContext,
  url: string,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    let received = 0;
    // Leaving the loop early cancels the stream and with it the connection.
    for await (const chunk of body) {
      received += chunk.length;
      if (received > maxBytes) {
        throw sourceError(
          'HL_MODEL_TOO_LARGE',
          `${redactAddress(url)} sends more than the ${maxBytes} bytes that the card names`,
          { remedy: 'Use another mirror. In a card of your own, correct bytes.' },
        );
      }
      await file.writeFile(chunk);
      context.report(received);
    }
  } finally {
    await file.close();
  }
}

/** What `fetch` takes: it refuses an address with user and password in it. */
function withLogin(address: string): { url: URL; headers: Record<string, string> } {
  const url = new URL(address);
  const { username, password } = url;
  if (username === '' && password === '') return { url, headers: {} };
  url.username = url.password = '';
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(login).toString('base64')}`;
  return { url, headers: { authorization } };
}

function reason(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return messageOf(signal.reason);
  const cause = error instanceof Error && error.cause ? ` (${messageOf(error.cause)})` : '';
  return `${messageOf(error)}${cause}`;
}
