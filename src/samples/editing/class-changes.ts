import { HeadlandError } from '../../base/errors.js';
import { alikeLabel, normaliseLabel } from '../../base/words/label.js';
import type { Database } from '../../storage/database.js';
import type { LabelSource } from '../sample.js';
import type { Author } from './label-writer.js';
import { type NameChange, namesNow } from './name-changes.js';

/** What was done to a whole class. */
export interface ClassChange {
  /** To undo it. */
  id: number;
  kind: 'rename' | 'merge' | 'ignore';
  from: string;
  /** Null: the class is ignored. */
  to: string | null;
  /** Samples that it has changed. */
  samples: number;
  source: LabelSource;
  /** Unix time, milliseconds. */
  atMs: number;
  undone: boolean;
}

interface Row extends Omit<ClassChange, 'samples' | 'undone'> {
  firstRevision: number;
  lastRevision: number;
  undoneRevision: number | null;
}

const COLUMNS = `id, kind, from_label AS "from", to_label AS "to", first_revision AS firstRevision,
  last_revision AS lastRevision, source, at_ms AS atMs, undone_revision AS undoneRevision`;

/** Changes whole classes of one task. Run every method that writes in a transaction. */
export class ClassChanges {
  constructor(
    private readonly database: Database,
    private readonly task: string,
  ) {}

  /**
   * Gives a class another name. Nothing is taught: who labelled its samples and when stays.
   * @throws HeadlandError HL_CLASS_UNKNOWN, HL_CLASS_EXISTS, HL_LABEL_INVALID, HL_LABEL_ALIKE
   */
  rename(from: string, to: string, by: Author): ClassChange {
    const name = normaliseLabel(to);
    const others = this.known(from).filter((label) => label !== from);
    if (name === from || others.includes(name)) {
      throw new HeadlandError('HL_CLASS_EXISTS', `there is a class "${name}" already`, {
        remedy:
          name === from
            ? 'Give another name.'
            : `Choose another name, or merge "${from}" into "${name}".`,
        details: { from, to: name },
      });
    }
    const alike = alikeLabel(name, others);
    if (alike !== null) {
      throw new HeadlandError('HL_LABEL_ALIKE', `label "${name}" looks like the class "${alike}"`, {
        remedy: `Did you mean "${alike}"? Merge "${from}" into it, or give a name that differs in more than case, width, spaces or look-alike letters.`,
        details: { label: name, alike },
      });
    }
    return this.move('rename', from, name, by);
  }

  /**
   * Makes the samples of a class those of another one. Nothing is taught, as with {@link rename}.
   * @throws HeadlandError HL_CLASS_UNKNOWN, HL_CLASS_EXISTS
   */
  merge(from: string, into: string, by: Author): ClassChange {
    this.known(from);
    this.known(into);
    if (from === into) {
      throw new HeadlandError('HL_CLASS_EXISTS', `"${from}" cannot be merged into itself`, {
        remedy: 'Name two classes.',
        details: { from, to: into },
      });
    }
    return this.move('merge', from, into, by);
  }

  /**
   * Takes the samples of a class out of training, evaluation and the queue; they stay stored.
   * @throws HeadlandError HL_CLASS_UNKNOWN
   */
  ignore(label: string, by: Author): ClassChange {
    this.known(label);
    const { database, task } = this;
    const revisions = this.remember(label, null, false, by);
    database
      .prepare(
        `UPDATE task_samples SET label = NULL, label_source = NULL, labelled_at_ms = NULL,
           excluded = 'ignored' WHERE task = ? AND label = ?`,
      )
      .run(task, label);
    return this.added('ignore', label, null, revisions, by);
  }

  /**
   * Undoes a change. Of a merged or ignored class, the samples that got another label or state since
   * then keep it; a renamed class gets its name back with all that it has by now.
   * @throws HeadlandError HL_CLASS_CHANGE_UNKNOWN, HL_CLASS_UNDO_LATE
   */
  undo(id: number, by: Author): ClassChange {
    const row = this.row(id);
    this.refuseLateUndo(row);
    const undoneRevision = this.revision() + 1;
    const samples = row.kind === 'rename' ? this.nameBack(row, by) : this.putBack(row, by);
    this.database
      .prepare('UPDATE class_changes SET undone_revision = ? WHERE id = ?')
      .run(undoneRevision, id);
    return { ...toChange(row), samples, undone: true };
  }

