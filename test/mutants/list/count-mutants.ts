import type { Mutant } from '../mutant.js';

const TABLES = 'src/samples/counting/count-tables.ts';
const CHANGED = 'src/samples/counting/changed-labels.ts';
const COUNT_TESTS = [{ file: 'test/samples/counts.test.ts' }];
const QUERY_TESTS = [{ file: 'test/samples/label-queries.test.ts' }];
const STORE = 'src/samples/store.ts';

/** What a label costs does not grow with the samples, and the counts that make it so are right. */
export const COUNT_MUTANTS: readonly Mutant[] = [
  {
    promise: 'a group that changes its side takes its samples along in the counts',
    file: TABLES,
    text: 'WHEN NEW.holdout <> OLD.holdout BEGIN',
    replacement: 'WHEN NEW.holdout > OLD.holdout BEGIN',
    tests: COUNT_TESTS,
  },
  {
    promise: 'a sample that moves to another group is counted there',
    file: TABLES,
    text: 'CREATE TRIGGER samples_regroup AFTER UPDATE OF group_name ON samples',
    replacement: 'CREATE TRIGGER samples_regroup AFTER UPDATE OF source ON samples',
    tests: COUNT_TESTS,
  },
  {
    promise: 'a picture that is put back is no longer counted as thinned out',
    file: TABLES,
    text: '(NEW.picture_bytes = 0) - (OLD.picture_bytes = 0) FROM',
    replacement: '1 FROM',
    tests: COUNT_TESTS,
  },
  {
    promise: 'a sample that goes with all its rows leaves the counts',
    file: TABLES,
    text: 'CREATE TRIGGER samples_leave BEFORE DELETE',
    replacement: 'CREATE TRIGGER samples_leave AFTER DELETE',
    tests: COUNT_TESTS,
  },
  {
    promise: 'a store from before the counts is counted when it is opened',
    file: TABLES,
    text: 'SELECT task, 0, 0, count(*), 0 FROM trash GROUP BY task;',
    replacement: 'SELECT task, 0, 0, 0, 0 FROM trash GROUP BY task;',
    tests: COUNT_TESTS,
  },
  {
    promise: 'what a transaction counts and rolls back is forgotten',
    file: CHANGED,
    text: 'if (this.database.inTransaction) return this.#recount(revision).labels;',
    replacement: '',
    tests: COUNT_TESTS,
  },
  {
    promise:
      'a label that was taken back is no new label, also when changes are followed one by one',
    file: CHANGED,
    text: 'return Number(first.label !== newLabel) - Number(before);',
    replacement: 'return 1 - Number(before);',
    tests: COUNT_TESTS,
  },
  {
    promise: 'new labels are counted anew in another file',
    file: CHANGED,
    text: ' || known.opening !== this.opening()',
    replacement: '',
    tests: COUNT_TESTS,
  },
  {
    promise: 'samples of one label are found without reading all of the task',
    file: STORE,
    text: 'return fewest ? LABEL_TABLES_JOINED : SAMPLE_TABLES_JOINED;',
    replacement: 'return SAMPLE_TABLES_JOINED;',
    tests: QUERY_TESTS,
  },
  {
    promise: 'samples of a pass are found in the order of their capture',
    file: STORE,
    text: "earliest: 't.captured_at_ms, t.sample_id'",
    replacement: "earliest: 's.captured_at_ms, t.sample_id'",
    tests: QUERY_TESTS,
  },
  {
    promise: 'the instant learner reads of the history no more than it needs, the newest first',
    file: CHANGED,
    text: 'AND renamed = 0\n     ORDER BY revision DESC LIMIT ?`',
    replacement: 'AND renamed = 0\n     ORDER BY revision LIMIT ?`',
    tests: QUERY_TESTS,
  },
  {
    promise: 'the order of questions measures a candidate again before it is chosen',
    file: 'src/head/acquisition/query-order.ts',
    text: 'if (measured[best] === order.length) {',
    replacement: 'if (measured[best]! >= 0) {',
    tests: [{ file: 'test/head/acquisition/query-order.test.ts' }],
  },
  {
    promise: 'a heap moves its first item back when it has changed',
    file: 'src/base/values/heap.ts',
    text: 'if (!this.isBefore(items[child]!, item)) break;',
    replacement: 'break;',
    tests: [{ file: 'test/base/values/heap.test.ts' }],
  },
  {
    promise: 'the status is not computed while a label is given, and once for many changes',
    file: 'src/console/server/stream.ts',
    text: "Math.max(pauseMs, event.type === 'status' ? STATUS_DELAY_MS : 0)",
    replacement: 'pauseMs',
    tests: [{ file: 'test/console/stream.test.ts' }],
  },
];
