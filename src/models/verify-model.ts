import { readCachedModel } from '../backbone/cache.js';
import { checkModel } from '../backbone/check-model.js';
import type { ModelCard } from '../backbone/model-card.js';

export interface VerifiedModel {
  path: string;
  /** SHA-256 (hex) of the model file. */
  checksum: string;
  /** Size of the model file, bytes. */
  bytes: number;
  /** Where the weights came from. */
  source: string;
  /** Whether golden features exist and were compared. */
  golden: boolean;
}

/**
 * Hashes the cached model again and runs its check on this machine's engine. Finds damaged disks as
 * well as engines that compute other features.
 * @throws HeadlandError HL_MODEL_NOT_CACHED, HL_MODEL_CHECKSUM, HL_MODEL_CHECK_FAILED,
 *   HL_MODEL_INT8_DIFFERS
 */
export async function verifyModel(card: ModelCard, cacheDir: string): Promise<VerifiedModel> {
  const { path, model, checksum, source, variantGolden } = await readCachedModel(card, cacheDir);
  await checkModel(card, model, checksum, variantGolden);
  return {
    path,
    checksum,
    bytes: model.length,
    source,
    golden: card.golden !== null || variantGolden !== null,
  };
}
