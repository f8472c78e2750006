import { isDeepStrictEqual } from 'node:util';
import { HeadlandError } from '../base/errors.js';
import { type Position, roundedPosition } from '../base/geo/position.js';
import { sha256Hex } from '../base/hash.js';
import { alikeLabel, normaliseLabel } from '../base/words/label.js';
import { DEFAULT_TASK } from '../base/words/task.js';
import type { Database } from '../storage/database.js';
import { ChangedLabels, firstChangeAfter, readLastRelabelled } from './counting/changed-labels.js';
import {
  countLabelled,
  countTraining,
  readLabelCounts,
  readLabels,
  readLabelsGiven,
  readWaitingIds,
} from './counting/label-queries.js';
import { type ClassChange, ClassChanges } from './editing/class-changes.js';
import { type Author, LabelWriter, UNMARKED } from './editing/label-writer.js';
import {
  dropUnused,
  type EmptiedTrash,
  emptyTrash,
  type RemovedMark,
  Trash,
} from './editing/trash.js';
import { type UndoItem, UndoLog } from './editing/undo-log.js';
import { type FeatureRow, FeatureTable, type MissingFeatures } from './feature-table.js';
import { Holdout, type HoldoutRule, moveToGroup } from './holdout.js';
import { makePictureRoom, type PictureLimits, restorePicture } from './limit/picture-limit.js';
import { SampleList } from './listing/sample-list.js';
import { type PresentLabel, presentLabelsStamp, readPresentLabels } from './present-labels.js';
import type { FormerState, LabelSource, NewSample, Sample, SampleChange } from './sample.js';
import {
  type LabelChange,
  readCounts,
  readLabelChanges,
  type SampleCounts,
} from './sample-counts.js';
import {
  checkNewSample,
  FOREIGN_COLUMNS,
  GROUP_TABLES_JOINED,
  IS_WAITING,
  LABEL_TABLES_JOINED,
  type RestoredFacts,
  SAMPLE_COLUMNS,
  SAMPLE_TABLES_JOINED,
  type SampleRow,
  toSample,
} from './sample-rows.js';
import { type PlacedSample, SharedSamples } from './shared-samples.js';

export interface SampleStoreOptions extends HoldoutRule, PictureLimits {
  /** Task whose labels this store reads and writes; default `main`. */
  task?: string;
  /**
   * Largest Hamming distance of difference hashes at which a picture counts as a near-duplicate of
   * a recent one from its source. 0 (default) = only identical files are duplicates.
   */
  nearDuplicateBits?: number;
  /** Unix time, milliseconds. */
  now?: () => number;
}

export interface SampleFilter {
  /** True: with a label; false: waiting for one. */
  labelled?: boolean;
  label?: string;
  holdout?: boolean;
  source?: string;
  group?: string;
  /** Unix times of capture, milliseconds; both included. */
  capturedMs?: { from: number; to: number };
  /** Default 1,000. */
  limit?: number;
  /** Last id of the previous page; only in the order of admission. */
  afterId?: string;
  /** By admission ('oldest', the default, or 'newest' first) or by capture ('earliest' or 'latest' first). */
  order?: 'oldest' | 'newest' | 'earliest' | 'latest';
}

const WAITING = { label: null, labelSource: null };

const ORDERS = {
  oldest: 't.sample_id',
  newest: 't.sample_id DESC',
  earliest: 't.captured_at_ms, t.sample_id',
  latest: 't.captured_at_ms DESC, t.sample_id DESC',
};

/** By columns of the table that SQLite begins with: an index gives the order. */
function orderOf({ order = 'oldest', group }: SampleFilter): string {
  return group === undefined ? ORDERS[order] : ORDERS[order].replace('t.sample_id', 's.id');
}

/** The tables so that SQLite begins with the fewest samples; by itself it may read all of the task. */
function tablesFor({ group, label, labelled, capturedMs }: SampleFilter): string {
  if (group !== undefined) return GROUP_TABLES_JOINED;
  const fewest = capturedMs === undefined && (label !== undefined || labelled === false);
  return fewest ? LABEL_TABLES_JOINED : SAMPLE_TABLES_JOINED;
}

/**
 * Stores samples, their labels and their features in one SQLite file, as one task sees them: labels,
 * holdout and waiting samples belong to the task, pictures, groups and features to all tasks.
 * {@link forTask} gives the view of another task. Writes of a method are durable when it returns.
 * Every method may throw HL_STORE_… (see `storeError`).
 */
