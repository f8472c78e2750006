import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { isHeadlandError, messageOf } from '../../base/errors.js';
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
    const response = await fetch(url, { signal: context.signal, redirect: 'follow' });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw sourceError('HL_MODEL_SOURCE_FAILED', `${shown(url)} answered HTTP ${response.status}`);
    }
    await receive(response.body, path, maxBytes, context, url);
    return path;
  } catch (error) {
    if (isHeadlandError(error)) throw error;
    throw sourceError('HL_MODEL_SOURCE_FAILED', `${shown(url)}: ${reason(error, context.signal)}`, {
      cause: error,
    });
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
          `${shown(url)} sends more than the ${maxBytes} bytes that the card names`,
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

/** The URL without user, password and query, which may be secret. */
export function shown(url: string): string {
  try {
    const { origin, pathname } = new URL(url);
    return `${origin}${pathname}`;
  } catch {
    return '(unreadable URL)';
  }
}

function reason(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return messageOf(signal.reason);
  const cause = error instanceof Error && error.cause ? ` (${messageOf(error.cause)})` : '';
  return `${messageOf(error)}${cause}`;
}
