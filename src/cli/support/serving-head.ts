import { HeadlandError } from '../../base/errors.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';

/**
 * Loads the head that serves.
 * @throws HeadlandError HL_EVALUATE_NO_HEAD, HL_HEAD_INVALID
 */
export async function loadServingHead(heads: HeadRegistry): Promise<StoredHead> {
  const current = await heads.current();
  if (current !== null) return heads.load(current);
  throw noServingHead();
}

export function noServingHead(): HeadlandError {
  return new HeadlandError('HL_EVALUATE_NO_HEAD', 'no head serves', {
    remedy: 'Label some frames, then train: `headland train`.',
  });
}