export class SampleStore {
  /** Name of the task. */
  readonly task: string;
  /** Every sample of the task, whatever its state, for people who look for some. */
  readonly everything: SampleList;
  private readonly featureTable: FeatureTable;
  private readonly holdout: Holdout;
  private readonly writer: LabelWriter;
  private readonly trash: Trash;
  private readonly changes: ClassChanges;
  private readonly undoLog: UndoLog;
  private readonly changedLabels: ChangedLabels;
  private readonly now: () => number;

  constructor(
    private readonly database: Database,
    private readonly options: SampleStoreOptions,
    private readonly shared: SharedSamples = new SharedSamples(database, options),
  ) {
    this.task = options.task ?? DEFAULT_TASK;
    this.now = options.now ?? Date.now;
    this.everything = new SampleList(database, this.task);
    this.featureTable = new FeatureTable(database);
    this.holdout = new Holdout(database, this.task, options);
    this.writer = new LabelWriter(database, this.task);
    this.trash = new Trash(database, this.task, this.writer);
    this.changes = new ClassChanges(database, this.task);
    this.undoLog = new UndoLog(database, this.task);
    this.changedLabels = new ChangedLabels(database, this.task, () => shared.openings);
  }

  /**
   * The same samples as another task sees them, over the same connection.
   * @param rule of its holdout
   */
  forTask(
    task: string,
    { holdoutShare, holdoutAfterSamples }: HoldoutRule = this.options,
  ): SampleStore {
    const options = { ...this.options, task, holdoutShare, holdoutAfterSamples };
    return new SampleStore(this.database, options, this.shared);
  }

  /** Names of the tasks that have samples, sorted. */
  tasks(): string[] {
    return this.database
      .prepare<{ task: string }>('SELECT DISTINCT task FROM task_samples ORDER BY task')
      .all()
      .map(({ task }) => task);
  }

  /**
   * Stores a picture, or counts it as a duplicate (`duplicate: true`, multiplicity + 1) if the
   * store has the same bytes or a near-duplicate, for whatever task. Without a label the sample waits
   * for one of this task. The label of a duplicate is applied to the stored
   * sample; if it differs, the new one wins and the history keeps both. Without a label, a duplicate of
   * a sample that is excluded or in the trash stays there: a person has decided about it. The first
   * label of a group decides whether it is held out (see {@link Holdout}).
   * @returns `before`: what the sample was to this task
   * @throws HeadlandError HL_STORE_LIMIT, HL_DISK_LOW, HL_LABEL_INVALID, HL_SAMPLE_INVALID
   */
  admit(
    sample: NewSample,
    restored: RestoredFacts = {},
  ): { sample: Sample; duplicate: boolean; before: FormerState } {
    checkNewSample(sample);
    const label = sample.label === null ? null : normaliseLabel(sample.label);
    const pictureSha256 = sha256Hex(sample.jpeg);
    return this.database.transaction(() => {
      const known =
        this.shared.findPicture(pictureSha256) ??
        this.shared.nearDuplicates?.find(sample, this.task, label) ??
        null;
      if (known !== null) {
        this.database
          .prepare('UPDATE samples SET multiplicity = multiplicity + 1 WHERE id = ?')
          .run(known);
        const { labelSource } = sample;
        const before = this.stateOf(known);
        const adopted = this.adopt(known, { label, labelSource }, restored);
        return { sample: adopted, duplicate: true, before };
      }
      makePictureRoom(this.database, sample.jpeg.length, this.options);
      const id = this.shared.nextId();
      this.insert(id, sample, pictureSha256, restored);
      if (label !== null) {
        this.decideSide(sample.group, label, restored);
        this.writeLabel(id, label, sample.labelSource!, restored.labelledAtMs ?? this.now());
      }
      const before = {
        id,
        state: 'absent',
        mark: UNMARKED,
        removedRevision: null,
      } as const;
      return { sample: this.known(id), duplicate: false, before };
    })();
  }

  /**
   * Labels a sample for this task; it may be a sample of other tasks, excluded or in the trash.
   * Repeating the same label has no effect.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID
   */
  label(id: string, label: string, source: LabelSource): Sample {
    return this.adopt(id, { label, labelSource: source });
  }

