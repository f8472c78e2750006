import { HeadlandError } from '../base/errors.js';
import type { Database } from '../storage/database.js';
import { decodeFloat16, encodeFloat16, FLOAT16_MAX } from './float16.js';
import { SAMPLE_TABLES_JOINED } from './sample-rows.js';

/** The embedding of one view of one sample. */
export interface FeatureRow {
  sampleId: string;
  /** SHA-256 of the backbone: features of different backbones are never mixed. */
  backboneChecksum: string;
  /** '' for view 0; for other views the name of the augmentation recipe. */
  recipe: string;
  /** 0 = the picture as captured, 1.. = augmented views. */
  view: number;
  /** d finite numbers within ±65,504; stored as float16. */
  features: Float32Array;
}

/** A labelled sample and its views without cached features, ascending. */
export interface MissingFeatures {
  sampleId: string;
  views: number[];
}

const ORIGINAL_RECIPE = '';

/** The cache of embeddings. It can be recomputed from the pictures that are stored. */
export class FeatureTable {
  constructor(private readonly database: Database) {}

  /**
   * Stores or replaces rows in one durable transaction. Rows of samples that have been removed
   * meanwhile are skipped.
   * @throws HeadlandError HL_FEATURES_INVALID, HL_STORE_…
   */
  put(rows: readonly FeatureRow[]): void {
    for (const row of rows) checkRow(row);
    const insert = this.database.prepare(
      `INSERT OR REPLACE INTO features (sample_id, backbone_checksum, recipe, view, vector)
       SELECT id, ?, ?, ?, ? FROM samples WHERE id = ?`,
    );
    this.database.transaction(() => {
      for (const row of rows) {
        const vector = encodeFloat16(row.features);
        insert.run(row.backboneChecksum, row.recipe, row.view, vector, row.sampleId);
      }
    })();
  }

  /**
   * The features of each sample: an array of `views + 1` vectors, null where missing.
   * @param recipe of views 1 and above
   */
  get(
    sampleIds: readonly string[],
    backboneChecksum: string,
    recipe: string,
    views: number,
  ): Map<string, (Float32Array | null)[]> {
    const read = this.database.prepare<{ view: number; vector: Uint8Array }>(
      `SELECT view, vector FROM features WHERE sample_id = ? AND backbone_checksum = ?
       AND ((view = 0 AND recipe = '') OR (view BETWEEN 1 AND ? AND recipe = ?))`,
    );
    const found = new Map<string, (Float32Array | null)[]>();
    for (const sampleId of sampleIds) {
      const ofSample = new Array<Float32Array | null>(views + 1).fill(null);
      for (const { view, vector } of read.all(sampleId, backboneChecksum, views, recipe)) {
        ofSample[view] = decodeFloat16(vector);
      }
      found.set(sampleId, ofSample);
    }
    return found;
  }

  /** SHA-256 of the backbone that a sample was embedded with last; null: it was never embedded. */
  newestBackbone(sampleId: string): string | null {
    return (
      this.database
        .prepare<{ checksum: string }>(
          `SELECT backbone_checksum AS checksum FROM features
           WHERE sample_id = ? AND view = 0 ORDER BY rowid DESC LIMIT 1`,
        )
        .get(sampleId)?.checksum ?? null
    );
  }

  /**
   * Lists the features to compute before a training of `task`: view 0 of every labelled sample, and views
   * 1..views of those outside the holdout. The holdout is evaluated on pictures as captured.
   */
  missing(
    task: string,
    backboneChecksum: string,
    recipe: string,
    views: number,
  ): MissingFeatures[] {
    const rows = this.database
      .prepare<{ sampleId: string; holdout: number; present: string | null }>(
        `SELECT s.id AS sampleId, g.holdout AS holdout, (
           SELECT group_concat(f.view) FROM features f
           WHERE f.sample_id = s.id AND f.backbone_checksum = ?
           AND ((f.view = 0 AND f.recipe = '') OR (f.view >= 1 AND f.recipe = ?))
         ) AS present
         FROM ${SAMPLE_TABLES_JOINED}
         WHERE t.task = ? AND t.label IS NOT NULL ORDER BY s.id`,
      )
      .all(backboneChecksum, recipe, task);
    return rows.flatMap(({ sampleId, holdout, present }) => {
      const there = new Set((present ?? '').split(',').filter(Boolean).map(Number));
      const wanted = Array.from({ length: holdout ? 1 : views + 1 }, (_, view) => view);
      const missing = wanted.filter((view) => !there.has(view));
      return missing.length > 0 ? [{ sampleId, views: missing }] : [];
    });
  }

  /**
   * Deletes features that no training will need again: those of other backbones and, if
   * `exceptRecipe` is given, augmented views of other recipes. Features of samples whose picture was
   * thinned out are kept: nothing can compute them again.
   * @returns rows removed
   */
  drop(keep: { exceptBackbone: string; exceptRecipe?: string }): number {
    const recipe = keep.exceptRecipe ?? null;
    return this.database.transaction(
      () =>
        this.database
          .prepare(
            `DELETE FROM features WHERE (backbone_checksum <> ?
             OR (view > 0 AND ? IS NOT NULL AND recipe <> ?))
             AND sample_id NOT IN (SELECT id FROM samples WHERE picture_bytes = 0)`,
          )
          .run(keep.exceptBackbone, recipe, recipe).changes,
    )();
  }
}

function checkRow({ sampleId, recipe, view, features }: FeatureRow): void {
  const fault =
    !Number.isSafeInteger(view) || view < 0
      ? `view ${view} is not an integer >= 0`
      : (view === 0) !== (recipe === ORIGINAL_RECIPE)
        ? `view ${view} does not match recipe "${recipe}"`
        : features.length === 0
          ? 'the vector is empty'
          : features.some((value) => !(Math.abs(value) <= FLOAT16_MAX))
            ? `a value is not finite or exceeds ±${FLOAT16_MAX}`
            : null;
  if (fault === null) return;
  throw new HeadlandError('HL_FEATURES_INVALID', `features of sample ${sampleId}: ${fault}`, {
    remedy: 'Run `headland models verify`: the backbone gave features that cannot be used.',
    details: { sampleId, recipe, view, length: features.length },
  });
}
