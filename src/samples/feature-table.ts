import { HeadlandError } from '../base/errors.js';
import type { Database } from '../storage/database.js';
import { decodeFloat16, encodeFloat16, FLOAT16_MAX } from './float16.js';

/** The embedding of one view of one sample. */
export interface FeatureRow {
  sampleId: string;
  /** SHA-256 of the backbone: features of different backbones never mix. */
  backboneChecksum: string;
  /** '' for view 0; for the others the name of the augmentation that made them. */
  recipe: string;
  /** 0 = the picture as captured, 1.. = augmented views. */
  view: number;
  /** d finite numbers within ±65,504; kept as float16. */
  features: Float32Array;
}

/** A labelled sample and the views of it whose features are not there yet, ascending. */
export interface MissingFeatures {
  sampleId: string;
  views: number[];
}

const ORIGINAL_RECIPE = '';

/** The cache of embeddings: everything in it can be computed again from the pictures. */
export class FeatureTable {
  constructor(private readonly database: Database) {}

  /**
   * Stores or replaces rows, all in one durable transaction. Rows of samples that were removed in
   * the meantime are left out.
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
   * The features of each sample for views 0..views: an array of `views + 1`, null where missing.
   * @param recipe of the views 1 and above
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

  /**
   * What has to be embedded before training: of every labelled sample view 0, of those outside the
   * holdout also views 1..views. The holdout is judged on pictures as captured.
   */
  missing(backboneChecksum: string, recipe: string, views: number): MissingFeatures[] {
    const rows = this.database
      .prepare<{ sampleId: string; holdout: number; present: string | null }>(
        `SELECT s.id AS sampleId, g.holdout AS holdout, (
           SELECT group_concat(f.view) FROM features f
           WHERE f.sample_id = s.id AND f.backbone_checksum = ?
           AND ((f.view = 0 AND f.recipe = '') OR (f.view >= 1 AND f.recipe = ?))
         ) AS present
         FROM samples s JOIN sample_groups g ON g.name = s.group_name
         WHERE s.label IS NOT NULL ORDER BY s.id`,
      )
      .all(backboneChecksum, recipe);
    return rows.flatMap(({ sampleId, holdout, present }) => {
      const there = new Set((present ?? '').split(',').filter(Boolean).map(Number));
      const wanted = Array.from({ length: holdout ? 1 : views + 1 }, (_, view) => view);
      const missing = wanted.filter((view) => !there.has(view));
      return missing.length > 0 ? [{ sampleId, views: missing }] : [];
    });
  }

  /**
   * Forgets features that no training will ask for again: of other backbones, and, when
   * `exceptRecipe` is given, augmented views of other recipes.
   * @returns rows removed
   */
  drop(keep: { exceptBackbone: string; exceptRecipe?: string }): number {
    const recipe = keep.exceptRecipe ?? null;
    return this.database.transaction(
      () =>
        this.database
          .prepare(
            `DELETE FROM features WHERE backbone_checksum <> ?
             OR (view > 0 AND ? IS NOT NULL AND recipe <> ?)`,
          )
          .run(keep.exceptBackbone, recipe, recipe).changes,
    )();
  }
}

function checkRow({ sampleId, recipe, view, features }: FeatureRow): void {
  const fault =
    !Number.isSafeInteger(view) || view < 0
      ? `view ${view} is not a whole number from 0`
      : (view === 0) !== (recipe === ORIGINAL_RECIPE)
        ? `view ${view} does not go with recipe "${recipe}"`
        : features.length === 0
          ? 'there are none'
          : features.some((value) => !(Math.abs(value) <= FLOAT16_MAX))
            ? `a value is not finite or beyond ±${FLOAT16_MAX}`
            : null;
  if (fault === null) return;
  throw new HeadlandError('HL_FEATURES_INVALID', `features of sample ${sampleId}: ${fault}`, {
    remedy: 'Run `headland models verify`: the backbone gave features that cannot be used.',
    details: { sampleId, recipe, view, length: features.length },
  });
}
