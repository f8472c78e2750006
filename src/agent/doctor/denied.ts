import { codeOf, HeadlandError } from '../../base/errors.js';
import { type DoctorContext, type Finding, failed, skipped } from './doctor-check.js';

/**
 * The finding for an error: `failed`, or `skipped` if only this user lacks the permission: files of the
 * service are private to it.
 */
export async function findingOf(
  error: HeadlandError,
  context: Pick<DoctorContext, 'unit'>,
  subject?: string,
): Promise<Finding> {
  const named = subject === undefined ? {} : { subject };
  if (!isDenied(error) || !(await belongsToAnother(context))) return failed(error, named);
  return skipped(`${error.message}. Only root can check this: sudo headland doctor`, named);
}

/** Whether a file of the service exists but this user may not look at it. */
export async function belongsToAnother({ unit }: Pick<DoctorContext, 'unit'>): Promise<boolean> {
  return process.getuid?.() !== 0 && (await unit())?.installed === true;
}

/** Whether an error, or one of its causes, is a missing permission. */
export function isDenied(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (codeOf(at) === 'EACCES' || codeOf(at) === 'EPERM') return true;
    if (at instanceof HeadlandError && /\bEACCES\b/.test(at.message)) return true;
  }
  return false;
}
