import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EXCLUSIONS, type SampleChange } from '../../../src/samples/sample.js';
import type { SampleStore } from '../../../src/samples/store.js';
import type { Database } from '../../../src/storage/database.js';
import { hasCode } from '../../errors.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { newSample, openStore, temporaryStore } from '../support.js';

/** Everything that a person can see of a store: the rows without what only the history grows by. */
function stateOf(database: Database): unknown {
  const all = (sql: string) => database.prepare(sql).all();
  return {
    samples: all(`SELECT task, sample_id, label, label_source, labelled_at_ms, excluded
      FROM task_samples ORDER BY task, sample_id`),
    trash: all('SELECT task, sample_id, label, label_source, excluded FROM trash ORDER BY 1, 2'),
    groups: all('SELECT task, name, holdout, open, kept FROM task_groups ORDER BY task, name'),
  };
}

const LABELS = ['weed', 'crop', 'stone', 'soil'];

/** Samples of several groups; every group is decided, and one sample each waits, is excluded, removed. */
function filled(store: SampleStore): string[] {
  const ids = Array.from({ length: 12 }, (_, i) => {
    const label = LABELS[i % 3]!;
    return store.admit(newSample(`${i}`, { label, group: `g${i % 5}` })).sample.id;
  });
  store.change(ids[0]!, { state: 'waiting' }, 'cli');
  store.change(ids[1]!, { state: 'bad_image' }, 'cli');
  store.remove([ids[2]!], 'cli');
  return ids;
}

/** Carries one step out. @returns how to undo it; null: the step was refused */
type Step = (store: SampleStore, ids: readonly string[]) => (() => void) | null;

const refusable = (work: () => (() => void) | null): (() => void) | null => {
  try {
    return work();
  } catch (error) {
    const { code } = error as { code?: string };
    if (/^HL_(CLASS_|SAMPLE_UNKNOWN|LABEL_ALIKE)/.test(code ?? '')) return null;
    throw error;
  }
};

const state: fc.Arbitrary<SampleChange> = fc.oneof(
  fc.constantFrom(...LABELS).map((label) => ({ label })),
  fc.constantFrom('waiting', 'trash', ...EXCLUSIONS).map((to) => ({ state: to }) as SampleChange),
);

const setSome: fc.Arbitrary<Step> = fc
  .tuple(fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 4 }), state)
  .map(([some, to]) => (store, ids) => {
    const before = some.map((i) => store.change(ids[i]!, to, 'console'));
    const change = store.remember(before);
    return () => {
      if (change === null) return;
      const { kept } = store.undo(change, 'console');
      assert.equal(kept, 0);
    };
  });

const changeClass: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom('rename', 'merge', 'ignore'),
    fc.constantFrom(...LABELS),
    fc.constantFrom(...LABELS, 'new'),
  )
  .map(
    ([kind, from, to]) =>
      (store) =>
        refusable(() => {
          const { id } =
            kind === 'rename'
              ? store.renameClass(from, to, 'console')
              : kind === 'merge'
                ? store.mergeClass(from, to, 'console')
                : store.ignoreClass(from, 'console');
          return () => void store.undoClassChange(id, 'console');
        }),
  );

describe('undo', () => {
  test('whatever was done, its inverses in reverse order leave the store as it was', (t) => {
    const folder = temporaryFolder(t);
    let run = 0;
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 2, arbitrary: setSome }, changeClass), { maxLength: 12 }),
        (steps) => {
          let clock = 1_000;
          const { database, store } = openStore(join(folder, `${run++}.db`), {
            holdoutShare: 0.4,
            now: () => clock++,
          });
          try {
            const ids = filled(store);
            const before = stateOf(database);
            const states: unknown[] = [];
            const inverses = steps.flatMap((step) => {
              const state = stateOf(database);
              const inverse = step(store, ids);
              if (inverse === null) return [];
              states.push(state);
              return [inverse];
            });
            for (const inverse of inverses.reverse()) {
              inverse();
              assert.deepEqual(stateOf(database), states.pop());
            }
            assert.deepEqual(stateOf(database), before);
            const names = store.namesSince(0);
            assert.deepEqual([...names], [], 'what was learnt before is called as before');
          } finally {
            database.close();
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test('keeps what was changed again since, and can itself be undone', (t) => {
    const { store } = temporaryStore(t);
    const [a, b] = ['a', 'b'].map((name) => store.admit(newSample(name)).sample.id) as [
      string,
      string,
    ];
    const change = store.remember(
      [a, b].map((id) => store.change(id, { label: 'weed' }, 'console')),
    );
    store.label(b, 'crop', 'mqtt');
    const undone = store.undo(change!, 'console');
    assert.deepEqual([undone.changed, undone.kept], [1, 1]);
    assert.deepEqual([store.get(a)?.state, store.get(b)?.label], ['waiting', 'crop']);
    store.undo(undone.undo!, 'console');
    assert.equal(store.get(a)?.label, 'weed');
    assert.throws(() => store.undo('nothing', 'console'), hasCode('HL_UNDO_UNKNOWN'));
  });

  test('a change of nothing has no way back', (t) => {
    const { store } = temporaryStore(t);
    const { id } = store.admit(newSample('a', { label: 'weed' })).sample;
    assert.equal(store.remember([store.change(id, { label: 'weed' }, 'console')]), null);
  });

  test('the label that comes back has its time and its author; the history keeps every step', (t) => {
    let clock = 1_000;
    const { store } = temporaryStore(t, { now: () => clock++ });
    const { sample } = store.admit(newSample('a', { label: 'weed', labelSource: 'mqtt' }));
    for (const label of ['crop', 'stone', 'soil']) {
      const change = store.remember([store.change(sample.id, { label }, 'console')]);
      store.undo(change!, 'console');
      assert.deepEqual(store.get(sample.id), sample);
    }
    assert.equal(store.labelHistory(sample.id).length, 7);
  });

  test('a new frame that was labelled by mistake goes to the trash', (t) => {
    const { store } = temporaryStore(t);
    const { sample, before } = store.admit(newSample('a', { label: 'weed' }));
    const { undo } = store.undo(store.remember([before])!, 'console');
    assert.deepEqual([store.get(sample.id), store.stateOf(sample.id).state], [null, 'trash']);
    store.undo(undo!, 'console');
    assert.deepEqual(store.get(sample.id), sample);
  });

  test('a change is undone after its class got another name', (t) => {
    const { store } = temporaryStore(t);
    const ids = ['a', 'b'].map((name) => store.admit(newSample(name, { label: 'weed' })).sample.id);
    const change = store.remember([store.change(ids[0]!, { label: 'crop' }, 'console')]);
    store.renameClass('weed', 'thistle', 'console');
    store.undo(change!, 'console');
    assert.equal(store.get(ids[0]!)?.label, 'thistle');
  });
});