  /**
   * Makes a stored sample, of whatever task, one of this task too. Without a label it waits for one,
   * unless it has one already, is excluded or in the trash.
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID
   */
  adopt(
    id: string,
    { label, labelSource }: Pick<NewSample, 'label' | 'labelSource'>,
    restored: RestoredFacts = {},
  ): Sample {
    const normalised = label === null ? null : normaliseLabel(label);
    return this.database.transaction(() => {
      if (this.trash.find(id) !== null) {
        if (normalised === null) return this.removed(id);
        this.takeOut(id, labelSource!);
      }
      const group = this.shared.groupOf(id);
      const isNew = group !== null && this.enrol(id, group, restored, normalised !== null);
      const known = this.known(id);
      if (normalised === null || known.label === normalised) return known;
      this.decideSide(known.group, normalised, isNew ? restored : {});
      this.writeLabel(id, normalised, labelSource!, restored.labelledAtMs ?? this.now());
      return this.known(id);
    })();
  }

  /**
   * Finds a label of other samples that looks like this one (see {@link alikeLabel}) and is
   * probably meant. Null: none, or the label itself is known.
   * @param except ids of samples to ignore because their label is about to change
   * @throws HeadlandError HL_LABEL_INVALID
   */
  alikeLabel(label: string, except?: readonly string[]): string | null {
    return alikeLabel(normaliseLabel(label), this.labels(except));
  }

  /**
   * Labels a sample, takes its label off, excludes it, removes it or brings it back. A removed sample
   * stays in the trash of this task until {@link emptyTrash}; other tasks keep it. The side of a group
   * that a label has decided stays, because a head may have learnt the group.
   * @returns what it was before: see {@link remember}
   * @throws HeadlandError HL_SAMPLE_UNKNOWN, HL_LABEL_INVALID
   */
  change(id: string, to: SampleChange, source: LabelSource): FormerState {
    return this.database.transaction(() => {
      const before = this.stateOf(id);
      if ('label' in to) {
        this.label(id, to.label, source);
        return before;
      }
      if (to.state === 'trash') {
        if (before.state !== 'trash') this.trash.put(this.known(id).id, this.author(source));
        return before;
      }
      if (to.state === 'restored') {
        if (before.state === 'trash') this.takeOut(id, source);
        else this.known(id);
        return before;
      }
      if (before.state === 'trash') this.takeOut(id, source);
      else if (before.state === 'absent') this.adopt(id, WAITING);
      const excluded = to.state === 'waiting' ? null : to.state;
      this.writer.write(id, { ...UNMARKED, excluded }, this.author(source));
      return before;
    })();
  }

  /** As {@link change} to `trash`, for several samples, all or none. */
  remove(ids: readonly string[], source: LabelSource): FormerState[] {
    return this.batch(() => ids.map((id) => this.change(id, { state: 'trash' }, source)));
  }

  /**
   * Remembers what was done to samples, for {@link undo}.
   * @param before what they were before
   * @returns names the change; null: nothing is different
   */
  remember(before: readonly FormerState[]): string | null {
    return this.batch(() => {
      const revision = this.labelRevision();
      const items = before.flatMap((former): UndoItem[] => {
        const now = this.stateOf(former.id);
        const { state } = now;
        const { label } = now.mark;
        if (state === 'absent' || isDeepStrictEqual(now, former)) return [];
        return [{ before: former, after: { state, label }, revision }];
      });
      if (items.length === 0) return null;
      const id = this.shared.nextId();
      this.undoLog.write(id, items);
      return id;
    });
  }

  /**
   * Takes back a change of samples. Those that were changed again since, or are gone for good, stay.
   * @param change from {@link remember}
   * @returns `undo`: names this change in turn; null: nothing is different
   * @throws HeadlandError HL_UNDO_UNKNOWN
   */
  undo(
    change: string,
    source: LabelSource,
  ): { changed: number; kept: number; undo: string | null } {
    return this.batch(() => {
      const items = this.undoLog.read(change);
      if (items.length === 0) throw undoUnknown();
      const before: FormerState[] = [];
      for (const item of items) {
        const { id } = item.before;
        const now = this.shared.groupOf(id) === null ? null : this.stateOf(id);
        const names = this.namesSince(item.revision);
        const nameOf = (label: string | null) =>
          label === null ? null : (names.get(label) ?? label);
        const { state, label } = item.after;
        const name = state === 'trash' ? label : nameOf(label);
        if (now === null || now.state !== state || now.mark.label !== name) continue;
        this.putBack(item.before, nameOf, source);
        before.push(now);
      }
      const kept = items.length - before.length;
      return { changed: before.length, kept, undo: this.remember(before) };
    });
  }

