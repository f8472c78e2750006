import { HeadlandError } from '../base/errors.js';

/** Longest part of a server's message that is shown. */
const MAX_CHARACTERS = 300;

export function syncCancelled(): HeadlandError {
  return new HeadlandError('HL_SYNC_CANCELLED', 'sending samples was interrupted', {
    remedy: 'Run `headland sync` again: it continues where it stopped.',
  });
}

export function unreachable(where: string, problem: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_SYNC_UNREACHABLE', `${where}: ${problem}`, {
    remedy:
      'Check the network, the address in sync.target or sync.s3.endpoint, and that the server runs. Sending continues by itself.',
    details: { where },
    cause,
  });
}

export function denied(where: string, problem: string): HeadlandError {
  return new HeadlandError('HL_SYNC_DENIED', `${where} refused access: ${problem}`, {
    remedy:
      'Check the keys or password in the files of the secrets, and that this user may write there (S3: s3:PutObject).',
    details: { where },
  });
}

export function targetMissing(where: string, problem: string): HeadlandError {
  return new HeadlandError('HL_SYNC_TARGET_MISSING', `${where}: ${problem}`, {
    remedy: 'Create the bucket, module or folder on the server, or correct sync.target.',
    details: { where },
  });
}

export function targetFull(where: string, problem: string): HeadlandError {
  return new HeadlandError('HL_SYNC_TARGET_FULL', `${where} is full: ${problem}`, {
    remedy: 'Free space on the server or raise its quota. Sending continues by itself.',
    details: { where },
  });
}

/** A server's text for people: one line, without control characters, not too long. */
export function quoteServer(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  return line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS)}…` : line;
}
