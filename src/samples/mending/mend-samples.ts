import { sha256Hex } from '../../base/hash.js';
import type { Database } from '../../storage/database.js';
import type { TableSalvage } from '../../storage/salvage/rebuild.js';
import type { StoredSchema } from '../../storage/salvage/schema-rows.js';
import type { SqlValue } from '../../storage/values.js';
import { COUNT_ALL } from '../counting/count-tables.js';

/** Tables that triggers fill. */
export const DERIVED_TABLES: ReadonlySet<string> = new Set([
  'task_counts',
  'class_counts',
  'class_groups',
  'store_totals',
]);

/** Whether a picture is the one that was stored: damage within it shows in no other way. */
export function isWholePicture(
  database: Database,
  { sample_id: id, bytes }: Record<string, SqlValue>,
): boolean {
  if (typeof id !== 'string' || !(bytes instanceof Uint8Array)) return false;
  const sample = database
    .prepare<{ sha256: string }>('SELECT picture_sha256 AS sha256 FROM samples WHERE id = ?')
    .get(id);
  return sample === undefined || sample.sha256 === sha256Hex(bytes);
}

/**
 * Mends the tables of samples after rows of some were lost: what indexes, the label history and pictures
 * still tell is put back, rows of samples that are gone leave, and samples without their picture count as
 * thinned. A sample with neither a picture nor a label is of no use and leaves, too.
 * @param files that the rows came from, the damaged one first
 */
export function mendSamples(
  database: Database,
  files: readonly StoredSchema[],
  tables: readonly TableSalvage[],
): void {
  const isDamaged = (name: string): boolean =>
    tables.some(({ table, damagedPages, damagedRows }) => {
      return table === name && damagedPages + damagedRows > 0;
    });
  if (!tables.some(({ table }) => table === 'task_samples')) return;
  const [file] = files;
  if (file && isDamaged('samples')) putBackSamples(database, file);
  if (file && isDamaged('task_samples')) putBackLabels(database, file);
  for (const table of ['pictures', 'features', 'task_samples', 'trash', 'sample_changes']) {
    database.exec(`DELETE FROM ${table} WHERE sample_id NOT IN (SELECT id FROM samples)`);
  }
  database.exec(`
    UPDATE samples SET picture_bytes = 0
      WHERE picture_bytes > 0 AND id NOT IN (SELECT sample_id FROM pictures);
    DELETE FROM samples WHERE picture_bytes = 0
      AND id NOT IN (SELECT sample_id FROM task_samples WHERE label IS NOT NULL)
      AND id NOT IN (SELECT sample_id FROM trash WHERE label IS NOT NULL);
    DELETE FROM task_samples WHERE sample_id NOT IN (SELECT id FROM samples);
    DELETE FROM trash WHERE sample_id NOT IN (SELECT id FROM samples);
    DELETE FROM features WHERE sample_id NOT IN (SELECT id FROM samples);
    DELETE FROM sample_changes WHERE sample_id NOT IN (SELECT id FROM samples);
  `);
}

/** Fills {@link DERIVED_TABLES}. */
export function recountSamples(database: Database): void {
  const tables = database
    .prepare<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => name);
  if (tables.includes('store_totals')) {
    database.exec(`INSERT OR REPLACE INTO store_totals (id, picture_bytes)
      VALUES (1, coalesce((SELECT sum(picture_bytes) FROM samples), 0))`);
  }
  // Those of an older headland are counted when its tables are migrated.
  if (tables.includes('class_groups')) database.exec(COUNT_ALL);
}

/** A labelled sample whose own row is gone: its indexes name its group and its picture. */
function putBackSamples(database: Database, file: StoredSchema): void {
  database.exec(`
    CREATE TEMP TABLE lost_groups (id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
    CREATE TEMP TABLE lost_digests (id TEXT PRIMARY KEY, sha256 TEXT) WITHOUT ROWID;
  `);
  const group = database.prepare('INSERT OR IGNORE INTO temp.lost_groups VALUES (?, ?)');
  for (const [name, id] of file.rows('samples_by_group')) {
    if (isText(name) && isText(id)) group.run(id, name);
  }
  const digest = database.prepare('INSERT OR IGNORE INTO temp.lost_digests VALUES (?, ?)');
  for (const [sha256, id] of file.rows('sqlite_autoindex_samples_2')) {
    if (isText(sha256) && isText(id)) digest.run(id, sha256);
  }
  // A hash that is like no other stands for the lost one.
  database.exec(`
    INSERT OR IGNORE INTO samples (id, group_name, source, captured_at_ms, dhash, picture_sha256,
      picture_bytes)
    SELECT t.sample_id, coalesce(g.name, 'recovered'), t.source, t.captured_at_ms,
      substr(lower(hex(randomblob(8))), 1, 16), coalesce(d.sha256, 'lost ' || t.sample_id),
      coalesce(length(p.bytes), 0)
    FROM task_samples t LEFT JOIN temp.lost_groups g ON g.id = t.sample_id
      LEFT JOIN temp.lost_digests d ON d.id = t.sample_id
      LEFT JOIN pictures p ON p.sample_id = t.sample_id
    WHERE t.sample_id NOT IN (SELECT id FROM samples);
    DROP TABLE temp.lost_groups;
    DROP TABLE temp.lost_digests;
  `);
}

/** A sample whose label is gone: the index names it, and the history who gave it. */
function putBackLabels(database: Database, file: StoredSchema): void {
  const put = database.prepare(
    `INSERT OR IGNORE INTO task_samples
       (task, sample_id, label, label_source, labelled_at_ms, excluded, source, captured_at_ms)
     SELECT ?1, s.id, ?2, iif(?2 IS NULL, NULL, coalesce(h.source, 'import')),
       iif(?2 IS NULL, NULL, coalesce(h.at_ms, s.captured_at_ms)), ?3, s.source, s.captured_at_ms
     FROM samples s LEFT JOIN label_history h ON h.revision = (
       SELECT max(revision) FROM label_history
       WHERE sample_id = s.id AND task = ?1 AND new_label = ?2)
     WHERE s.id = ?4`,
  );
  for (const [task, label, excluded, id] of file.rows('task_samples_by_label')) {
    if (!isText(task) || !isText(id) || label === undefined || excluded === undefined) continue;
    if (label !== null && !isText(label)) continue;
    put.run(task, label, excluded, id);
  }
}

function isText(value: SqlValue | undefined): value is string {
  return typeof value === 'string';
}