  /** What the sample is to this task now. @throws HeadlandError HL_SAMPLE_UNKNOWN for an unknown id */
  stateOf(id: string): FormerState {
    const sample = this.get(id);
    if (sample) {
      return { id, state: sample.state, mark: this.writer.read(id), removedRevision: null };
    }
    const removed = this.trash.find(id);
    if (removed) {
      const { removedRevision, ...mark } = removed;
      return { id, state: 'trash', mark, removedRevision };
    }
    if (this.shared.groupOf(id) === null) this.known(id);
    return { id, state: 'absent', mark: UNMARKED, removedRevision: null };
  }

  /**
   * Removes samples of the trash of all tasks for good. A sample that another task uses stays.
   * @param beforeMs only those that were removed before this Unix time; default: all
   */
  emptyTrash(beforeMs?: number): EmptiedTrash {
    return this.database.transaction(() =>
      emptyTrash(this.database, beforeMs === undefined ? {} : { beforeMs }),
    )();
  }

  /** See {@link ClassChanges.rename}. */
  renameClass(from: string, to: string, source: LabelSource): ClassChange {
    return this.batch(() => this.changes.rename(from, to, this.author(source)));
  }

  /** See {@link ClassChanges.merge}. */
  mergeClass(from: string, into: string, source: LabelSource): ClassChange {
    return this.batch(() => this.changes.merge(from, into, this.author(source)));
  }

  /** See {@link ClassChanges.ignore}. */
  ignoreClass(label: string, source: LabelSource): ClassChange {
    return this.batch(() => this.changes.ignore(label, this.author(source)));
  }

  /** See {@link ClassChanges.undo}. */
  undoClassChange(id: number, source: LabelSource): ClassChange {
    return this.batch(() => this.changes.undo(id, this.author(source)));
  }

  /** Makes a change that was undone once more. @throws as {@link undoClassChange} and the change */
  repeatClassChange(id: number, source: LabelSource): ClassChange {
    return this.batch(() => this.changes.repeat(id, this.author(source)));
  }

  /** Changes of classes of this task, newest first. */
  classChanges(limit = 100): ClassChange[] {
    return this.changes.list(limit);
  }

  /** See {@link ClassChanges.generation}. */
  classGeneration(): number {
    return this.changes.generation();
  }

  /**
   * What the classes of a label revision are called now, by their old names; those with the same name are
   * left out. Two old names may have the same new one.
   */
  namesSince(revision: number): ReadonlyMap<string, string> {
    return this.changes.namesSince(revision);
  }

  /** All labels of this task, sorted. @param except ids of samples to ignore */
  labels(except: readonly string[] = []): string[] {
    return readLabels(this.database, this.task, except);
  }

  /** Number of samples of each label of this task, with the holdout, by label. */
  labelCounts(): Map<string, number> {
    return readLabelCounts(this.database, this.task);
  }

  /** Number of labelled samples of this task, with the holdout. */
  labelledCount(): number {
    return countLabelled(this.database, this.task);
  }

  /** Number of training samples of a label of this task, without the holdout. */
  trainingCount(label: string): number {
    return countTraining(this.database, this.task, label);
  }

  /** Ids of the samples that wait for a label of this task, oldest first. */
  waitingIds(): string[] {
    return readWaitingIds(this.database, this.task);
  }

  /** Ids of stored samples, of whatever task, in the order of their admission. @param after the last one known */
  idsAfter(after: string, limit: number): string[] {
    return this.database
      .prepare<{ id: string }>('SELECT id FROM samples WHERE id > ? ORDER BY id LIMIT ?')
      .all(after, limit)
      .map(({ id }) => id);
  }

  /** Whether the sample has a label, for whatever task. */
  isLabelledAnywhere(id: string): boolean {
    return this.shared.isLabelled(id);
  }

  /** See {@link Holdout.unite}. */
  uniteGroups(groups: readonly string[]): boolean {
    return this.database.transaction(() => this.holdout.unite(groups))();
  }

  /** Moves a sample to another group, for all tasks; see {@link moveToGroup}. */
  regroup(id: string, group: string, kept: boolean): void {
    this.database.transaction(() => moveToGroup(this.database, id, group, kept))();
  }

