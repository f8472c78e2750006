import type { Mutant } from '../mutant.js';

const UNDO_TESTS = [{ file: 'test/samples/editing/undo.test.ts' }];
const TRASH_TESTS = [{ file: 'test/samples/editing/trash.test.ts' }];
const CLASS_TESTS = [{ file: 'test/samples/editing/class-changes.test.ts' }];
const LIST_TESTS = [{ file: 'test/samples/listing/sample-list.test.ts' }];
const NAME_TESTS = [{ file: 'test/head/renamed-head.test.ts' }];
const PAGE_TESTS = [{ file: 'test/agent/console/pictures.test.ts' }];

/** What people change among the stored pictures. */
export const PICTURES_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a label that was taken off is an entry of the history, so that it is unlearned',
    file: 'src/samples/editing/label-writer.ts',
    text: 'if (old.label === label) return;',
    replacement: 'if (old.label === label || label === null) return;',
    tests: TRASH_TESTS,
  },
  {
    promise: 'an undone label gets back who gave it and when',
    file: 'src/samples/store.ts',
    text: 'this.writer.write(id, { ...mark, label }, by);',
    replacement:
      'this.writer.write(id, { ...mark, label, labelledAtMs: mark.labelledAtMs && by.atMs }, by);',
    tests: UNDO_TESTS,
  },
  {
    promise: 'undo keeps what was changed again since',
    file: 'src/samples/store.ts',
    text: 'now.mark.label !== name) continue;',
    replacement: 'now.mark.label === null) continue;',
    tests: UNDO_TESTS,
  },
  {
    promise: 'a picture in the trash that is captured again stays there',
    file: 'src/samples/store.ts',
    text: 'if (normalised === null) return this.removed(id);',
    replacement: '',
    tests: TRASH_TESTS,
  },
  {
    promise: 'a removed sample is no near-duplicate of a new one',
    file: 'src/samples/near-duplicates.ts',
    text: 'AND EXISTS (SELECT 1 FROM task_samples WHERE sample_id = s.id)',
    replacement: '',
    tests: TRASH_TESTS,
  },
  {
    promise: 'an excluded sample does not wait for a label',
    file: 'src/samples/sample-rows.ts',
    text: "export const IS_WAITING = 't.label IS NULL AND t.excluded IS NULL';",
    replacement: "export const IS_WAITING = 't.label IS NULL';",
    tests: TRASH_TESTS,
  },
  {
    promise: 'the trash of one task takes no sample from another',
    file: 'src/samples/editing/trash.ts',
    text: 'AND NOT EXISTS (SELECT 1 FROM task_samples WHERE sample_id = samples.id)',
    replacement: '',
    tests: TRASH_TESTS,
  },
  {
    promise: 'no more leaves the trash than makes room',
    file: 'src/samples/editing/trash.ts',
    text: 'if (emptied.bytes >= bytes) return emptied;',
    replacement: '',
    tests: TRASH_TESTS,
  },
  {
    promise: 'a clock that is wrong for a moment empties no trash',
    file: 'src/agent/pictures/trash-care.ts',
    text: 'Math.min(dueMs, this.#dueBeforeMs)',
    replacement: 'dueMs',
    tests: TRASH_TESTS,
  },
  {
    promise: 'a class with another name teaches nothing',
    file: 'src/samples/editing/class-changes.ts',
    text: 'const revisions = this.remember(from, to, true, by);',
    replacement: 'const revisions = this.remember(from, to, false, by);',
    tests: CLASS_TESTS,
  },
  {
    promise: 'a head that was trained after a new name is not renamed',
    file: 'src/samples/editing/name-changes.ts',
    text: 'revision >= beforeRevision',
    replacement: 'revision > beforeRevision + 1_000',
    tests: CLASS_TESTS,
  },
  {
    promise: 'a change is undone only while no later one of its class is in force',
    file: 'src/samples/editing/class-changes.ts',
    text: 'if (later) throw',
    replacement: 'if (later && later.id < 0) throw',
    tests: CLASS_TESTS,
  },
  {
    promise: 'a removed sample follows the new name of its class',
    file: 'src/samples/store.ts',
    text: 'this.namesSince(removedRevision).get(label) ?? label',
    replacement: 'label',
    tests: CLASS_TESTS,
  },
  {
    promise: 'the probabilities of merged classes are added',
    file: 'src/head/serving/renamed-head.ts',
    text: 'sums[at] = sums[at]! + values[i]!;',
    replacement: 'sums[at] = Math.max(sums[at]!, values[i]!);',
    tests: NAME_TESTS,
  },
  {
    promise: 'counts of the page follow changes of other processes',
    file: 'src/samples/listing/sample-list.ts',
    text: '`${version?.data_version} ${changes}`',
    replacement: '`${changes}`',
    tests: LIST_TESTS,
  },
  {
    promise: 'the serving head speaks the new name at once',
    file: 'src/agent/learning/head-service.ts',
    text: 'else if (this.names() !== this.#names) await this.#rename();',
    replacement: '',
    tests: PAGE_TESTS,
  },
  {
    promise: 'an archive unpacks no more than it may',
    file: 'src/samples/archive/unpack-archive.ts',
    text: 'if (bytes > bounds.maxBytes) {',
    replacement: 'if (bytes > 1e12) {',
    tests: PAGE_TESTS,
  },
  {
    promise: 'an import leaves no folder behind',
    file: 'src/agent/pictures/picture-import.ts',
    text: 'if (dir !== null) await rm(',
    replacement: "if (dir === 'none') await rm(",
    tests: PAGE_TESTS,
  },
];
