import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TrashCare } from '../../../src/agent/pictures/trash-care.js';
import { silentLog } from '../../../src/base/log.js';
import { AuditLog } from '../../../src/storage/audit-table.js';
import { hasCode } from '../../errors.js';
import { quietScheduler } from '../../recorder.js';
import { newSample, temporaryStore } from '../support.js';

describe('a removed sample', () => {
  test('is none of its task until it comes back with label and side; others keep it', (t) => {
    const { store } = temporaryStore(t, { holdoutShare: 0.5, holdoutAfterSamples: 1 });
    const gates = store.forTask('gates');
    store.admit(newSample('first', { label: 'weed', group: 'other' }));
    const { sample } = store.admit(newSample('a', { label: 'weed', group: 'g0' }));
    gates.label(sample.id, 'open', 'cli');
    store.remove([sample.id], 'console');
    assert.equal(store.get(sample.id), null);
    assert.equal(gates.get(sample.id)?.label, 'open');
    assert.deepEqual([store.counts().total, store.counts().trash], [1, 1]);
    assert.deepEqual(store.list({ label: 'weed' }).length, 1);
    assert.equal(store.missingFeatures('b', '', 0).length, 1);
    assert.equal(store.labelsSince(0).at(-1)?.newLabel, null, 'unlearned at once');
    const restored = { state: 'restored' } as const;
    store.change(sample.id, restored, 'console');
    assert.deepEqual(store.get(sample.id), sample);
    assert.throws(() => store.change('nobody', restored, 'cli'), hasCode('HL_SAMPLE_UNKNOWN'));
    store.remove([sample.id], 'console');
    store.emptyTrash();
    assert.notEqual(store.picture(sample.id), null, 'another task uses it');
    gates.remove([sample.id], 'console');
    assert.equal(store.emptyTrash().samples, 1);
    assert.equal(store.picture(sample.id), null);
  });

  test('that is captured again stays there; a label brings it back', (t) => {
    const { store } = temporaryStore(t, { nearDuplicateBits: 3 });
    const { id } = store.admit(newSample('a', { label: 'weed' })).sample;
    store.remove([id], 'console');
    const again = store.admit(newSample('a'));
    assert.deepEqual(
      [again.sample.state, again.duplicate, store.counts().waiting],
      ['trash', true, 0],
    );
    const other = store.forTask('gates').admit(newSample('c'));
    assert.equal(other.duplicate, false, 'for another task, too');
    const near = store.admit(newSample('b', { dhash: 'ffffffffffffffff' }));
    assert.equal(near.duplicate, false, 'a near-duplicate is a picture of its own');
    store.admit(newSample('a', { label: 'crop' }));
    assert.equal(store.get(id)?.label, 'crop');
  });

  test('makes room before any labelled picture is thinned out', (t) => {
    const bytes = newSample('0').jpeg.length;
    const emptied: number[] = [];
    const { store } = temporaryStore(t, {
      maxPictureStoreBytes: 4 * bytes,
      onTrashEmptied: ({ samples }) => emptied.push(samples),
    });
    const ids = [0, 1, 2, 3].map(
      (i) => store.admit(newSample(`${i}`, { label: 'weed' })).sample.id,
    );
    store.remove([ids[0]!, ids[1]!], 'cli');
    store.admit(newSample('4'));
    assert.deepEqual([emptied, store.counts().trash], [[1], 1], 'no more than it takes');
  });

  test('goes for good after its days, and not because a clock was wrong for a moment', (t) => {
    let clock = 1_000_000_000_000;
    const { store, database } = temporaryStore(t, { now: () => clock });
    const audit = new AuditLog(database);
    const care = new TrashCare({
      samples: store,
      audit,
      trashDays: 7,
      repeats: quietScheduler(),
      log: silentLog(),
      nowMs: () => clock,
    });
    store.remove([store.admit(newSample('a')).sample.id], 'cli');
    care.check();
    clock += 400 * 86_400_000;
    care.check();
    clock -= 400 * 86_400_000;
    care.check();
    assert.equal(store.counts().trash, 1);
    clock += 7 * 86_400_000 + 1;
    care.check();
    assert.equal(store.counts().trash, 1);
    clock += 3_600_000;
    care.check();
    assert.equal(store.counts().trash, 0);
    assert.equal(audit.list({ kind: 'trash-emptied' }).length, 1);
  });
});

describe('an excluded sample', () => {
  test('is neither learnt nor asked about, and may be captured again', (t) => {
    const { store } = temporaryStore(t, { nearDuplicateBits: 3 });
    const { id } = store.admit(newSample('a', { label: 'weed' })).sample;
    store.change(id, { state: 'bad_image' }, 'console');
    const { labelled, waiting, excluded, total } = store.counts();
    assert.deepEqual([labelled, waiting, excluded, total], [0, 0, 1, 1]);
    assert.deepEqual([store.list({ labelled: false }), store.waitingIds()], [[], []]);
    assert.equal(store.removeOldestWaiting(0), 0);
    assert.deepEqual(store.missingFeatures('b', '', 0), []);
    assert.equal(
      store.admit(newSample('again')).sample.state,
      'bad_image',
      'nothing is asked twice',
    );
    assert.equal(store.admit(newSample('again', { label: 'weed' })).duplicate, false);
    store.label(id, 'weed', 'console');
    assert.equal(store.get(id)?.state, 'labelled');
  });
});