  /**
   * The sample as this task sees it; null when it is no sample of this task, or in its trash. An excluded
   * sample is one of its samples.
   */
  get(id: string): Sample | null {
    return this.findOne('s.id = ?', id);
  }

  /** As {@link get}, also of a sample in the trash of this task. */
  find(id: string): Sample | null {
    return this.get(id) ?? (this.trash.find(id) === null ? null : this.removed(id));
  }

  /** As {@link get}. @throws HeadlandError HL_SAMPLE_UNKNOWN */
  known(id: string): Sample {
    const sample = this.get(id);
    if (sample) return sample;
    throw new HeadlandError('HL_SAMPLE_UNKNOWN', `no sample has the id ${JSON.stringify(id)}`, {
      remedy:
        'Take the id of a waiting sample from `headland label`, or that of any sample from the answer (sample_id) that named it.',
      details: { id },
    });
  }

  /** The sample with exactly these picture bytes. @param sha256 of the picture, hex */
  findPicture(sha256: string): Sample | null {
    return this.findOne('s.picture_sha256 = ?', sha256);
  }

  /**
   * The sample with exactly these picture bytes, of whatever task. One that is none of this task's has
   * neither a label nor a side here; one in its trash has the state `trash`.
   * @param sha256 of the picture, hex
   */
  findStored(sha256: string): Sample | null {
    const own = this.findPicture(sha256);
    if (own !== null) return own;
    const id = this.shared.findPicture(sha256);
    if (id === null) return null;
    if (this.trash.find(id) !== null) return this.removed(id);
    const row = this.database
      .prepare<SampleRow>(`SELECT ${FOREIGN_COLUMNS} FROM samples s WHERE s.id = ?`)
      .get(id);
    return row ? toSample(row) : null;
  }

  /** The picture's bytes as captured; null for an unknown id and for a picture that was thinned out. */
  picture(id: string): Uint8Array | null {
    return (
      this.database
        .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM pictures WHERE sample_id = ?')
        .get(id)?.bytes ?? null
    );
  }

  /** One page of samples of this task; never reads pictures. */
  list(filter: SampleFilter = {}): Sample[] {
    const newest = filter.order === 'newest';
    const conditions: [sql: string, value: string | number | undefined][] = [
      ['t.task = ?', this.task],
      ['t.label = ?', filter.label],
      ['g.holdout = ?', filter.holdout === undefined ? undefined : Number(filter.holdout)],
      ['t.source = ?', filter.source],
      ['s.group_name = ?', filter.group],
      ['t.captured_at_ms >= ?', filter.capturedMs?.from],
      ['t.captured_at_ms <= ?', filter.capturedMs?.to],
      [newest ? 't.sample_id < ?' : 't.sample_id > ?', filter.afterId],
    ];
    const given = conditions.filter(([, value]) => value !== undefined);
    const where = given.map(([sql]) => sql);
    if (filter.labelled !== undefined) {
      where.push(filter.labelled ? 't.label IS NOT NULL' : IS_WAITING);
    }
    // Labelled samples are never excluded; said so, the index by label gives the order.
    if (filter.label !== undefined) where.push('t.excluded IS NULL');
    const sql = `SELECT ${SAMPLE_COLUMNS} FROM ${tablesFor(filter)}
      WHERE ${where.join(' AND ')} ORDER BY ${orderOf(filter)} LIMIT ?`;
    const values = given.map(([, value]) => value as string | number);
    const rows = this.database.prepare<SampleRow>(sql).all(...values, filter.limit ?? 1_000);
    return rows.map(toSample);
  }

  /**
   * Removes all waiting samples of this task but the newest `keep`. A sample stays in the store as
   * long as another task uses it.
   * @returns the number of samples that no longer wait
   */
  removeOldestWaiting(keep: number): number {
    const { database, task } = this;
    return database.transaction(() => {
      const oldest = database
        .prepare<{ id: string }>(
          `SELECT t.sample_id AS id FROM task_samples t WHERE t.task = ? AND ${IS_WAITING}
           ORDER BY t.sample_id DESC LIMIT -1 OFFSET ?`,
        )
        .all(task, keep);
      const leave = database.prepare('DELETE FROM task_samples WHERE task = ? AND sample_id = ?');
      for (const { id } of oldest) {
        leave.run(task, id);
        dropUnused(database, id);
      }
      return oldest.length;
    })();
  }

