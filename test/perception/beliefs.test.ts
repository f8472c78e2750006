import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LABEL } from '../../src/base/words/label.js';
import { BeliefFilter, type BeliefFrame } from '../../src/head/belief/belief-filter.js';
import { DEFAULT_BELIEF } from '../../src/head/belief/belief-parameters.js';
import { answer, answerSettings } from '../../src/perception/answer.js';
import { Beliefs } from '../../src/perception/beliefs.js';
import { undecided } from '../../src/perception/decision.js';
import type { ServingHead } from '../../src/perception/perception-protocol.js';
import { frameOf, LABELS, modelOf, pictureAt } from '../head/belief/scenes.js';

const CROP = [0.8, 0.1, 0.1];
const WEED = [0.1, 0.1, 0.8];
const UNKNOWN_ALPHA = 0.05;
const SETTINGS = [
  { name: 'main', decision: { unknownAlpha: UNKNOWN_ALPHA, topK: 3, maxErrorShare: 0.1 } },
];

function serving(belief?: ServingHead['belief'], labels: readonly string[] = LABELS): ServingHead {
  const head = {
    learner: 'ridge' as const,
    labels: [...labels],
    featureSize: 2,
    backboneChecksum: 'a'.repeat(64),
    transform: 'none' as const,
    weights: new Float32Array(labels.length * 2),
    bias: new Float32Array(labels.length),
    temperature: 1,
  };
  return { version: 1, head, ...(belief ? { belief } : {}) };
}

function drive(p: number[], step: number, about: Partial<BeliefFrame> = {}): BeliefFrame {
  return frameOf(p, { ...pictureAt(step * 0.3), atMs: step * 100, ...about });
}

function observe(
  beliefs: Beliefs,
  frame: BeliefFrame,
  {
    task = 'main',
    camera = 'main',
    region = null as string | null,
    head = serving(),
    answerProbability = 0.61,
    point = null as Float64Array | null,
  } = {},
) {
  const { dhash, atMs, features, noveltyPValue, probabilities } = frame;
  return beliefs.observe(
    head,
    { frame: { camera, region }, dhash, startMs: atMs },
    {
      task,
      decision: { ...undecided(), noveltyPValue },
      scores: { probabilities: Float32Array.from(probabilities), answerProbability, point },
    },
    features,
  )!;
}

test('frames of one camera are one decision, those of others do not touch it', () => {
  const beliefs = new Beliefs(SETTINGS);
  const filter = new BeliefFilter({ parameters: DEFAULT_BELIEF, unknownAlpha: UNKNOWN_ALPHA });
  for (let step = 0; step < 5; step++) {
    const frame = drive(CROP.map(Math.fround), step);
    const alone = filter.observe(frame);
    const { label, probability, frames, changed } = observe(beliefs, frame);
    assert.deepEqual([label, frames, changed], [alone.label, alone.frames, alone.changed]);
    assert.equal(probability, alone.belief);
    assert.equal(observe(beliefs, drive(WEED, step), { camera: 'rear' }).frames, step + 1);
    assert.equal(observe(beliefs, drive(WEED, step), { region: '1' }).frames, step + 1);
  }
});

test('a certain scene is no guess although each of its frames is', () => {
  const beliefs = new Beliefs(SETTINGS);
  const guesses = Array.from({ length: 6 }, (_, step) =>
    observe(beliefs, drive([0.6, 0.2, 0.2], step)),
  );
  assert.equal(guesses[0]!.guess, true);
  assert.equal(guesses.at(-1)!.guess, false);
  assert.ok(guesses.at(-1)!.probability > 0.61);
});

test('a scene of a label with too few known answers stays a guess', () => {
  const beliefs = new Beliefs(SETTINGS);
  const guess = (unproven: string[], step: number) =>
    observe(beliefs, drive(CROP, step), { head: { ...serving(), unproven } });
  for (let step = 0; step < 5; step++) guess([], step);
  const { label } = guess([], 5);
  assert.deepEqual([guess([], 6).guess, guess([label], 7).guess], [false, true]);
});

test('something unknown is no guess', () => {
  const beliefs = new Beliefs(SETTINGS);
  const odd = { noveltyPValue: 0.001 };
  for (let step = 0; step < 3; step++) observe(beliefs, drive(CROP, step, odd));
  const { label, guess } = observe(beliefs, drive(CROP, 3, odd), { answerProbability: 1.1 });
  assert.deepEqual([label, guess], [UNKNOWN_LABEL, false]);
});

test('other parameters begin a new scene, a head with the same ones goes on', () => {
  const beliefs = new Beliefs(SETTINGS);
  for (let step = 0; step < 3; step++) observe(beliefs, drive(CROP, step));
  // As when labels were learnt at once: another head, the same parameters.
  assert.equal(observe(beliefs, drive(CROP, 3), { head: serving(DEFAULT_BELIEF) }).frames, 4);
  const learnt = { ...DEFAULT_BELIEF, correlation: 0.5 };
  assert.equal(observe(beliefs, drive(CROP, 4), { head: serving(learnt) }).frames, 1);
  assert.equal(observe(beliefs, drive(CROP, 5), { head: serving(learnt) }).frames, 2);
});

test('a head with a novelty model notices a change that the images hardly show', () => {
  const novelty = modelOf(2, [0.1, 0.1, 0.1]);
  const { head, ...rest } = serving();
  const settings = answerSettings(head, { unknownAlpha: 0, maxErrorShare: 0.1, topK: 1 });
  const last = (located: ServingHead) => {
    const beliefs = new Beliefs(SETTINGS);
    const see = (step: number, angle: number) => {
      const frame = drive([1 / 3, 1 / 3, 1 / 3], step, pictureAt(angle));
      const { scores } = answer(located, frame.features, settings);
      return observe(beliefs, frame, { head: located, point: scores.point });
    };
    for (let step = 0; step < 3; step++) see(step, 0.3);
    return see(3, 0.7);
  };
  assert.equal(last({ ...rest, head: { ...head, novelty } }).frames, 1);
  assert.equal(last({ ...rest, head }).frames, 4);
});

test('without an answer there is no decision, and the scene is over', () => {
  const beliefs = new Beliefs(SETTINGS);
  for (let step = 0; step < 3; step++) observe(beliefs, drive(CROP, step));
  const frame = { frame: { camera: 'main', region: null }, dhash: '0'.repeat(16), startMs: 300 };
  const unanswered = { task: 'main', decision: undecided(), scores: null };
  assert.equal(beliefs.observe(null, frame, unanswered, new Float32Array(2)), null);
  assert.equal(observe(beliefs, drive(CROP, 4)).frames, 1);
});
