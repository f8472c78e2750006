import { capitalised } from '../words/figures.js';
import { Refusal } from './refusal.js';

interface RefusalBody {
  error: { code: string; message: string; remedy: string };
}

/**
 * Requests `address` and reads the answer.
 * @param say why there is no answer, or none that can be read
 * @throws Refusal; DOMException AbortError when the signal of `options` aborts the request
 */
export async function answerOf<Answer>(
  address: string,
  options: RequestInit,
  read: (response: Response) => Promise<Answer>,
  say: (key: 'shell.unreadable' | 'shell.offline') => string,
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(address, { ...options, cache: 'no-store' });
    if (response.ok) return await read(response);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    const key = cause instanceof SyntaxError ? 'shell.unreadable' : 'shell.offline';
    throw new Refusal(0, null, say(key));
  }
  const { code, message, remedy } = await reasonOf(response);
  throw new Refusal(response.status, code, `${capitalised(message)}. ${remedy}`);
}

/** The error of the server; a proxy in between may respond with anything else. */
async function reasonOf(response: Response): Promise<RefusalBody['error']> {
  try {
    const { error }: RefusalBody = await response.json();
    return error;
  } catch {
    return { code: 'HTTP', message: `HTTP status ${response.status}`, remedy: 'Try again.' };
  }
}
