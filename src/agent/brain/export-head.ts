import type { Backbone } from '../../backbone/backbone.js';
import { readCachedModel } from '../../backbone/cache.js';
import { loadCard } from '../../backbone/card-folders.js';
import { drawCheckPicture, drawConstantPicture } from '../../backbone/check-picture.js';
import { featureChecksum } from '../../backbone/embedder.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openBackbone } from '../../backbone/open-backbone.js';
import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Head } from '../../head/head.js';
import { headProbabilities } from '../../head/score.js';
import { answerProbability } from '../../head/unknown/conformal.js';
import { type Exported, type ExportFormat, exportAs } from '../../models/export/export-as.js';
import { exportableHead } from '../../models/export/exportable-head.js';
import type { StoredHead } from '../../registry/version-directory.js';

/** What an export needs beside the head. Plain data. */
export interface ExportSettings {
  format: ExportFormat;
  /** Folders of model cards: the configured one and that of added backbones. */
  cardsDir: string | null;
  addedCardsDir: string;
  /** Where the backbone is. */
  cacheDir: string;
  /** The setting `inference.maxErrorShare`. */
  maxErrorShare: number;
}

export interface ExportedModel {
  exported: Exported;
  card: ModelCard;
  /** Largest difference of a probability from the daemon's own answers. */
  difference: number;
}

/**
 * Joins a head and its backbone, which must be in the cache, and compares the result with the daemon's
 * answers.
 * @throws HeadlandError HL_EXPORT_…, HL_MODEL_…, HL_TFJS_UNAVAILABLE
 */
export async function exportHead(
  stored: StoredHead,
  settings: ExportSettings,
  log: Log,
): Promise<ExportedModel> {
  const { card: headCard } = stored;
  const head = exportableHead(stored.head);
  const { cacheDir } = settings;
  const card = await loadCard(headCard.backbone.name, settings.cardsDir, settings.addedCardsDir);
  const { model: bytes, checksum } = await readCachedModel(card, cacheDir);
  const { fit } = headCard.backbone;
  if (featureChecksum(checksum, fit) !== head.backboneChecksum) throw otherBackbone(stored);
  const exported = await exportAs(settings.format, bytes, head, {
    card,
    log,
    fit,
    facts: {
      head: { version: headCard.version, learner: head.learner, created_at: headCard.createdAt },
      backbone_checksum: checksum,
      answer_probability: sureFrom(head, settings.maxErrorShare),
    },
  });
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log });
  const difference = await verifyExport(exported, backbone, head).finally(() => backbone.close());
  return { exported, card, difference };
}

/** Lowest probability at which an answer is no guess; null: every answer is a guess. */
function sureFrom({ leftOutConfidences = new Float32Array(0) }: Head, share: number) {
  const least = answerProbability(leftOutConfidences, share);
  return least <= 1 ? least : null;
}

/**
 * Compares the exported model with the daemon's own backbone and head on the same pictures.
 * @returns the largest difference of a probability
 * @throws HeadlandError HL_EXPORT_MISMATCH
 */
async function verifyExport(exported: Exported, backbone: Backbone, head: Head): Promise<number> {
  const model = await exported.open();
  try {
    let largest = 0;
    const { inputSize } = backbone;
    for (const image of [drawCheckPicture(inputSize), drawConstantPicture(inputSize, 90)]) {
      const expected = headProbabilities(head, await backbone.embed(image));
      const { probabilities } = await model.run(image);
      if (probabilities.length !== expected.length) largest = Number.POSITIVE_INFINITY;
      expected.forEach((p, c) => {
        largest = Math.max(largest, Math.abs(p - (probabilities[c] ?? Number.NaN)));
      });
    }
    if (largest <= exported.tolerance) return largest;
    throw new HeadlandError(
      'HL_EXPORT_MISMATCH',
      `the probabilities of the exported model and the daemon differ by up to ${largest}`,
      {
        remedy:
          'Run `headland models verify` and do what it says, then export again. If it says "intact", report a defect.',
        details: { largest },
      },
    );
  } finally {
    await model.close();
  }
}

function otherBackbone({ card }: StoredHead): HeadlandError {
  return new HeadlandError(
    'HL_EXPORT_BACKBONE_CHANGED',
    `head ${card.version} was trained on other weights of ${card.backbone.name} than those in the cache`,
    { remedy: 'Train again (`headland train`), then export.', details: { version: card.version } },
  );
}
