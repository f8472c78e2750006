import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BeliefFilter, type BeliefFrame } from '../../src/head/belief/belief-filter.js';
import { DEFAULT_BELIEF } from '../../src/head/belief/belief-parameters.js';
import { Beliefs } from '../../src/perception/beliefs.js';
import { frameOf, pictureAt } from '../head/belief/scenes.js';

const SOURCE = { task: 'weeds', camera: 'main', region: 'left' };
const CROP = [0.8, 0.1, 0.1];

function drive(p: number[], step: number): BeliefFrame {
  return frameOf(p, pictureAt(step * 0.3));
}

function alone(frame: BeliefFrame) {
  return new BeliefFilter({ parameters: DEFAULT_BELIEF, unknownAlpha: 0.05 }).observe(frame);
}

test('frames of one source are one decision, those of others do not touch it', () => {
  const others = [
    { ...SOURCE, task: 'ripeness' },
    { ...SOURCE, camera: 'rear' },
    { ...SOURCE, region: 'right' },
    { ...SOURCE, camera: 'main","left', region: '' },
  ];
  const beliefs = new Beliefs(0.05);
  for (let step = 0; step < 4; step++) {
    assert.equal(beliefs.observe(SOURCE, drive(CROP, step)).frames, step + 1);
  }
  const weed = drive([0.1, 0.1, 0.8], 4);
  for (const other of others) assert.deepEqual(beliefs.observe(other, weed), alone(weed));
  assert.equal(beliefs.observe(SOURCE, drive(CROP, 4)).frames, 5);
});

test('a head with other parameters begins anew, and so does a task that lost its head', () => {
  const beliefs = new Beliefs(0.05);
  const next = drive([0.1, 0.1, 0.8], 3);
  const filled = (parameters = DEFAULT_BELIEF) => {
    for (let step = 0; step < 3; step++) beliefs.observe(SOURCE, drive(CROP, step), parameters);
  };
  filled();
  const learnt = { ...DEFAULT_BELIEF, correlation: 0.5 };
  assert.deepEqual(beliefs.observe(SOURCE, next, learnt), alone(next));
  filled(learnt);
  beliefs.forget('another task');
  assert.equal(beliefs.observe(SOURCE, drive(CROP, 3), learnt).frames, 4);
  beliefs.forget(SOURCE.task);
  assert.deepEqual(beliefs.observe(SOURCE, next, learnt), alone(next));
});
