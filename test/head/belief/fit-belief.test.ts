import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  beliefParametersSchema,
  DEFAULT_BELIEF,
} from '../../../src/head/belief/belief-parameters.js';
import { fitBelief, type LabelledLook } from '../../../src/head/belief/fit-belief.js';
import { sceneLogOdds } from '../../../src/head/belief/scene-change.js';
import {
  drawScenes,
  FEATURES,
  LABELS,
  modelOf,
  pictureAt,
  type Scene,
  type SceneOptions,
} from './scenes.js';

/** Points of unit length, so that classes of this deviation are about as wide as all of them. */
const MODEL = modelOf(FEATURES, [0.1, 0.1, 0.1]);
const FLAT = modelOf(2, [0.3, 0.3, 0.3]);

const USUAL: SceneOptions = {
  seed: 1,
  scenes: 80,
  perScene: 6,
  shared: 0.3,
  within: 0.3,
  between: 1,
  lead: 1.2,
};

function groupsOf(scenes: readonly Scene[]): LabelledLook[][] {
  return scenes.map(({ label, frames }) => frames.map((look) => ({ ...look, label })));
}

function learn(options: Partial<SceneOptions>) {
  return fitBelief(LABELS, MODEL, groupsOf(drawScenes({ ...USUAL, ...options })));
}

function atDistance(parameters: ReturnType<typeof learn>['parameters'], distance: number): number {
  return sceneLogOdds(parameters.sceneChange, distance);
}

describe('what a decision over time learns', () => {
  it('is the default where there is nothing to learn from', () => {
    const [one] = groupsOf(drawScenes({ ...USUAL, scenes: 1 }));
    const alone = groupsOf(drawScenes({ ...USUAL, perScene: 1 }));
    assert.deepEqual(fitBelief(LABELS, MODEL, []), {
      parameters: DEFAULT_BELIEF,
      groups: 0,
      logLoss: null,
    });
    assert.deepEqual(fitBelief(LABELS, MODEL, [[], []]).parameters, DEFAULT_BELIEF);
    assert.deepEqual(
      fitBelief(LABELS, MODEL, [one!]).parameters.sceneChange,
      DEFAULT_BELIEF.sceneChange,
    );
    assert.deepEqual(
      fitBelief(LABELS, MODEL, alone).parameters.sceneChange,
      DEFAULT_BELIEF.sceneChange,
    );
  });

  it('is how far pictures of one scene lie apart', () => {
    // Median distances from the scene: 0.02 and 0.7 within, 2.8 between.
    const close = learn({ within: 0.1 }).parameters;
    const far = learn({ within: 0.7 }).parameters;
    assert.ok(atDistance(close, 0.02) < -5 && atDistance(close, 2.8) > 2);
    assert.ok(atDistance(far, 0.7) < -1 && atDistance(far, 2.8) > 2);
    assert.ok(atDistance(close, 0.7) > atDistance(far, 0.7) + 1);
  });

  it('reads the parameters of earlier heads, whose changes were of another measure', () => {
    const earlier = {
      correlation: 0.2,
      change: { offset: -0.5, perLogDistance: 1.5, perBit: 0.1 },
    };
    assert.deepEqual(beliefParametersSchema.parse(earlier), {
      correlation: 0.2,
      sceneChange: DEFAULT_BELIEF.sceneChange,
    });
  });

  it('is how far frames of one scene are wrong together', () => {
    // Pictures that repeat little of each other.
    const FAR = { scenes: 160, within: 1, between: 2 };
    const independent = learn({ shared: 0, ...FAR }).parameters.correlation;
    const together = learn({ shared: 0.9, ...FAR }).parameters.correlation;
    assert.ok(independent < DEFAULT_BELIEF.correlation, `${independent}`);
    assert.ok(together > DEFAULT_BELIEF.correlation, `${together}`);
  });

  it('stays near the default with few groups', () => {
    const few = learn({ scenes: 3, shared: 0.9, within: 0.1 }).parameters;
    const many = learn({ scenes: 80, shared: 0.9, within: 0.1 }).parameters;
    const offset = (p: typeof few) =>
      Math.abs(p.sceneChange.offset - DEFAULT_BELIEF.sceneChange.offset);
    assert.ok(offset(few) < offset(many));
    assert.ok(few.correlation <= many.correlation);
  });

  it('says what it gains on the answers that it learnt from', () => {
    const { logLoss, groups } = learn({});
    assert.equal(groups, 80);
    assert.ok(logLoss && logLoss.belief < logLoss.single, JSON.stringify(logLoss));
  });

  it('is the same for the same groups', () => {
    assert.deepEqual(learn({}), learn({}));
  });

  it('takes whole groups, at most a thousand pictures', () => {
    assert.equal(learn({ scenes: 30, perScene: 60 }).groups, 16);
    assert.equal(learn({ scenes: 2, perScene: 1_001 }).groups, 0);
  });

  it('never holds a likeness for a change, and stays in its bounds', () => {
    const look = fc.record({
      angle: fc.double({ min: 0, max: 3, noNaN: true }),
      dhash: fc.stringMatching(/^[0-9a-f]{16}$/),
      p: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const group = fc.tuple(
      fc.constantFrom(...LABELS, 'of no head'),
      fc.array(look, { minLength: 1, maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(group, { maxLength: 8 }), (drawn) => {
        const groups = drawn.map(([label, looks]) =>
          looks.map(({ angle, dhash, p }) => {
            const { features } = pictureAt(angle);
            return { features, dhash, label, probabilities: [p, (1 - p) / 2, (1 - p) / 2] };
          }),
        );
        const { parameters, logLoss } = fitBelief(LABELS, FLAT, groups);
        assert.deepEqual(beliefParametersSchema.parse(parameters), parameters);
        assert.ok(logLoss === null || Number.isFinite(logLoss.belief));
      }),
      { numRuns: 60 },
    );
  });
});