  /**
   * Puts the picture of a thinned sample back, if it is the same and fits without removing others.
   * @returns whether it was put back
   */
  restorePicture(id: string, jpeg: Uint8Array): boolean {
    if (this.shared.findPicture(sha256Hex(jpeg)) !== id) return false;
    return this.database.transaction(() => restorePicture(this.database, id, jpeg, this.options))();
  }

  /** See {@link SharedSamples.near}. */
  near(position: Position, radiusMeters: number): PlacedSample[] {
    return this.shared.near(position, radiusMeters);
  }

  counts(): SampleCounts {
    return readCounts(this.database, this.task);
  }

  /** Increases with each label of this task that is given, changed or taken off; never decreases. */
  labelRevision(): number {
    return this.database
      .prepare<{ revision: number }>(
        'SELECT coalesce(max(revision), 0) AS revision FROM label_history WHERE task = ?',
      )
      .get(this.task)!.revision;
  }

  /** Changes of labels of this task after `revision`, oldest first, at most `limit` (default 1,000). */
  labelsSince(revision: number, limit = 1_000): LabelChange[] {
    return readLabelChanges(this.database, this.task, 'revision > ?', revision, limit);
  }

  /** See {@link readPresentLabels}. */
  presentLabels(): PresentLabel[] {
    return readPresentLabels(this.database, this.task);
  }

  /** See {@link presentLabelsStamp}. */
  presentLabelsStamp(): string {
    return presentLabelsStamp(this.database, this.task);
  }

  /**
   * Number of samples of this task whose label is not the one of `revision`: what was undone since does
   * not count, nor does a new name of a class.
   */
  labelCountSince(revision: number): number {
    return this.changedLabels.countSince(revision);
  }

  /** See {@link readLastRelabelled}. */
  lastRelabelled(revision: number, most: number): string[] {
    return readLastRelabelled(this.database, this.task, revision, most);
  }

  /** The label of this task that a sample had at a revision, if it got another one since; else null. */
  labelBefore(id: string, revision: number): string | null {
    return firstChangeAfter(this.database, this.task, id, revision)?.label ?? null;
  }

  /** See {@link readLabelsGiven}; of at most 1,000 changes. */
  labelsGivenSince(revision: number): Map<string, number> {
    return readLabelsGiven(this.database, this.task, revision, 1_000);
  }

  /** All labels of this task that a sample has had, oldest first; also for removed samples. */
  labelHistory(id: string): LabelChange[] {
    return readLabelChanges(this.database, this.task, 'sample_id = ?', id, 10_000);
  }

  /** See {@link FeatureTable.put}. @throws HeadlandError HL_FEATURES_INVALID */
  putFeatures(rows: readonly FeatureRow[]): void {
    this.featureTable.put(rows);
  }

  /** See {@link FeatureTable.get}: for each id `views + 1` vectors, null where missing. */
  features(
    sampleIds: readonly string[],
    backboneChecksum: string,
    recipe: string,
    views: number,
  ): Map<string, (Float32Array | null)[]> {
    return this.featureTable.get(sampleIds, backboneChecksum, recipe, views);
  }

  /** See {@link FeatureTable.newestBackbone}. */
  newestBackbone(sampleId: string): string | null {
    return this.featureTable.newestBackbone(sampleId);
  }

  /** See {@link FeatureTable.missing}. */
  missingFeatures(backboneChecksum: string, recipe: string, views: number): MissingFeatures[] {
    return this.featureTable.missing(this.task, backboneChecksum, recipe, views);
  }

  /** See {@link FeatureTable.drop}. @returns rows removed */
  dropFeatures(keep: { exceptBackbone: string; exceptRecipe?: string }): number {
    return this.featureTable.drop(keep);
  }

  /** Call after restoring groups from an export; see {@link Holdout.settle}. */
  settleHoldout(): void {
    this.holdout.settle();
  }

  /** Commits all writes of `work` together: one flush of the disk instead of many. */
  batch<Result>(work: () => Result): Result {
    return this.database.transaction(work)();
  }

  private findOne(condition: 's.id = ?' | 's.picture_sha256 = ?', value: string): Sample | null {
    const row = this.database
      .prepare<SampleRow>(
        `SELECT ${SAMPLE_COLUMNS} FROM ${SAMPLE_TABLES_JOINED} WHERE t.task = ? AND ${condition}`,
      )
      .get(this.task, value);
    return row ? toSample(row) : null;
  }

