import { join } from 'node:path';
import { type CachedModel, writeCachedModel } from '../../backbone/cache.js';
import { listCards } from '../../backbone/card-folders.js';
import { checkModel } from '../../backbone/check-model.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { fullPrecisionCard, fullPrecisionName, quantizedCard } from '../../backbone/variant.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { inAddedFolder, inCache } from '../write-folders.js';
import { type BackboneBundle, readBundle, requireFit } from './backbone-bundle.js';
import { bundleFile } from './bundle-names.js';

export interface AddBundleOptions {
  file: string;
  cardsDir: string | null;
  /** Folder of added backbones; created when absent. */
  addedDir: string;
  cacheDir: string;
  /** Bound on the model, bytes. */
  maxBytes: number;
}

export interface AddedBundle {
  card: ModelCard;
  /** The model in the cache. */
  path: string;
  checksum: string;
  /** Size of the bundle, bytes. */
  bytes: number;
  /** Whether the robot had no card of that name. */
  isNewCard: boolean;
}

/**
 * Takes a backbone from a bundle: checks it on this machine, keeps the bundle, so that the cache can
 * be filled again without it, and puts the model into the cache. A card that the robot does not know
 * is written last, so that an unfinished backbone is never listed.
 * @throws HeadlandError HL_MODEL_FILE_UNREADABLE, HL_MODEL_TOO_LARGE, HL_MODEL_BUNDLE_INVALID,
 *   HL_MODEL_BUNDLE_FOREIGN, HL_MODEL_CHECK_FAILED, HL_MODEL_INT8_DIFFERS,
 *   HL_MODEL_CACHE_UNWRITABLE
 */
export async function addBundle(options: AddBundleOptions): Promise<AddedBundle> {
  const { file, cardsDir, addedDir, cacheDir, maxBytes } = options;
  const { bundle, bytes } = await readBundle(file, maxBytes);
  const { name } = bundle.card;
  const known = (await listCards(cardsDir, addedDir)).find(
    (card) => card.name === fullPrecisionName(name),
  );
  const own = bundle.card.precision && known ? quantizedCard(known) : known;
  const card = own ?? bundle.card;
  const { path, checksum } = await installBundle(card, bundle, file, cacheDir);
  await inAddedFolder(addedDir, async () => {
    await makeFolder(addedDir);
    await writeFileDurably(join(addedDir, bundleFile(name)), bytes);
    if (known) return;
    const base = fullPrecisionCard(card);
    const text = `${JSON.stringify(base, null, 2)}\n`;
    await writeFileDurably(join(addedDir, `${base.name}.json`), text);
  });
  return { card, path, checksum, bytes: bytes.length, isNewCard: !known };
}

/**
 * Checks a bundle on this machine and puts its model into the cache.
 * @param card The robot's own card.
 * @param path Where the bundle is, for errors and as the source.
 * @throws HeadlandError HL_MODEL_BUNDLE_FOREIGN, HL_MODEL_CHECK_FAILED, HL_MODEL_INT8_DIFFERS,
 *   HL_MODEL_CACHE_UNWRITABLE
 */
export async function installBundle(
  card: ModelCard,
  bundle: BackboneBundle,
  path: string,
  cacheDir: string,
): Promise<CachedModel> {
  requireFit(bundle, card, path);
  const { model, checksum, sourceSha256, variantGolden } = bundle;
  await checkModel(card, model, checksum, variantGolden);
  const converted = { model, checksum, sourceSha256, source: `bundle ${path}` };
  return inCache(cacheDir, () =>
    writeCachedModel(card, cacheDir, variantGolden ? { ...converted, variantGolden } : converted),
  );
}
