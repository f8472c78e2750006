import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHoldoutGroup } from '../../../src/samples/holdout.js';
import { waitingFeatures } from '../../../src/training/verdict/unknown-threshold.js';
import { newSample, temporaryStore } from '../../samples/support.js';

test('the background is frames that wait, none of the holdout and none with a label', (t) => {
  const { store } = temporaryStore(t);
  const names = Array.from({ length: 100 }, (_, i) => `pass ${i}`);
  const held = names.find((group) => isHoldoutGroup(group, 0.2))!;
  const open = names.find((group) => !isHoldoutGroup(group, 0.2))!;
  const admit = (content: string, group: string, label: string | null, value: number): void => {
    const { sample } = store.admit(newSample(content, { group, label }));
    store.putFeatures([
      {
        sampleId: sample.id,
        backboneChecksum: 'b',
        recipe: '',
        view: 0,
        features: Float32Array.of(value, value),
      },
    ]);
  };
  admit('taught', held, 'weed', 1);
  admit('beside it in the holdout', held, null, 2);
  admit('taught too', open, 'weed', 3);
  admit('first', open, null, 4);
  admit('second', open, null, 5);
  assert.deepEqual([...waitingFeatures(store, 'b', 2)], [5, 5, 4, 4]);
  assert.deepEqual([...waitingFeatures(store, 'another backbone', 2)], []);
});