  private insert(id: string, n: NewSample, pictureSha256: string, restored: RestoredFacts): void {
    const position = n.position ? roundedPosition(n.position) : null;
    this.database
      .prepare(
        `INSERT INTO samples (id, group_name, source, captured_at_ms, origin, dhash,
           picture_sha256, picture_bytes, multiplicity, latitude, longitude, accuracy_meters,
           altitude_meters, speed_meters_per_second, course_degrees)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        n.group,
        n.source,
        n.capturedAtMs,
        n.origin ?? null,
        n.dhash,
        pictureSha256,
        n.jpeg.length,
        restored.multiplicity ?? 1,
        position?.latitude ?? null,
        position?.longitude ?? null,
        position?.accuracyMeters ?? null,
        position?.altitudeMeters ?? null,
        position?.speedMetersPerSecond ?? null,
        position?.courseDegrees ?? null,
      );
    this.database.prepare('INSERT INTO pictures (sample_id, bytes) VALUES (?, ?)').run(id, n.jpeg);
    this.enrol(id, n.group, restored, n.label !== null);
  }

  /**
   * Makes a stored sample one of this task, which waits for a label.
   * @returns false when it is one already
   */
  private enrol(id: string, group: string, restored: RestoredFacts, labelled: boolean): boolean {
    const { changes } = this.database
      .prepare(
        `INSERT INTO task_samples (task, sample_id, source, captured_at_ms, excluded)
         SELECT ?, id, source, captured_at_ms, ? FROM samples WHERE id = ? ON CONFLICT DO NOTHING`,
      )
      .run(this.task, labelled ? null : (restored.excluded ?? null), id);
    if (changes === 0) return false;
    // An unlabelled sample does not decide the side of its group, unless that was held out.
    const { holdout } = restored;
    const known = holdout !== undefined && (holdout || labelled);
    this.holdout.register(group, known ? holdout : null, restored.kept);
    return true;
  }

  private decideSide(group: string, label: string, { holdout, kept }: RestoredFacts): void {
    // While an export is being restored, the class may not have all its samples yet.
    if (!holdout && !kept) this.holdout.label(group, label);
  }

  private writeLabel(id: string, label: string, labelSource: LabelSource, atMs: number): void {
    const mark = { label, labelSource, labelledAtMs: atMs, excluded: null };
    this.writer.write(id, mark, { source: labelSource, atMs });
  }

  /** A sample that was none of the task's goes to the trash. */
  private putBack(
    { id, state, mark, removedRevision }: FormerState,
    nameOf: (label: string | null) => string | null,
    source: LabelSource,
  ): void {
    const by = this.author(source);
    if (this.trash.find(id) !== null) this.takeOut(id, source);
    if (state === 'absent') {
      this.trash.put(id, by);
    } else if (removedRevision !== null) {
      this.trash.put(id, by, { ...mark, removedRevision });
    } else {
      const label = nameOf(mark.label);
      if (label !== null) this.holdout.labelIfOpen(this.known(id).group, label);
      this.writer.write(id, { ...mark, label }, by);
    }
  }

  private takeOut(id: string, source: LabelSource): void {
    this.trash.takeOut(id, (mark) => this.nameOf(mark), this.author(source));
    const group = this.shared.groupOf(id)!;
    // It may have been moved in the meantime.
    this.holdout.register(group, null);
    const { label } = this.known(id);
    if (label !== null) this.holdout.labelIfOpen(group, label);
  }

  /** What the class of a removed sample is called now. */
  private nameOf({ label, removedRevision }: RemovedMark): string | null {
    return label === null ? null : (this.namesSince(removedRevision).get(label) ?? label);
  }

  /** A sample in the trash of this task. */
  private removed(id: string): Sample {
    const row = this.database
      .prepare<SampleRow>(`SELECT ${FOREIGN_COLUMNS} FROM samples s WHERE s.id = ?`)
      .get(id)!;
    return { ...toSample(row), state: 'trash' };
  }

  private author(source: LabelSource): Author {
    return { source, atMs: this.now() };
  }
}

function undoUnknown(): HeadlandError {
  return new HeadlandError('HL_UNDO_UNKNOWN', 'this change can no longer be undone', {
    remedy: 'Change the samples by hand: choose them among the pictures.',
  });
}
