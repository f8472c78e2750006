import type { Embedder } from '../../backbone/embedder.js';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import type { FeatureRow } from '../../samples/feature-table.js';
import type { SampleStore } from '../../samples/store.js';
import type { SkippedSample } from '../report.js';
import type { LabelledSample } from './collect.js';

/** Samples per commit: a kill loses at most their forward passes. */
const COMMIT_SAMPLES = 16;

export interface EmbedOptions {
  store: SampleStore;
  embedder: Embedder;
  /** Of holdout samples only the original is embedded; the store knows which samples these are. */
  samples: readonly LabelledSample[];
  augmentation: Parameters<Embedder['embedView']>[2];
  seed: number;
  recipe: string;
  /** Passed before each forward pass; default: open. */
  gate?: { pass(): Promise<void> };
  /** Counts forward passes. */
  onProgress: (done: number, total: number) => void;
}

/**
 * Embeds what is not in the cache yet and stores it. A sample whose image is missing or cannot be
 * decoded is skipped and named; any other error ends the training.
 */
export async function embedMissing(
  options: EmbedOptions,
): Promise<{ skipped: SkippedSample[]; forwards: number }> {
  const { store, embedder, recipe, augmentation, onProgress } = options;
  const wanted = new Map(options.samples.map((sample) => [sample.id, sample]));
  const missing = store
    .missingFeatures(embedder.checksum, recipe, augmentation.views)
    .filter(({ sampleId }) => wanted.has(sampleId));
  // The original always runs, and a view only where it is missing.
  const forwards = (missingViews: readonly number[]): number =>
    1 + missingViews.filter((view) => view > 0).length;
  const total = missing.reduce((sum, m) => sum + forwards(m.views), 0);
  const skipped: SkippedSample[] = [];
  let rows: FeatureRow[] = [];
  let done = 0;
  onProgress(done, total);
  for (const [i, { sampleId, views: missingViews }] of missing.entries()) {
    try {
      rows.push(...(await embedSample(sampleId, missingViews, options, wanted.get(sampleId)!)));
    } catch (error) {
      if (!isHeadlandError(error) || !/^HL_(PICTURE|SAMPLE)_/.test(error.code)) throw error;
      const origin = wanted.get(sampleId)?.origin ?? null;
      skipped.push({ id: sampleId, origin, code: error.code, message: error.message });
    }
    done += forwards(missingViews);
    if ((i + 1) % COMMIT_SAMPLES === 0 || i + 1 === missing.length) {
      store.putFeatures(rows);
      rows = [];
      onProgress(done, total);
    }
  }
  return { skipped, forwards: total };
}

async function embedSample(
  sampleId: string,
  missingViews: readonly number[],
  options: EmbedOptions,
  { pictureBytes }: LabelledSample,
): Promise<FeatureRow[]> {
  const { store, embedder, recipe, augmentation, seed, gate } = options;
  await gate?.pass();
  const picture = store.picture(sampleId);
  if (!picture) {
    // The original may be there, without augmented views; without a picture there will be none. A
    // sample that was removed after the training began has no features.
    if (pictureBytes > 0 || !missingViews.includes(0)) return [];
    throw new HeadlandError(
      'HL_SAMPLE_THINNED',
      `the picture of sample ${sampleId} was thinned out before it was embedded with this backbone`,
      {
        remedy:
          'Set models.backbone back to the one before, which the sample was embedded with, or label new pictures. To keep more pictures, raise samples.maxPictureStoreBytes or samples.minPicturesPerClass.',
        details: { sampleId },
      },
    );
  }
  const { features: original, image } = await embedder.embedPicture(picture);
  const rows: FeatureRow[] = [];
  for (const view of missingViews) {
    await gate?.pass();
    const features =
      view === 0 ? original : await embedder.embedView(image, view, augmentation, seed, sampleId);
    const common = { sampleId, backboneChecksum: embedder.checksum, view, features };
    rows.push({ ...common, recipe: view === 0 ? '' : recipe });
  }
  return rows;
}
