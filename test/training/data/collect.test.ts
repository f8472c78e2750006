import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { isHoldoutGroup } from '../../../src/samples/holdout.js';
import type { Sample } from '../../../src/samples/sample.js';
import { collect, readLabelled } from '../../../src/training/data/collect.js';
import { newSample, temporaryStore } from '../../samples/support.js';

const SETTINGS = { minLabels: 4, minLabelsPerClass: 3 };

/** Groups of which all, or none, may be held out. */
const groups = (held: boolean): string[] =>
  Array.from({ length: 200 }, (_, i) => `pass ${i}`).filter(
    (group) => isHoldoutGroup(group, 0.2) === held,
  );

/** A store with so many samples of each class inside and outside the holdout, one sample a group. */
function stored(t: TestContext, classes: Record<string, [training: number, holdout: number]>) {
  const { store } = temporaryStore(t);
  const [held, open] = [groups(true), groups(false)];
  for (const [label, [training, holdout]] of Object.entries(classes)) {
    for (const group of [...open.splice(0, training), ...held.splice(0, holdout)]) {
      store.admit(newSample(group, { group, label }));
    }
  }
  store.admit(newSample('waits', { group: open[0]! }));
  return readLabelled(store);
}

const idsOf = (samples: readonly Sample[]): string[] => samples.map(({ id }) => id);

test('no sample of the holdout is learnt, and all of it is judged', (t) => {
  const samples = stored(t, { crop: [6, 3], weed: [5, 2], stone: [2, 4] });
  const { training, holdout, labels, classes } = collect(samples, SETTINGS);
  assert.deepEqual(labels, ['crop', 'weed']);
  assert.deepEqual(
    idsOf(training),
    idsOf(samples.filter((sample) => !sample.holdout && sample.label !== 'stone')),
  );
  assert.equal(training.length, 11);
  assert.deepEqual(idsOf(holdout), idsOf(samples.filter((sample) => sample.holdout)));
  assert.equal(holdout.length, 9, 'also of the class that is not learnt');
  assert.deepEqual(
    classes.map(({ label, training, holdout, leftOut, missing }) => [
      label,
      training,
      holdout,
      leftOut,
      missing,
    ]),
    [
      ['crop', 6, 3, false, 0],
      ['stone', 2, 4, true, 1],
      ['weed', 5, 2, false, 0],
    ],
  );
});

test('too few labels, or too few classes outside the holdout, are refused by name', (t) => {
  const code = (samples: ReturnType<typeof stored>): string | null => {
    try {
      collect(samples, SETTINGS);
      return null;
    } catch (error) {
      assert.ok(isHeadlandError(error));
      return error.code;
    }
  };
  const enough = stored(t, { crop: [3, 0], weed: [3, 0] });
  assert.equal(code(enough), null);
  assert.equal(code(enough.slice(0, 3)), 'HL_TRAINING_TOO_FEW_LABELS');
  const held = stored(t, { crop: [3, 0], weed: [2, 4] });
  assert.equal(code(held), 'HL_TRAINING_TOO_FEW_CLASSES');
});
