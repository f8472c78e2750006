import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newSample, temporaryStore } from './support.js';

/** Reads all rows of a table that grows with the samples, or all of a task, or sorts them. */
const LARGE_READ =
  /SCAN (t|s|task_samples|samples|label_history|pictures|features|trash)\b|^SEARCH (t|s|task_samples|samples|label_history|trash)\b.*\(task=\?\)$|TEMP B-TREE/;

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
      assert.equal(store.trainingCount(label), training);
    }
    assert.equal(store.trainingCount('unheard'), 0);
    assert.ok(classes.some(({ holdout }) => holdout > 0));
    assert.equal(store.labelledCount(), labelled);
    assert.deepEqual(store.waitingIds(), [ids[3], ids[7]]);
    assert.equal(waiting, 2);
    assert.deepEqual(store.labels(), ['crop', 'weed', 'ärger']);
    assert.deepEqual(store.labels([ids[0]!, ids[6]!, 'gone']), ['crop', 'ärger']);
    assert.deepEqual(store.labels(ids), []);
    assert.deepEqual(store.forTask('empty').labels(), []);
    assert.deepEqual(other.labels(), ['elsewhere']);
  });

  it('name the samples whose labels changed last, and their labels before', (t) => {
    const { store } = temporaryStore(t);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => {
      return store.admit(newSample(name, { label: name === 'd' ? null : 'weed' })).sample.id;
    });
    const revision = store.labelRevision();
    store.label(a!, 'crop', 'cli');
    store.label(b!, 'crop', 'cli');
    store.label(d!, 'weed', 'cli');
    for (let i = 0; i < 5; i++) store.label(b!, i % 2 ? 'crop' : 'weed', 'cli');
    store.renameClass('crop', 'beet', 'cli');
    assert.deepEqual(store.lastRelabelled(revision, 10), [b, d, a]);
    assert.deepEqual(store.lastRelabelled(revision, 2), [b, d]);
    assert.deepEqual(store.lastRelabelled(store.labelRevision(), 2), []);
    const labels = [a, b, c, d].map((id) => store.labelBefore(id!, revision));
    assert.deepEqual(labels, ['weed', 'weed', null, null]);
    assert.deepEqual(
      [...store.labelsGivenSince(revision)],
      [
        ['crop', 4],
        ['weed', 4],
      ],
    );
  });

  it('find each row by an index, so that a large store costs no more', (t) => {
    const { store, database } = temporaryStore(t);
    const { sample } = store.admit(newSample('1'));
    const { id, group } = sample;
    const seen = new Set<string>();
    const prepare = database.prepare.bind(database);
    database.prepare = <Row>(sql: string) => {
      seen.add(sql);
      return prepare<Row>(sql);
    };
    store.alikeLabel('weed', [id]);
    const before = store.stateOf(id);
    store.label(id, 'weed', 'console');
    store.remember([before]);
    store.counts();
    store.labelCounts();
    store.labelledCount();
    store.trainingCount('weed');
    store.presentLabelsStamp();
    store.lastRelabelled(0, 10);
    store.labelBefore(id, 0);
    const limit = 10;
    for (const which of [{ labelled: false }, { label: 'weed' }]) {
      for (const order of ['oldest', 'newest'] as const) {
        store.list({ ...which, limit, order });
        store.list({ ...which, limit, order, group, source: 'main', afterId: id });
      }
      for (const order of ['earliest', 'latest'] as const) {
        store.list({ ...which, limit, order, source: 'main', capturedMs: { from: 0, to: 1 } });
      }
    }
    database.prepare = prepare;
    assert.ok(seen.size > 20, `${seen.size} statements`);
    for (const sql of seen) {
      // The first and the last row of an index are found at once.
      if (sql.includes('max(revision)')) continue;
      const plan = prepare<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all();
      for (const { detail } of plan) {
        assert.doesNotMatch(detail, LARGE_READ, sql);
      }
    }
  });
});
