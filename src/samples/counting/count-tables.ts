/**
 * Counts the samples, into empty tables of counts. Never edit it: it is a part of {@link COUNT_TABLES}.
 */
export const COUNT_ALL = `
  INSERT INTO class_groups (task, label, group_name, samples)
    SELECT t.task, t.label, s.group_name, count(*) FROM task_samples t
    JOIN samples s ON s.id = t.sample_id WHERE t.label IS NOT NULL
    GROUP BY t.task, t.label, s.group_name;
  INSERT INTO count_task (task, waiting, excluded, trash, thinned)
    SELECT t.task, sum(t.label IS NULL AND t.excluded IS NULL),
      sum(t.label IS NULL AND t.excluded IS NOT NULL), 0,
      sum(t.label IS NOT NULL AND s.picture_bytes = 0)
    FROM task_samples t JOIN samples s ON s.id = t.sample_id GROUP BY t.task;
  INSERT INTO count_task (task, waiting, excluded, trash, thinned)
    SELECT task, 0, 0, count(*), 0 FROM trash GROUP BY task;
`;

/**
 * Step of `SAMPLE_TABLES`: counts that triggers keep, whoever writes. Counting the samples at each label would
 * cost more the more there are. Views are the procedures that the triggers share. Never edit it; append a step.
 */
