import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { visible } from '../../base/words/text.js';
import type { Config } from '../../config/schema.js';
import { importFolder, nothingUsable } from '../../samples/folder/import-folder.js';
import { SampleStore } from '../../samples/store.js';
import { openDatabase } from '../../storage/database.js';
import { showProgress } from '../progress/progress.js';
import { printNote } from './output.js';
import type { PhotoOptions } from './photo-options.js';

/** A temporary sample store for a folder of photos; close() deletes it. */
export interface PhotoStore {
  store: SampleStore;
  close(): Promise<void>;
}

/**
 * Imports class folders into a temporary store, so that unusable photos, duplicates and groups are
 * handled as on a robot. Prints warnings to standard error.
 * @param holdoutShare share of groups in the holdout, 0..1
 * @throws HeadlandError HL_IMPORT_…
 */
export async function openPhotoStore(
  dir: string,
  config: Config,
  options: PhotoOptions & { holdoutShare: number },
): Promise<PhotoStore> {
  const scratch = await mkdtemp(join(tmpdir(), 'headland-photos-'));
  const database = openDatabase(join(scratch, 'photos.db'));
  const close = async () => {
    database.close();
    await rm(scratch, { recursive: true, force: true });
  };
  const progress = showProgress();
  progress.begin('looking for photos');
  try {
    const { maxPictureStoreBytes, holdoutAfterSamples } = config.samples;
    const store = new SampleStore(database, {
      holdoutShare: options.holdoutShare,
      holdoutAfterSamples,
      maxPictureStoreBytes,
    });
    const { maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = config.inference;
    const imported = await importFolder(store, dir, {
      ...options,
      gapMs: config.samples.groupWindowMs,
      limits: { maxBytes, maxPixels },
      onProgress: ({ done, total }) =>
        progress.show({ what: 'reading photos', done, total, unit: 'photos' }),
    });
    progress.stop();
    for (const { message } of imported.warnings) printNote(`note: ${visible(message)}`);
    for (const { files, reason } of imported.leftOut) {
      printNote(`left out: ${files} ${visible(reason)}`);
    }
    const failure = nothingUsable(dir, imported);
    if (failure !== null) throw failure;
    return { store, close };
  } catch (error) {
    progress.stop();
    await close();
    throw error;
  }
}
