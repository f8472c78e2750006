import { codeOf, HeadlandError, messageOf } from '../../base/errors.js';
import { denied, quoteServer, targetFull, targetMissing, unreachable } from '../sync-errors.js';
import type { S3Answer } from './s3-request.js';

/** TLS errors of Node.js that mean: not the server that it claims to be, as far as is known. */
const UNTRUSTED =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)/;

/** Refusals of what a bad connection made of the request: another attempt helps. */
const DAMAGED_ON_THE_WAY =
  /^(?:RequestTimeout|IncompleteBody|BadDigest|XAmzContentSHA256Mismatch|ClientDisconnected)$/;

/** The error of a request that got no complete answer. */
export function transportError(where: string, error: unknown): HeadlandError {
  const code = codeOf(error) ?? '';
  if (!UNTRUSTED.test(code)) return unreachable(where, messageOf(error) || code, error);
  return new HeadlandError(
    'HL_SYNC_UNTRUSTED',
    `${where}: its certificate is not trusted: ${messageOf(error)}`,
    {
      remedy:
        'Set the environment variable NODE_EXTRA_CA_CERTS to a file with the certificate of its authority (PEM), and check the clock of the robot (`date`).',
      details: { where, reason: code },
      cause: error,
    },
  );
}

/**
 * The error that an answer means; null: the object is stored.
 * @param accessKeyId never shown, although some stores repeat it in messages
 * @param nowMs Unix time when the request was signed
 */
export function answerError(
  where: string,
  answer: S3Answer,
  accessKeyId: string,
  nowMs: number,
): HeadlandError | null {
  const { status, body } = answer;
  if (status >= 200 && status < 300) return null;
  const code = element(body, 'Code');
  const message = element(body, 'Message').replaceAll(accessKeyId, '[redacted]');
  const said = [`HTTP ${status}`, code, message].filter((part) => part !== '').join(', ');

  if (code === 'RequestTimeTooSkewed' || code === 'RequestExpired') {
    return clockWrong(where, answer.date, nowMs);
  }
  if (code === 'AuthorizationHeaderMalformed' || status === 301 || status === 307) {
    return wrongRegion(where, said, element(body, 'Region') || element(body, 'Endpoint'));
  }
  if (/^(?:QuotaExceeded|XMinioStorageFull|XMinioAdminBucketQuotaExceeded)$/.test(code)) {
    return targetFull(where, said);
  }
  if (status === 507) return targetFull(where, said);
  if (status === 401 || status === 403 || code === 'ExpiredToken' || code === 'InvalidToken') {
    return denied(where, said);
  }
  if (status === 404) return targetMissing(where, said);
  if (status >= 500 || status === 429 || status === 408 || DAMAGED_ON_THE_WAY.test(code)) {
    return new HeadlandError('HL_SYNC_SERVER', `${where} failed: ${said}`, {
      remedy: 'Read the log of the server. Sending continues by itself.',
      details: { where, status, code },
    });
  }
  return new HeadlandError('HL_SYNC_REFUSED', `${where} refused a sample: ${said}`, {
    remedy:
      'Read the reason in the message. All other samples are sent; restart headland to try this one again.',
    details: { where, status, code },
  });
}

function clockWrong(where: string, date: string | null, nowMs: number): HeadlandError {
  const serverMs = Date.parse(date ?? '');
  const minutes = Math.round((nowMs - serverMs) / 60_000);
  const off = Number.isNaN(minutes)
    ? 'differs too much from that of the server'
    : `is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead of' : 'behind'} that of the server`;
  return new HeadlandError('HL_SYNC_CLOCK_WRONG', `${where}: the clock of this robot ${off}`, {
    remedy:
      'Set the clock of the robot (`timedatectl set-ntp true`), or that of the server if the robot is right.',
    details: { where, serverDate: date },
  });
}

function wrongRegion(where: string, said: string, expected: string): HeadlandError {
  return new HeadlandError(
    'HL_SYNC_REGION_WRONG',
    `${where}: the bucket is in another region or at another address${expected === '' ? '' : ` (${expected})`}: ${said}`,
    {
      remedy: 'Set sync.s3.region, and sync.s3.endpoint if there is one, to those of the bucket.',
      details: { where, expected },
    },
  );
}

/** Text of the first XML element of a name, cleaned for people; '' if there is none. */
function element(xml: string, name: string): string {
  const [, text = ''] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  const plain = text
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
  return quoteServer(plain);
}
