import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import aws4 from 'aws4';
import { Backoff } from '../../base/backoff.js';
import { isHeadlandError } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import { pause } from '../../base/pause.js';
import { syncCancelled } from '../sync-errors.js';
import type { Outgoing, SyncTarget } from '../sync-target.js';
import { answerError, transportError } from './s3-errors.js';
import { type S3Answer, sendRequest } from './s3-request.js';

/** Attempts for one object before the pass fails: single errors are normal on mobile networks. */
const ATTEMPTS = 3;
const RETRY = { initialMs: 500, maxMs: 8_000 };

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  json: 'application/json',
};

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
}

export interface S3Settings {
  /** Null = Amazon S3. */
  endpoint: string | null;
  region: string;
  /** Null = only with an endpoint. */
  pathStyle: boolean | null;
  bucket: string;
  /** Beginning of all keys. */
  prefix: string;
  timeoutMs: number;
}

/** Address of the bucket, with a final "/". */
export function bucketUrl(settings: Omit<S3Settings, 'prefix' | 'timeoutMs'>): URL {
  const { endpoint, region, bucket } = settings;
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (settings.pathStyle ?? endpoint !== null) url.pathname = `/${bucket}/`;
  else url.hostname = `${bucket}.${url.hostname}`;
  return url;
}

/** An S3-compatible store. Requests are signed with AWS Signature Version 4, bodies included. */
export class S3Target implements SyncTarget {
  /** One object is one request, so a larger batch would gain nothing. */
  readonly maxBatch = { samples: 1, bytes: Number.POSITIVE_INFINITY };
  readonly #url: URL;
  readonly #agent: HttpAgent;

  constructor(
    private readonly settings: S3Settings,
    private readonly credentials: S3Credentials,
  ) {
    this.#url = bucketUrl(settings);
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      this.#url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  }

  async send(samples: Iterable<Outgoing>, signal: AbortSignal): Promise<void> {
    for (const { picture, sidecar } of samples) {
      if (picture !== null) await this.#put(picture.name, picture.bytes, signal);
      await this.#put(sidecar.name, Buffer.from(sidecar.text), signal);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #put(name: string, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(RETRY);
    for (;;) {
      try {
        return await this.#putOnce(name, body, signal);
      } catch (error) {
        const isTransient =
          isHeadlandError(error, 'HL_SYNC_UNREACHABLE') || isHeadlandError(error, 'HL_SYNC_SERVER');
        if (!isTransient || backoff.failures + 1 >= ATTEMPTS) throw error;
        await pause(backoff.nextMs(), signal);
        if (signal.aborted) throw syncCancelled();
      }
    }
  }

  async #putOnce(name: string, body: Uint8Array, signal: AbortSignal): Promise<void> {
    const { region, prefix, bucket, timeoutMs } = this.settings;
    const { accessKeyId, secretAccessKey, sessionToken } = this.credentials;
    const url = new URL(`${prefix}${name}`, this.#url);
    const signedAtMs = Date.now();
    const { headers = {} } = aws4.sign(
      {
        service: 's3',
        region,
        method: 'PUT',
        host: url.host,
        path: url.pathname,
        headers: {
          'Content-Type':
            CONTENT_TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
          'Content-Length': String(body.length),
          'X-Amz-Content-Sha256': sha256Hex(body),
        },
      },
      { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) },
    );
    const where = `${this.#url.origin} (bucket ${bucket})`;
    const texts = Object.entries(headers).map(([key, value]) => [key, String(value)] as const);
    let answer: S3Answer;
    try {
      answer = await sendRequest({
        url,
        method: 'PUT',
        headers: Object.fromEntries(texts),
        body,
        agent: this.#agent,
        timeoutMs,
        signal,
      });
    } catch (error) {
      throw signal.aborted ? syncCancelled() : transportError(where, error);
    }
    const error = answerError(where, answer, accessKeyId, signedAtMs);
    if (error !== null) throw error;
  }
}
