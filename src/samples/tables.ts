import { COUNT_TABLES } from './counting/count-tables.js';

/**
 * The tables of the sample store, as steps of `migrate(database, 'samples', SAMPLE_TABLES)`.
 * Never edit a released step; append a new one.
 */
export const SAMPLE_TABLES: readonly string[] = [
  `
  CREATE TABLE sample_groups (
    name TEXT PRIMARY KEY,
    exam INTEGER NOT NULL CHECK (exam IN (0, 1))
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE samples (
    id TEXT PRIMARY KEY,
    label TEXT,
    label_source TEXT,
    labelled_at_ms INTEGER,
    group_name TEXT NOT NULL REFERENCES sample_groups (name),
    source TEXT NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    origin TEXT,
    dhash TEXT NOT NULL,
    picture_sha256 TEXT NOT NULL UNIQUE,
    picture_bytes INTEGER NOT NULL,
    multiplicity INTEGER NOT NULL DEFAULT 1,
    CHECK ((label IS NULL) = (label_source IS NULL)),
    CHECK ((label IS NULL) = (labelled_at_ms IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX samples_by_label ON samples (label, id);
  CREATE INDEX samples_by_group ON samples (group_name);
  CREATE INDEX samples_by_source ON samples (source, id);

  -- Apart, so that a list of samples never reads pictures.
  CREATE TABLE pictures (
    sample_id TEXT PRIMARY KEY REFERENCES samples (id) ON DELETE CASCADE,
    bytes BLOB NOT NULL
  ) STRICT;

  CREATE TABLE features (
    sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    backbone_checksum TEXT NOT NULL,
    recipe TEXT NOT NULL,
    view INTEGER NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (sample_id, backbone_checksum, recipe, view)
  ) STRICT;

  -- Outlives its samples: what was taught, by whom and when.
  CREATE TABLE label_history (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    sample_id TEXT NOT NULL,
    old_label TEXT,
    new_label TEXT NOT NULL,
    source TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX label_history_by_sample ON label_history (sample_id);
  CREATE TRIGGER label_history_stays BEFORE UPDATE ON label_history
    BEGIN SELECT RAISE(ABORT, 'label_history is append-only'); END;
  CREATE TRIGGER label_history_is_kept BEFORE DELETE ON label_history
    BEGIN SELECT RAISE(ABORT, 'label_history is append-only'); END;

  -- Kept by triggers: summing the pictures at each admission would read the whole table.
  CREATE TABLE store_totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    picture_bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO store_totals (id, picture_bytes) VALUES (1, 0);
  CREATE TRIGGER samples_add AFTER INSERT ON samples
    BEGIN UPDATE store_totals SET picture_bytes = picture_bytes + NEW.picture_bytes; END;
  CREATE TRIGGER samples_drop AFTER DELETE ON samples
    BEGIN UPDATE store_totals SET picture_bytes = picture_bytes - OLD.picture_bytes; END;
  `,
  // The first label of a group decides its side, no longer its name alone. Held-out groups stay
  // held out, except those of classes with too few training samples: 60 is the default of
  // `samples.holdoutAfterSamples`.
  `
  ALTER TABLE sample_groups ADD COLUMN open INTEGER NOT NULL DEFAULT 0 CHECK (open IN (0, 1));
  UPDATE sample_groups SET exam = 0, open = 1 WHERE exam = 1 AND NOT EXISTS (
    SELECT 1 FROM samples s WHERE s.group_name = sample_groups.name AND s.label IS NOT NULL
  );
  UPDATE sample_groups SET exam = 0 WHERE exam = 1 AND EXISTS (
    SELECT 1 FROM samples s WHERE s.group_name = sample_groups.name AND s.label IN (
      SELECT l.label FROM samples l JOIN sample_groups g ON g.name = l.group_name
      WHERE l.label IS NOT NULL GROUP BY l.label HAVING sum(1 - g.exam) < 60
    )
  );
  `,
  // "Holdout" is the established term.
  'ALTER TABLE sample_groups RENAME COLUMN exam TO holdout;',
  // Held out at the user's request: the test part of a data set that is already split.
  'ALTER TABLE sample_groups ADD COLUMN kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1));',
  // Labels, sides of groups and waiting samples belong to a task. What was before belongs to `main`.
  `
  CREATE TABLE samples_next (
    id TEXT PRIMARY KEY,
    group_name TEXT NOT NULL,
    source TEXT NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    origin TEXT,
    dhash TEXT NOT NULL,
    picture_sha256 TEXT NOT NULL UNIQUE,
    picture_bytes INTEGER NOT NULL,
    multiplicity INTEGER NOT NULL DEFAULT 1
  ) STRICT, WITHOUT ROWID;

  -- A sample without a label waits for one; a sample without a row is none of the task's business.
  CREATE TABLE task_samples (
    task TEXT NOT NULL,
    sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    label TEXT,
    label_source TEXT,
    labelled_at_ms INTEGER,
    PRIMARY KEY (task, sample_id),
    CHECK ((label IS NULL) = (label_source IS NULL)),
    CHECK ((label IS NULL) = (labelled_at_ms IS NULL))
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE task_groups (
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    holdout INTEGER NOT NULL CHECK (holdout IN (0, 1)),
    open INTEGER NOT NULL CHECK (open IN (0, 1)),
    kept INTEGER NOT NULL CHECK (kept IN (0, 1)),
    PRIMARY KEY (task, name)
  ) STRICT, WITHOUT ROWID;

  INSERT INTO samples_next SELECT id, group_name, source, captured_at_ms, origin, dhash,
    picture_sha256, picture_bytes, multiplicity FROM samples;
  INSERT INTO task_samples SELECT 'main', id, label, label_source, labelled_at_ms FROM samples;
  INSERT INTO task_groups SELECT 'main', name, holdout, open, kept FROM sample_groups;
  DROP TABLE samples;
  DROP TABLE sample_groups;
  ALTER TABLE samples_next RENAME TO samples;

  CREATE INDEX samples_by_group ON samples (group_name);
  CREATE INDEX samples_by_source ON samples (source, id);
  CREATE INDEX task_samples_by_label ON task_samples (task, label, sample_id);
  CREATE INDEX task_samples_by_sample ON task_samples (sample_id);
  CREATE TRIGGER samples_add AFTER INSERT ON samples
    BEGIN UPDATE store_totals SET picture_bytes = picture_bytes + NEW.picture_bytes; END;
  CREATE TRIGGER samples_drop AFTER DELETE ON samples
    BEGIN UPDATE store_totals SET picture_bytes = picture_bytes - OLD.picture_bytes; END;

  ALTER TABLE label_history ADD COLUMN task TEXT NOT NULL DEFAULT 'main';
  CREATE INDEX label_history_by_task ON label_history (task, revision);
  `,
  // Where a sample was captured; older samples have no position.
  `
  ALTER TABLE samples ADD COLUMN latitude REAL;
  ALTER TABLE samples ADD COLUMN longitude REAL
    CHECK ((latitude IS NULL) = (longitude IS NULL));
  ALTER TABLE samples ADD COLUMN accuracy_meters REAL;
  ALTER TABLE samples ADD COLUMN altitude_meters REAL;
  ALTER TABLE samples ADD COLUMN speed_meters_per_second REAL;
  ALTER TABLE samples ADD COLUMN course_degrees REAL;
  CREATE INDEX samples_by_latitude ON samples (latitude) WHERE latitude IS NOT NULL;
  `,
  // Labels can be taken back, samples kept without a question, and removed with a way back. Source and
  // time of capture, which never change, stand beside the label: filters and counts need one table.
  `
  CREATE TABLE task_samples_next (
    task TEXT NOT NULL,
    sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    label TEXT,
    label_source TEXT,
    labelled_at_ms INTEGER,
    excluded TEXT CHECK (excluded IN ('cannot_tell', 'bad_image', 'ignored')),
    source TEXT NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    PRIMARY KEY (task, sample_id),
    CHECK ((label IS NULL) = (label_source IS NULL)),
    CHECK ((label IS NULL) = (labelled_at_ms IS NULL)),
    CHECK (label IS NULL OR excluded IS NULL)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO task_samples_next
    SELECT t.task, t.sample_id, t.label, t.label_source, t.labelled_at_ms, NULL, s.source,
      s.captured_at_ms FROM task_samples t JOIN samples s ON s.id = t.sample_id;
  DROP TABLE task_samples;
  ALTER TABLE task_samples_next RENAME TO task_samples;
  CREATE INDEX task_samples_by_label ON task_samples (task, label, excluded, sample_id);
  CREATE INDEX task_samples_by_source ON task_samples (task, source, sample_id);
  CREATE INDEX task_samples_by_time ON task_samples (task, captured_at_ms);
  CREATE INDEX task_samples_by_sample ON task_samples (sample_id);

  -- Removed samples of a task, for a while. Nothing but a list of them and their restoration reads it.
  CREATE TABLE trash (
    task TEXT NOT NULL,
    sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    label TEXT,
    label_source TEXT,
    labelled_at_ms INTEGER,
    excluded TEXT,
    source TEXT NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    removed_at_ms INTEGER NOT NULL,
    removed_revision INTEGER NOT NULL,
    PRIMARY KEY (task, sample_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX trash_by_sample ON trash (sample_id);
  CREATE INDEX trash_by_time ON trash (removed_at_ms);

  -- new_label NULL: the label was taken off. renamed: the class has another name, and nothing was taught.
  CREATE TABLE label_history_next (
    revision INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    old_label TEXT,
    old_source TEXT,
    old_at_ms INTEGER,
    new_label TEXT,
    source TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    renamed INTEGER NOT NULL DEFAULT 0 CHECK (renamed IN (0, 1))
  ) STRICT;
  INSERT INTO label_history_next
    SELECT revision, task, sample_id, old_label,
      CASE WHEN old_label IS NOT NULL THEN lag(source) OVER earlier END,
      CASE WHEN old_label IS NOT NULL THEN lag(at_ms) OVER earlier END,
      new_label, source, at_ms, 0 FROM label_history
    WINDOW earlier AS (PARTITION BY task, sample_id ORDER BY revision) ORDER BY revision;
  DROP TABLE label_history;
  ALTER TABLE label_history_next RENAME TO label_history;
  CREATE INDEX label_history_by_sample ON label_history (sample_id);
  CREATE INDEX label_history_by_task ON label_history (task, revision);
  CREATE TRIGGER label_history_stays BEFORE UPDATE ON label_history
    BEGIN SELECT RAISE(ABORT, 'label_history is append-only'); END;
  CREATE TRIGGER label_history_is_kept BEFORE DELETE ON label_history
    BEGIN SELECT RAISE(ABORT, 'label_history is append-only'); END;

  -- What was done to whole classes. Its rows in label_history have the revisions from first to last.
  CREATE TABLE class_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('rename', 'merge', 'ignore')),
    from_label TEXT NOT NULL,
    to_label TEXT,
    first_revision INTEGER NOT NULL,
    last_revision INTEGER NOT NULL,
    source TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    undone_revision INTEGER,
    CHECK ((kind = 'ignore') = (to_label IS NULL))
  ) STRICT;
  CREATE INDEX class_changes_by_task ON class_changes (task, id);

  DROP INDEX samples_by_latitude;
  CREATE INDEX samples_by_place ON samples (latitude, longitude) WHERE latitude IS NOT NULL;

  -- What was done to samples on the page, for a way back.
  CREATE TABLE sample_changes (
    task TEXT NOT NULL,
    change_id TEXT NOT NULL,
    sample_id TEXT NOT NULL REFERENCES samples (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    old_state TEXT NOT NULL,
    old_label TEXT,
    old_source TEXT,
    old_at_ms INTEGER,
    old_excluded TEXT,
    removed_revision INTEGER,
    new_state TEXT NOT NULL,
    new_label TEXT,
    PRIMARY KEY (task, change_id, sample_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sample_changes_by_sample ON sample_changes (sample_id);
  `,
  COUNT_TABLES,
];
