import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadCard } from '../../../backbone/card-folders.js';
import type { ModelCard } from '../../../backbone/model-card.js';
import { type HeadlandError, isHeadlandError } from '../../../base/errors.js';
import type { Config } from '../../../config/schema.js';
import { readBundle, requireFit } from '../../../models/bundle/backbone-bundle.js';
import { bundleFile } from '../../../models/bundle/bundle-names.js';
import { verifyModel } from '../../../models/verify-model.js';
import { addedCardsDir } from '../../seeing/perception-settings.js';
import { belongsToAnother, findingOf, isDenied } from '../denied.js';
import { type Finding, failed, ok, type RobotContext, warning } from '../doctor-check.js';

/** Whether the backbone is in the cache, undamaged, and computes what its card promises. */
export async function checkBackbone(context: RobotContext): Promise<Finding[]> {
  const { models, paths } = context.config;
  const card = await loadCard(models.backbone, models.cardsDir, addedCardsDir(context.config));
  try {
    const { path, checksum, bytes, source, golden } = await verifyModel(card, paths.cacheDir);
    const proof = golden ? 'its golden features agree' : 'it has no golden features to compare';
    const reason = `${card.name} is in the cache (${checksum.slice(0, 12)}…): ${proof}`;
    return [ok(reason, { facts: { name: card.name, path, checksum, bytes, source, golden } })];
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    if (isDenied(error) && (await belongsToAnother(context))) {
      return [await findingOf(error, context)];
    }
    return [await judge(error, card, context.config)];
  }
}

/** How the daemon would get along with this error at its start. */
async function judge(error: HeadlandError, card: ModelCard, config: Config): Promise<Finding> {
  switch (error.code) {
    case 'HL_MODEL_INT8_DIFFERS':
    case 'HL_MODEL_NOT_QUANTIZED':
      // The daemon takes the fp32 backbone instead.
      return warning(error);
    case 'HL_MODEL_NOT_CACHED': {
      const bundle = await usableBundle(card, config);
      if (bundle !== null) {
        return ok(`${card.name} is in ${bundle}: the daemon takes it from there at its start`);
      }
      const { allowDownload, mirrors } = config.models;
      return allowDownload || mirrors.length > 0 ? warning(error) : failed(error);
    }
    default:
      return failed(error);
  }
}

/** @throws HeadlandError HL_MODEL_BUNDLE_… for a bundle that cannot be used */
async function usableBundle(card: ModelCard, config: Config): Promise<string | null> {
  const { bundleDirs, maxBytes } = config.models;
  for (const dir of [addedCardsDir(config), ...bundleDirs]) {
    const file = join(dir, bundleFile(card.name));
    if (!existsSync(file)) continue;
    const { bundle } = await readBundle(file, maxBytes);
    requireFit(bundle, card, file);
    return file;
  }
  return null;
}
