import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SampleStore } from '../../src/samples/store.js';
import { hasCode } from '../errors.js';
import { newSample, temporaryStore } from './support.js';

/** Labels of all samples by id, as one task sees them. */
function labelsOf(store: SampleStore): Record<string, string | null> {
  return Object.fromEntries(store.list().map(({ id, label }) => [id, label]));
}

describe('a sample of several tasks', () => {
  test('is stored once, with a label, a revision and a history for each', (t) => {
    const { store } = temporaryStore(t);
    const gates = store.forTask('gates');
    const { sample } = store.admit(newSample('1', { label: 'weed' }));
    assert.equal(gates.get(sample.id), null, 'no sample of a task that has nothing to do with it');
    const labelled = gates.label(sample.id, 'open', 'mqtt');
    assert.deepEqual([labelled.id, labelled.label], [sample.id, 'open']);
    assert.equal(store.get(sample.id)?.label, 'weed');
    assert.deepEqual([store.counts().total, gates.counts().total], [1, 1]);
    assert.deepEqual([store.labels(), gates.labels()], [['weed'], ['open']]);
    assert.deepEqual(store.tasks(), ['gates', 'main']);

    const before = store.labelRevision();
    gates.label(sample.id, 'shut', 'mqtt');
    assert.equal(store.labelRevision(), before, 'labels of others are no news');
    assert.deepEqual([store.labelCountSince(0), gates.labelCountSince(0)], [1, 1]);
    assert.deepEqual([store.labelCountSince(before), gates.labelCountSince(before)], [0, 1]);
    assert.deepEqual(
      gates.labelHistory(sample.id).map(({ newLabel }) => newLabel),
      ['open', 'shut'],
    );
    assert.deepEqual(
      store.labelsSince(0).map(({ newLabel }) => newLabel),
      ['weed'],
    );
  });

  test('waits for the task that asked, also when its picture is known', (t) => {
    const { store } = temporaryStore(t);
    const gates = store.forTask('gates');
    const { sample } = store.admit(newSample('1', { label: 'weed' }));
    const again = gates.admit(newSample('1'));
    assert.deepEqual(
      [again.duplicate, again.sample.id, again.sample.label],
      [true, sample.id, null],
    );
    assert.deepEqual([store.counts().waiting, gates.counts().waiting], [0, 1]);
  });

  test('stays while one task needs it', (t) => {
    const { store } = temporaryStore(t);
    const gates = store.forTask('gates');
    const { sample: shared } = store.admit(newSample('1', { label: 'weed' }));
    gates.admit(newSample('1'));
    const { sample: own } = gates.admit(newSample('2'));
    assert.equal(gates.removeOldestWaiting(0), 2);
    assert.deepEqual(gates.list(), []);
    assert.notEqual(store.picture(shared.id), null);
    assert.equal(store.picture(own.id), null);
    assert.equal(store.counts().pictureBytes, Buffer.byteLength('picture 1'));
    store.remove([shared.id], 'cli');
    store.emptyTrash();
    assert.deepEqual(store.tasks(), []);
    assert.throws(() => gates.label(shared.id, 'open', 'cli'), hasCode('HL_SAMPLE_UNKNOWN'));
  });

  test('is moved to another group for all of them', (t) => {
    const { store } = temporaryStore(t, { holdoutShare: 0.5 });
    const gates = store.forTask('gates', { holdoutShare: 0.05, holdoutAfterSamples: 0 });
    const { sample } = store.admit(newSample('1', { label: 'weed', group: 'a' }));
    gates.label(sample.id, 'open', 'cli');
    gates.regroup(sample.id, 'b', false);
    assert.deepEqual([store.get(sample.id)?.group, gates.get(sample.id)?.group], ['b', 'b']);
    assert.equal(store.get(sample.id)?.label, 'weed');
  });

  test('is embedded once: what one task has embedded, another does not miss', (t) => {
    const { store } = temporaryStore(t, { holdoutShare: 0.05, holdoutAfterSamples: 1_000 });
    const gates = store.forTask('gates');
    const { sample } = store.admit(newSample('1', { label: 'weed' }));
    gates.label(sample.id, 'open', 'cli');
    assert.deepEqual(gates.missingFeatures('sum', 'r', 0), [{ sampleId: sample.id, views: [0] }]);
    const features = Float32Array.of(1, 2);
    const row = { sampleId: sample.id, backboneChecksum: 'sum', recipe: '', view: 0, features };
    store.putFeatures([row]);
    assert.deepEqual(gates.missingFeatures('sum', 'r', 0), []);
    assert.deepEqual(gates.features([sample.id], 'sum', 'r', 0).get(sample.id), [features]);
  });
});

test('a task never sees or changes labels, waiting samples and the holdout of another', (t) => {
  const step = fc.record({
    task: fc.constantFrom('main', 'gates'),
    picture: fc.integer({ min: 0, max: 5 }),
    label: fc.constantFrom('a', 'b', null),
    prune: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const rule = { holdoutShare: 0.5, holdoutAfterSamples: 1 };
      const both = temporaryStore(t, rule).store;
      const alone = { main: temporaryStore(t, rule).store, gates: temporaryStore(t, rule).store };
      const views = { main: both, gates: both.forTask('gates') };
      for (const { task, picture, label, prune } of steps) {
        for (const store of [views[task as 'main'], alone[task as 'main']]) {
          store.admit(newSample(String(picture), { label, group: `group-${picture % 3}` }));
          if (prune) store.removeOldestWaiting(0);
        }
      }
      for (const task of ['main', 'gates'] as const) {
        const facts = (store: SampleStore) =>
          store
            .list()
            .map(({ pictureSha256, label, holdout }) => [pictureSha256, label, holdout])
            .sort();
        assert.deepEqual(facts(views[task]), facts(alone[task]));
        assert.equal(views[task].counts().waiting, alone[task].counts().waiting);
        assert.equal(Object.keys(labelsOf(views[task])).length, views[task].counts().total);
      }
    }),
    { numRuns: 40 },
  );
});
