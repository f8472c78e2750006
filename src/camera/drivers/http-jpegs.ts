import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { pause } from '../../base/pause.js';
import { HttpLogin } from './http-login.js';
import type { JpegDelivery } from './jpeg-delivery.js';

const MAX_REDIRECTS = 5;
/** An answer of this size without a picture is not a picture stream. */
const NO_PICTURE_BYTES = 4 * 1024 * 1024;

/**
 * Captures pictures from HTTP cameras whose answer MJPEG parsers reject: no boundary before the
 * first part, no types or lengths, another boundary than announced, or a single JPEG, which is then
 * polled. Bytes between pictures are ignored. Resolves when `signal` aborts.
 *
 * As with ffmpeg, the certificate of an https camera is not verified: few cameras have a valid one.
 *
 * @param url http:// or https://, with or without user and password
 * @param delivery receives the bytes of the answers
 * @param intervalMs between two requests for a single JPEG
 * @throws HeadlandError HL_CAMERA_EXITED (no answer, a status other than 200, or the end of the
 *   stream), HL_CAMERA_NO_PICTURE (the answer holds no JPEG)
 */
export async function captureHttpJpegs(
  url: string,
  { delivery, intervalMs }: { delivery: JpegDelivery; intervalMs: number },
  signal: AbortSignal,
): Promise<void> {
  const source = new HttpSource(url);
  while (!signal.aborted) {
    const startedMs = performance.now();
    const before = delivery.pictures;
    delivery.begin();
    const type = await deliverAnswer(source, delivery, signal);
    if (type === null || signal.aborted) break;
    const came = delivery.pictures - before;
    if (came === 0) throw noPicture(source.shown, type);
    if (came > 1 || /^multipart\//i.test(type)) {
      throw ended(source.shown, 'it closed the connection');
    }
    await pause(intervalMs - (performance.now() - startedMs), signal);
  }
}

/** Delivers the pictures of one answer. @returns its media type; null: `signal` aborted it */
async function deliverAnswer(
  source: HttpSource,
  delivery: JpegDelivery,
  signal: AbortSignal,
): Promise<string | null> {
  const before = delivery.pictures;
  let answer: IncomingMessage | null = null;
  try {
    answer = await source.get(signal);
    const type = answer.headers['content-type'] ?? 'unknown';
    for await (const chunk of answer) {
      await delivery.take(chunk as Buffer);
      if (delivery.pictures === before && delivery.bytes > NO_PICTURE_BYTES) {
        throw noPicture(source.shown, type);
      }
    }
    return type;
  } catch (error) {
    if (signal.aborted) return null;
    throw error instanceof HeadlandError ? error : ended(source.shown, reasonOf(error));
  } finally {
    answer?.destroy();
    if (answer) delivery.end();
  }
}

/** Requests one address, with redirects and authentication. */
class HttpSource {
  readonly #url: URL;
  readonly #login: HttpLogin | null;

  constructor(url: string) {
    this.#url = new URL(url);
    const { username, password } = this.#url;
    const named = username !== '' || password !== '';
    this.#login = named ? new HttpLogin(decoded(username), decoded(password)) : null;
    this.#url.username = this.#url.password = '';
  }

  /** The address for messages, without user, password and query. */
  get shown(): string {
    return this.#url.origin + this.#url.pathname;
  }

  /**
   * Requests the address.
   * @returns an answer with status 200
   * @throws HeadlandError HL_CAMERA_EXITED
   */
  async get(signal: AbortSignal): Promise<IncomingMessage> {
    let url = this.#url;
    for (let hop = 0; hop <= MAX_REDIRECTS; ) {
      const answer = await this.#ask(url, signal);
      const { statusCode = 0, headers } = answer;
      if (statusCode === 200) return answer;
      answer.destroy();
      if (statusCode === 401 && url.origin === this.#url.origin && this.#asked(answer)) continue;
      if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
        throw ended(this.shown, `HTTP status ${statusCode} ${answer.statusMessage ?? ''}`.trim());
      }
      url = new URL(headers.location, url);
      hop += 1;
    }
    throw ended(this.shown, `more than ${MAX_REDIRECTS} redirects`);
  }

  #asked(answer: IncomingMessage): boolean {
    const asked = answer.headersDistinct['www-authenticate'] ?? [];
    return this.#login?.asked(asked) ?? false;
  }

  #ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    // Never send the login to another origin after a redirect.
    const ours = url.origin === this.#url.origin;
    const authorization = ours ? this.#login?.answer('GET', url.pathname + url.search) : null;
    return new Promise((resolve, reject) => {
      const ask = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = ask(url, {
        signal,
        agent: false,
        // Many cameras violate the syntax of line ends and headers.
        insecureHTTPParser: true,
        ...(url.protocol === 'https:' ? { rejectUnauthorized: false } : {}),
        headers: {
          accept: 'multipart/x-mixed-replace, image/jpeg, */*',
          ...(authorization ? { authorization } : {}),
        },
      });
      request.on('response', resolve);
      request.on('error', (error) => reject(ended(this.shown, reasonOf(error))));
      request.end();
    });
  }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'unknown host name',
  ETIMEDOUT: 'no answer',
};

function reasonOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return (typeof code === 'string' && REASONS[code]) || messageOf(error);
}

/** Decodes percent escapes; returns text with an invalid escape unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function ended(shown: string, why: string): HeadlandError {
  return new HeadlandError('HL_CAMERA_EXITED', `the camera at ${shown}: ${why}`, {
    remedy: 'Check that the source works: open the same address with ffplay or a browser.',
    details: { input: shown },
  });
}

function noPicture(shown: string, type: string): HeadlandError {
  return new HeadlandError('HL_CAMERA_NO_PICTURE', `${shown} sends no JPEG (${type})`, {
    remedy: 'Give the address of the pictures themselves, not that of a page that shows them.',
    details: { input: shown, type },
  });
}
