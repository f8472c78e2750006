import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { namesNow } from '../../../src/samples/editing/name-changes.js';
import { hasCode } from '../../errors.js';
import { newSample, temporaryStore } from '../support.js';

describe('a class', () => {
  test('gets another name for its samples and for what was learnt, and teaches nothing', (t) => {
    const { store } = temporaryStore(t);
    const { sample } = store.admit(newSample('a', { label: 'weed', labelSource: 'mqtt' }));
    store.admit(newSample('b', { label: 'crop' }));
    const learnt = store.labelRevision();
    const change = store.renameClass('weed', 'thistle', 'console');
    assert.deepEqual([change.samples, change.to], [1, 'thistle']);
    assert.deepEqual(store.get(sample.id), { ...sample, label: 'thistle' });
    assert.deepEqual([...store.namesSince(learnt)], [['weed', 'thistle']]);
    assert.deepEqual([...store.namesSince(store.labelRevision())], []);
    assert.equal(store.labelCountSince(learnt), 0);
    assert.equal(
      store.labelsSince(learnt).every(({ renamed }) => renamed),
      true,
    );
    store.undoClassChange(change.id, 'console');
    assert.deepEqual(store.get(sample.id), sample);
    assert.deepEqual([...store.namesSince(learnt)], []);
  });

  test('what was learnt between a change and its undoing has its name, too', (t) => {
    const { store } = temporaryStore(t);
    store.admit(newSample('a', { label: 'weed' }));
    const { id } = store.renameClass('weed', 'thistle', 'console');
    const between = store.labelRevision();
    store.undoClassChange(id, 'console');
    assert.deepEqual([...store.namesSince(between)], [['thistle', 'weed']]);
    assert.deepEqual([...store.namesSince(store.labelRevision())], []);
  });

  test('in the trash follows its class', (t) => {
    const { store } = temporaryStore(t);
    const { id } = store.admit(newSample('a', { label: 'weed' })).sample;
    store.admit(newSample('b', { label: 'weed' }));
    store.remove([id], 'cli');
    store.renameClass('weed', 'thistle', 'cli');
    store.change(id, { state: 'restored' }, 'cli');
    assert.equal(store.get(id)?.label, 'thistle');
  });

  test('ignored: its samples stay, without label and without question', (t) => {
    const { store } = temporaryStore(t);
    const { sample } = store.admit(newSample('a', { label: 'weed' }));
    const { id } = store.ignoreClass('weed', 'cli');
    assert.equal(store.get(sample.id)?.state, 'ignored');
    assert.equal(store.labelCountSince(0), 0);
    assert.equal(store.labelCountSince(1), 1);
    store.undoClassChange(id, 'cli');
    assert.deepEqual(store.get(sample.id), sample);
  });

  test('refusals name what to do', (t) => {
    const { store } = temporaryStore(t);
    store.admit(newSample('a', { label: 'weed' }));
    store.admit(newSample('b', { label: 'crop' }));
    assert.throws(() => store.renameClass('none', 'x', 'cli'), hasCode('HL_CLASS_UNKNOWN'));
    assert.throws(() => store.renameClass('weed', 'crop', 'cli'), hasCode('HL_CLASS_EXISTS'));
    assert.throws(() => store.renameClass('weed', 'Crop', 'cli'), hasCode('HL_LABEL_ALIKE'));
    assert.equal(store.renameClass('weed', 'Weed', 'cli').samples, 1, 'another case of itself');
    assert.throws(() => store.mergeClass('crop', 'crop', 'cli'), hasCode('HL_CLASS_EXISTS'));
    assert.throws(() => store.mergeClass('crop', 'none', 'cli'), hasCode('HL_CLASS_UNKNOWN'));
    assert.throws(() => store.undoClassChange(99, 'cli'), hasCode('HL_CLASS_CHANGE_UNKNOWN'));
    const first = store.renameClass('Weed', 'thistle', 'cli');
    const second = store.renameClass('thistle', 'nettle', 'cli');
    assert.throws(() => store.undoClassChange(first.id, 'cli'), hasCode('HL_CLASS_UNDO_LATE'));
    store.undoClassChange(second.id, 'cli');
    assert.throws(() => store.undoClassChange(second.id, 'cli'), hasCode('HL_CLASS_UNDO_LATE'));
    store.undoClassChange(first.id, 'cli');
    assert.deepEqual(store.labels(), ['Weed', 'crop']);
  });

  test('names follow every chain of changes', () => {
    const label = fc.constantFrom('a', 'b', 'c', 'd');
    fc.assert(
      fc.property(fc.array(fc.tuple(label, label), { maxLength: 8 }), (pairs) => {
        const changes = pairs.map(([from, to]) => ({
          from,
          to,
          beforeRevision: 10,
          sinceRevision: 0,
        }));
        const names = namesNow(changes, 5);
        for (const start of ['a', 'b', 'c', 'd']) {
          const now = pairs.reduce((name, [from, to]) => (name === from ? to : name), start);
          assert.equal(names.get(start) ?? start, now);
        }
        assert.equal(namesNow(changes, 10).size, 0);
      }),
    );
  });
});