  /**
   * Makes a change that was undone once more, as a new one.
   * @throws HeadlandError HL_CLASS_CHANGE_UNKNOWN and those of the change
   */
  repeat(id: number, by: Author): ClassChange {
    const { kind, from, to } = this.row(id);
    if (to === null) return this.ignore(from, by);
    return kind === 'rename' ? this.rename(from, to, by) : this.merge(from, to, by);
  }

  /** Newest first. @param limit of changes */
  list(limit: number): ClassChange[] {
    return this.database
      .prepare<Row>(`SELECT ${COLUMNS} FROM class_changes WHERE task = ? ORDER BY id DESC LIMIT ?`)
      .all(this.task, limit)
      .map(toChange);
  }

  /** Increases with each change and with each undoing of one; never decreases. */
  generation(): number {
    return this.database
      .prepare<{ generation: number }>(
        `SELECT count(*) + count(undone_revision) AS generation FROM class_changes WHERE task = ?`,
      )
      .get(this.task)!.generation;
  }

  /** See {@link namesNow}. */
  namesSince(revision: number): Map<string, string> {
    const rows = this.database
      .prepare<Row>(
        `SELECT ${COLUMNS} FROM class_changes
         WHERE task = ? AND to_label IS NOT NULL ORDER BY id`,
      )
      .all(this.task);
    return namesNow(rows.flatMap(nameChange), revision);
  }

  private move(kind: 'rename' | 'merge', from: string, to: string, by: Author): ClassChange {
    const revisions = this.remember(from, to, true, by);
    this.database
      .prepare('UPDATE task_samples SET label = ? WHERE task = ? AND label = ?')
      .run(to, this.task, from);
    return this.added(kind, from, to, revisions, by);
  }

  /** Adds a line to the history for each sample of a class. */
  private remember(
    from: string,
    to: string | null,
    renamed: boolean,
    by: Author,
  ): { firstRevision: number; lastRevision: number } {
    const { changes, lastInsertRowid } = this.database
      .prepare(
        `INSERT INTO label_history (task, sample_id, old_label, old_source, old_at_ms, new_label,
           source, at_ms, renamed)
         SELECT task, sample_id, label, label_source, labelled_at_ms, ?, ?, ?, ?
         FROM task_samples WHERE task = ? AND label = ? ORDER BY sample_id`,
      )
      .run(to, by.source, by.atMs, Number(renamed), this.task, from);
    return { firstRevision: lastInsertRowid - changes + 1, lastRevision: lastInsertRowid };
  }