export const COUNT_TABLES = `
  CREATE TABLE task_counts (
    task TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    trash INTEGER NOT NULL,
    thinned INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE VIEW count_task (task, waiting, excluded, trash, thinned) AS
    SELECT task, waiting, excluded, trash, thinned FROM task_counts;
  CREATE TRIGGER count_task_add INSTEAD OF INSERT ON count_task BEGIN
    INSERT INTO task_counts (task, waiting, excluded, trash, thinned)
      VALUES (NEW.task, NEW.waiting, NEW.excluded, NEW.trash, NEW.thinned)
      ON CONFLICT (task) DO UPDATE SET waiting = waiting + excluded.waiting,
        excluded = task_counts.excluded + excluded.excluded, trash = trash + excluded.trash,
        thinned = thinned + excluded.thinned;
  END;

  -- Labelled samples of a class, by the side of their groups.
  CREATE TABLE class_counts (
    task TEXT NOT NULL,
    label TEXT NOT NULL,
    training INTEGER NOT NULL,
    holdout INTEGER NOT NULL,
    training_groups INTEGER NOT NULL,
    holdout_groups INTEGER NOT NULL,
    PRIMARY KEY (task, label)
  ) STRICT, WITHOUT ROWID;
  CREATE VIEW count_class (task, label, holdout, samples, groups_of_it) AS
    SELECT task, label, 0, training, training_groups FROM class_counts;
  CREATE TRIGGER count_class_add INSTEAD OF INSERT ON count_class BEGIN
    INSERT INTO class_counts (task, label, training, holdout, training_groups, holdout_groups)
      VALUES (NEW.task, NEW.label, NEW.samples * (1 - NEW.holdout), NEW.samples * NEW.holdout,
        NEW.groups_of_it * (1 - NEW.holdout), NEW.groups_of_it * NEW.holdout)
      ON CONFLICT (task, label) DO UPDATE SET training = training + excluded.training,
        holdout = holdout + excluded.holdout,
        training_groups = training_groups + excluded.training_groups,
        holdout_groups = holdout_groups + excluded.holdout_groups;
    DELETE FROM class_counts WHERE task = NEW.task AND label = NEW.label
      AND training_groups + holdout_groups = 0;
  END;

  -- Labelled samples of a class in one group.
  CREATE TABLE class_groups (
    task TEXT NOT NULL,
    label TEXT NOT NULL,
    group_name TEXT NOT NULL,
    samples INTEGER NOT NULL,
    PRIMARY KEY (task, group_name, label)
  ) STRICT, WITHOUT ROWID;
  CREATE VIEW count_class_group (task, label, group_name, samples) AS
    SELECT task, label, group_name, samples FROM class_groups;
  CREATE TRIGGER count_class_group_add INSTEAD OF INSERT ON count_class_group BEGIN
    INSERT INTO class_groups (task, label, group_name, samples)
      VALUES (NEW.task, NEW.label, NEW.group_name, NEW.samples)
      ON CONFLICT (task, group_name, label) DO UPDATE SET samples = samples + excluded.samples;
  END;
  CREATE TRIGGER class_groups_add AFTER INSERT ON class_groups BEGIN
    INSERT INTO count_class (task, label, holdout, samples, groups_of_it)
      VALUES (NEW.task, NEW.label, coalesce((SELECT holdout FROM task_groups
        WHERE task = NEW.task AND name = NEW.group_name), 0), NEW.samples, 1);
  END;
  CREATE TRIGGER class_groups_change AFTER UPDATE OF samples ON class_groups BEGIN
    INSERT INTO count_class (task, label, holdout, samples, groups_of_it)
      VALUES (NEW.task, NEW.label, coalesce((SELECT holdout FROM task_groups
        WHERE task = NEW.task AND name = NEW.group_name), 0), NEW.samples - OLD.samples, 0);
    DELETE FROM class_groups WHERE task = NEW.task AND group_name = NEW.group_name
      AND label = NEW.label AND samples = 0;
  END;
  CREATE TRIGGER class_groups_drop AFTER DELETE ON class_groups BEGIN
    INSERT INTO count_class (task, label, holdout, samples, groups_of_it)
      VALUES (OLD.task, OLD.label, coalesce((SELECT holdout FROM task_groups
        WHERE task = OLD.task AND name = OLD.group_name), 0), -OLD.samples, -1);
  END;

  -- A group without a row is for training.
  CREATE VIEW count_side (task, group_name, old_holdout, new_holdout) AS
    SELECT task, name, holdout, holdout FROM task_groups;
  CREATE TRIGGER count_side_change INSTEAD OF INSERT ON count_side BEGIN
    INSERT INTO count_class (task, label, holdout, samples, groups_of_it)
      SELECT task, label, NEW.old_holdout, -samples, -1 FROM class_groups
      WHERE task = NEW.task AND group_name = NEW.group_name;
    INSERT INTO count_class (task, label, holdout, samples, groups_of_it)
      SELECT task, label, NEW.new_holdout, samples, 1 FROM class_groups
      WHERE task = NEW.task AND group_name = NEW.group_name;
  END;
  CREATE TRIGGER task_groups_add AFTER INSERT ON task_groups WHEN NEW.holdout = 1 BEGIN
    INSERT INTO count_side VALUES (NEW.task, NEW.name, 0, 1);
  END;
  CREATE TRIGGER task_groups_change AFTER UPDATE OF holdout ON task_groups
    WHEN NEW.holdout <> OLD.holdout BEGIN
    INSERT INTO count_side VALUES (NEW.task, NEW.name, OLD.holdout, NEW.holdout);
  END;
  CREATE TRIGGER task_groups_drop AFTER DELETE ON task_groups WHEN OLD.holdout = 1 BEGIN
    INSERT INTO count_side VALUES (OLD.task, OLD.name, 1, 0);
  END;

  -- One sample of a task more (1) or less (-1).
  CREATE VIEW count_sample (task, sample_id, label, excluded, samples) AS
    SELECT task, sample_id, label, excluded, 1 FROM task_samples;
  CREATE TRIGGER count_sample_add INSTEAD OF INSERT ON count_sample BEGIN
    INSERT INTO count_task (task, waiting, excluded, trash, thinned)
      VALUES (NEW.task, NEW.samples * (NEW.label IS NULL AND NEW.excluded IS NULL),
        NEW.samples * (NEW.label IS NULL AND NEW.excluded IS NOT NULL), 0,
        NEW.samples * (NEW.label IS NOT NULL AND EXISTS (
          SELECT 1 FROM samples WHERE id = NEW.sample_id AND picture_bytes = 0)));
    INSERT INTO count_class_group (task, label, group_name, samples)
      SELECT NEW.task, NEW.label, group_name, NEW.samples FROM samples
      WHERE id = NEW.sample_id AND NEW.label IS NOT NULL;
  END;
  CREATE TRIGGER task_samples_add AFTER INSERT ON task_samples BEGIN
    INSERT INTO count_sample VALUES (NEW.task, NEW.sample_id, NEW.label, NEW.excluded, 1);
  END;
  CREATE TRIGGER task_samples_change AFTER UPDATE OF label, excluded ON task_samples
    WHEN NEW.label IS NOT OLD.label OR NEW.excluded IS NOT OLD.excluded BEGIN
    INSERT INTO count_sample VALUES (OLD.task, OLD.sample_id, OLD.label, OLD.excluded, -1);
    INSERT INTO count_sample VALUES (NEW.task, NEW.sample_id, NEW.label, NEW.excluded, 1);
  END;
  CREATE TRIGGER task_samples_drop AFTER DELETE ON task_samples BEGIN
    INSERT INTO count_sample VALUES (OLD.task, OLD.sample_id, OLD.label, OLD.excluded, -1);
  END;
  CREATE TRIGGER trash_add AFTER INSERT ON trash BEGIN
    INSERT INTO count_task VALUES (NEW.task, 0, 0, 1, 0);
  END;
  CREATE TRIGGER trash_drop AFTER DELETE ON trash BEGIN
    INSERT INTO count_task VALUES (OLD.task, 0, 0, -1, 0);
  END;

  CREATE TRIGGER samples_regroup AFTER UPDATE OF group_name ON samples
    WHEN NEW.group_name <> OLD.group_name BEGIN
    INSERT INTO count_class_group (task, label, group_name, samples)
      SELECT task, label, OLD.group_name, -1 FROM task_samples
      WHERE sample_id = NEW.id AND label IS NOT NULL;
    INSERT INTO count_class_group (task, label, group_name, samples)
      SELECT task, label, NEW.group_name, 1 FROM task_samples
      WHERE sample_id = NEW.id AND label IS NOT NULL;
  END;
  CREATE TRIGGER samples_thin AFTER UPDATE OF picture_bytes ON samples
    WHEN (NEW.picture_bytes = 0) <> (OLD.picture_bytes = 0) BEGIN
    INSERT INTO count_task (task, waiting, excluded, trash, thinned)
      SELECT task, 0, 0, 0, (NEW.picture_bytes = 0) - (OLD.picture_bytes = 0) FROM task_samples
      WHERE sample_id = NEW.id AND label IS NOT NULL;
  END;
  -- Before the foreign keys do it: the rows of the tasks are counted by what the sample was.
  CREATE TRIGGER samples_leave BEFORE DELETE ON samples BEGIN
    DELETE FROM task_samples WHERE sample_id = OLD.id;
    DELETE FROM trash WHERE sample_id = OLD.id;
  END;
${COUNT_ALL}`;
