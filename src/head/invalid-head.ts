import { HeadlandError } from '../base/errors.js';

/** A head, or a file that belongs to it, that is damaged or cannot serve. */
export function invalidHead(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_HEAD_INVALID', what, {
    remedy: 'Use another version (`headland rollback`), or train again (`headland train`).',
    cause,
  });
}
