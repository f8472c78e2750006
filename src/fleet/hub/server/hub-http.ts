import type { IncomingMessage, ServerResponse } from 'node:http';
import { DEFECT_REMEDY, HeadlandError, isHeadlandError } from '../../../base/errors.js';
import { redactedJson } from '../../../base/redact.js';
import type { HubRefusal } from '../../contract/hub-api.js';

const MAX_BODY_BYTES = 65_536;

export const HUB_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

const STATUS: Readonly<Record<string, number>> = {
  HL_FLEET_TOKEN_REFUSED: 401,
  HL_FLEET_ROLE: 403,
  HL_FLEET_NOT_FOUND: 404,
  HL_FLEET_ROBOT_UNKNOWN: 404,
  HL_FLEET_TASK_UNKNOWN: 404,
  HL_FLEET_VERSION_UNKNOWN: 404,
  HL_FLEET_PERSON_KNOWN: 409,
  HL_FLEET_TOO_MANY_ATTEMPTS: 429,
  HL_FLEET_STORE_UNAVAILABLE: 503,
};

export function hubStatusOf(error: unknown): number {
  return isHeadlandError(error) ? (STATUS[error.code] ?? 422) : 500;
}

export function sendHubJson(response: ServerResponse, body: unknown, status = 200): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
  });
  response.end(bytes);
}

/** The message of an unexpected error stands in the log only. */
export function sendHubRefusal(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body: HubRefusal = isHeadlandError(error)
    ? { error: { code: error.code, message: error.message, remedy: error.remedy } }
    : {
        error: {
          code: 'HL_INTERNAL',
          message: 'the request failed inside headland',
          remedy: DEFECT_REMEDY,
        },
      };
  const status = hubStatusOf(error);
  if (status === 429 && isHeadlandError(error)) {
    response.setHeader('retry-after', String(error.details.waitSeconds));
  }
  sendHubJson(response, JSON.parse(redactedJson(body)), status);
}

/** @throws HeadlandError HL_FLEET_REQUEST_INVALID */
export async function readHubJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw invalidRequest(`the body is above ${MAX_BODY_BYTES} bytes`);
    chunks.push(bytes);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw invalidRequest('the body is not JSON', cause);
  }
}

export function tooManyAttempts(waitSeconds: number): HeadlandError {
  return new HeadlandError('HL_FLEET_TOO_MANY_ATTEMPTS', 'too many wrong tokens', {
    remedy: `Wait ${waitSeconds} s, then use the right token.`,
    details: { waitSeconds },
  });
}

export function invalidRequest(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_FLEET_REQUEST_INVALID', what, {
    remedy: 'Send what docs/reference/fleet-hub.md describes for this path.',
    cause,
  });
}