  private added(
    kind: ClassChange['kind'],
    from: string,
    to: string | null,
    { firstRevision, lastRevision }: { firstRevision: number; lastRevision: number },
    { source, atMs }: Author,
  ): ClassChange {
    const { lastInsertRowid: id } = this.database
      .prepare(
        `INSERT INTO class_changes
           (task, kind, from_label, to_label, first_revision, last_revision, source, at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(this.task, kind, from, to, firstRevision, lastRevision, source, atMs);
    const samples = lastRevision - firstRevision + 1;
    return { id, kind, from, to, samples, source, atMs, undone: false };
  }

  private nameBack({ from, to }: Row, by: Author): number {
    if (this.labels().includes(from)) throw late(`there is a new class "${from}"`);
    if (to === null || !this.labels().includes(to)) return 0;
    const { firstRevision, lastRevision } = this.remember(to, from, true, by);
    this.database
      .prepare('UPDATE task_samples SET label = ? WHERE task = ? AND label = ?')
      .run(from, this.task, to);
    return lastRevision - firstRevision + 1;
  }

  private putBack({ kind, to, firstRevision, lastRevision }: Row, by: Author): number {
    const { database, task } = this;
    const still = kind === 'merge' ? 't.label = ?4' : "t.excluded = 'ignored' AND ?4 IS NULL";
    const parameters = [task, firstRevision, lastRevision, to];
    const changed = `label_history h JOIN task_samples t
      ON t.task = h.task AND t.sample_id = h.sample_id
      WHERE h.task = ?1 AND h.revision BETWEEN ?2 AND ?3 AND ${still}`;
    const rows = database
      .prepare<{ id: string; label: string; source: string; atMs: number }>(
        `SELECT h.sample_id AS id, h.old_label AS label, h.old_source AS source,
           h.old_at_ms AS atMs FROM ${changed} ORDER BY h.revision`,
      )
      .all(...parameters);
    database
      .prepare(
        `INSERT INTO label_history
           (task, sample_id, old_label, old_source, old_at_ms, new_label, source, at_ms)
         SELECT t.task, t.sample_id, t.label, t.label_source, t.labelled_at_ms, h.old_label, ?5, ?6
         FROM ${changed} ORDER BY h.revision`,
      )
      .run(...parameters, by.source, by.atMs);
    const write = database.prepare(
      `UPDATE task_samples SET label = ?, label_source = ?, labelled_at_ms = ?, excluded = NULL
       WHERE task = ? AND sample_id = ?`,
    );
    for (const { id, label, source, atMs } of rows) write.run(label, source, atMs, task, id);
    return rows.length;
  }

  /** @throws HeadlandError HL_CLASS_CHANGE_UNKNOWN */
  private row(id: number): Row {
    const row = this.database
      .prepare<Row>(`SELECT ${COLUMNS} FROM class_changes WHERE task = ? AND id = ?`)
      .get(this.task, id);
    if (row) return row;
    throw new HeadlandError('HL_CLASS_CHANGE_UNKNOWN', `there is no change ${id} of a class`, {
      remedy: 'Take the number from the answer to the change, or from `headland classes list`.',
      details: { id },
    });
  }

  /** @throws HeadlandError HL_CLASS_UNDO_LATE */
  private refuseLateUndo({ id, from, to, undoneRevision }: Row): void {
    if (undoneRevision !== null) throw late('it is undone already');
    const later = this.database
      .prepare<Row>(
        `SELECT ${COLUMNS} FROM class_changes WHERE task = ?1 AND id > ?2
         AND undone_revision IS NULL AND (from_label IN (?3, ?4) OR to_label IN (?3, ?4))
         ORDER BY id DESC LIMIT 1`,
      )
      .get(this.task, id, from, to ?? from);
    if (later) throw late(`change ${later.id} of the same class came after it`);
  }

  /** All labels. @throws HeadlandError HL_CLASS_UNKNOWN when `label` is none of them */
  private known(label: string): string[] {
    const labels = this.labels();
    if (labels.includes(label)) return labels;
    throw new HeadlandError('HL_CLASS_UNKNOWN', `no sample has the label "${label}"`, {
      remedy:
        labels.length > 0 ? `Name one of: ${labels.join(', ')}.` : 'Label samples of it first.',
      details: { label, labels },
    });
  }

  private labels(): string[] {
    return this.database
      .prepare<{ label: string }>(
        `SELECT DISTINCT label FROM task_samples
         WHERE task = ? AND label IS NOT NULL ORDER BY label`,
      )
      .all(this.task)
      .map(({ label }) => label);
  }

  private revision(): number {
    return this.database
      .prepare<{ revision: number }>(
        'SELECT coalesce(max(revision), 0) AS revision FROM label_history',
      )
      .get()!.revision;
  }
}

function toChange(row: Row): ClassChange {
  const { firstRevision, lastRevision, undoneRevision, ...change } = row;
  return {
    ...change,
    samples: lastRevision - firstRevision + 1,
    undone: undoneRevision !== null,
  };
}

/**
 * An undone change concerns only what was learnt while it was in force. What was learnt of a merged class
 * cannot be told apart again.
 */
function nameChange({ kind, from, to, firstRevision, undoneRevision }: Row): NameChange[] {
  if (to === null) return [];
  if (undoneRevision === null) {
    return [{ from, to, beforeRevision: firstRevision, sinceRevision: 0 }];
  }
  if (kind === 'merge') return [];
  return [{ from: to, to: from, beforeRevision: undoneRevision, sinceRevision: firstRevision }];
}

function late(why: string): HeadlandError {
  return new HeadlandError('HL_CLASS_UNDO_LATE', `the change cannot be undone: ${why}`, {
    remedy: 'Undo later changes of the class first, or rename, merge and relabel by hand.',
  });
}
