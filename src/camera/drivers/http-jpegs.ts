import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { pause } from '../../base/pause.js';
import { HttpLogin } from './http-login.js';
import type { JpegDelivery } from './jpeg-delivery.js';

const MAX_REDIRECTS = 5;
/** So much without a picture in it is something else than pictures. */
const NO_PICTURE_BYTES = 4 * 1024 * 1024;

/**
 * Pictures of a camera whose answer no reader of MJPEG understands: without a boundary before the
 * first part, without types or lengths, with another boundary than announced, or a single JPEG, which
 * is then asked for again and again. Whatever stands between the pictures is passed over.
 *
 * As with ffmpeg, the certificate of an https camera is not checked: few cameras have one that could be.
 *
 * @param url http:// or https://, with user and password or without
 * Resolves when `signal` aborts.
 * @param delivery what the pictures are handed to
 * @param intervalMs between two requests for a single JPEG
 * @throws HeadlandError HL_CAMERA_EXITED (no answer, another one than 200, or the end of the stream),
 *   HL_CAMERA_NO_PICTURE (what comes is no JPEG)
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

/** Asks one address, with redirects and a login. */
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

  /** For people, without user, password and query. */
  get shown(): string {
    return this.#url.origin + this.#url.pathname;
  }

  /** The answer 200. @throws HeadlandError HL_CAMERA_EXITED */
  async get(signal: AbortSignal): Promise<IncomingMessage> {
    let url = this.#url;
    for (let hop = 0; hop <= MAX_REDIRECTS; ) {
      const answer = await this.#ask(url, signal);
      const { statusCode = 0, headers } = answer;
      if (statusCode === 200) return answer;
      answer.destroy();
      if (statusCode === 401 && url.origin === this.#url.origin && this.#asked(answer)) continue;
      if (statusCode < 300 || statusCode > 399 || headers.location === undefined) {
        throw ended(this.shown, `it answers ${statusCode} ${answer.statusMessage ?? ''}`.trim());
      }
      url = new URL(headers.location, url);
      hop += 1;
    }
    throw ended(this.shown, `it redirects more than ${MAX_REDIRECTS} times`);
  }

  #asked(answer: IncomingMessage): boolean {
    const asked = answer.headersDistinct['www-authenticate'] ?? [];
    return this.#login?.asked(asked) ?? false;
  }

  #ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    // A login is for this camera alone, whatever it redirects to.
    const ours = url.origin === this.#url.origin;
    const authorization = ours ? this.#login?.answer('GET', url.pathname + url.search) : null;
    return new Promise((resolve, reject) => {
      const ask = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = ask(url, {
        signal,
        agent: false,
        // Cameras end lines and headers in ways of their own.
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
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ENOTFOUND: 'its name is not known',
  ETIMEDOUT: 'no answer',
};

function reasonOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return (typeof code === 'string' && REASONS[code]) || messageOf(error);
}

/** A "%" that begins no escape stands for itself. */
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
  return new HeadlandError('HL_CAMERA_NO_PICTURE', `no JPEG is in what ${shown} sends (${type})`, {
    remedy: 'Give the address of the pictures themselves, not that of a page that shows them.',
    details: { input: shown, type },
  });
}
