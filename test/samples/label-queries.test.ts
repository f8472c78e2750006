import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newSample, temporaryStore } from './support.js';

describe('queries that run at every label', () => {
  it('answer as a count of all samples does', (t) => {
    const { store } = temporaryStore(t, { holdoutShare: 0.4, holdoutAfterSamples: 3 });
    const other = store.forTask('other');
    const labels = ['weed', 'crop', 'crop', null, 'ärger', 'crop', 'weed', null, 'crop', 'crop'];
    const ids = labels.map((label, i) => {
      const { sample } = store.admit(newSample(`${i}`, { label, group: `g${i}` }));
      if (i % 3 === 0) other.adopt(sample.id, { label: 'elsewhere', labelSource: 'cli' });
      return sample.id;
    });
    const { classes, waiting, labelled } = store.counts();
    assert.deepEqual(
      [...store.labelCounts()],
      classes.map(({ label, training, holdout }) => [label, training + holdout]),
    );
    for (const { label, training } of classes) {
      for (const most of [0, 1, training, training + 1]) {
        assert.equal(store.trainingSamplesUpTo(label, most), Math.min(training, most));
      }
    }
    assert.equal(store.trainingSamplesUpTo('unheard', 5), 0);
    assert.ok(classes.some(({ holdout }) => holdout > 0));
    assert.equal(store.hasLabelled(labelled), true);
    assert.equal(store.hasLabelled(labelled + 1), false);
    assert.deepEqual(store.waitingIds(), [ids[3], ids[7]]);
    assert.equal(waiting, 2);
    assert.deepEqual(store.labels(), ['crop', 'weed', 'ärger']);
    assert.deepEqual(store.labels([ids[0]!, ids[6]!, 'gone']), ['crop', 'ärger']);
    assert.deepEqual(store.labels(ids), []);
    assert.deepEqual(store.forTask('empty').labels(), []);
    assert.deepEqual(other.labels(), ['elsewhere']);
  });
});
