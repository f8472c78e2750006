import { HeadlandError } from '../base/errors.js';

/** The error for a head, or a file of a head, that is damaged or cannot serve. */
export function invalidHead(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_HEAD_INVALID', what, {
    remedy: 'Use another version (`headland rollback`), or train again (`headland train`).',
    cause,
  });
}
