import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UNKNOWN_LABEL } from '../../../src/base/words/label.js';
import {
  type Belief,
  BeliefFilter,
  type BeliefFrame,
} from '../../../src/head/belief/belief-filter.js';
import { DEFAULT_BELIEF } from '../../../src/head/belief/belief-parameters.js';
import { decide } from '../../../src/perception/decision.js';
import { drawScenes, FEATURES, frameOf, LABELS, modelOf, pictureAt, placed } from './scenes.js';

const ALPHA = 0.05;

function newFilter(unknownAlpha = ALPHA, parameters = DEFAULT_BELIEF): BeliefFilter {
  return new BeliefFilter({ parameters, unknownAlpha });
}

function close(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

/** What is believed of the labels where the thing is one of them. */
function known({ labels, unknown }: Belief): number[] {
  return Array.from(labels, (p) => p / (1 - unknown));
}

const probabilities = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
  .map((values) => {
    const sum = values.reduce((a, b) => a + b, 0);
    return sum > 0 ? values.map((value) => value / sum) : [1 / 3, 1 / 3, 1 / 3];
  });
const pValue = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 1e-300, 1e-9, 0.049, ALPHA, 0.051, 1),
);
const frame: fc.Arbitrary<BeliefFrame> = fc
  .record({
    probabilities,
    noveltyPValue: pValue,
    angle: fc.double({ min: 0, max: 3.2, noNaN: true }),
    atMs: fc.oneof(fc.double({ noDefaultInfinity: true }), fc.nat()),
  })
  .map(({ angle, ...about }) => frameOf(about.probabilities, { ...about, ...pictureAt(angle) }));
const frames = fc.array(frame, { minLength: 1, maxLength: 30 });
const MODELS = [modelOf(2, [0.3, 0.3, 0.3]), modelOf(2, [0.3, 0.3, 0.3])];
const anyFrame = fc
  .record({ frame, model: fc.constantFrom(...MODELS, MODELS[0]!, null) })
  .map(({ frame: one, model }) => (model ? placed(model, one) : one));
const anyFrames = fc.array(anyFrame, { minLength: 1, maxLength: 30 });

/** A frame that the model locates there, whatever the image looks like. */
function locatedAt(x: number, p: number[], about: Partial<BeliefFrame> = {}): BeliefFrame {
  return frameOf(p, { place: { model: MODELS[0]!, point: Float64Array.of(x, 0) }, ...about });
}

describe('a decision over time', () => {
  it('says of a single frame what the head says', () => {
    fc.assert(
      fc.property(frame, (one) => {
        const belief = newFilter().observe(one);
        const top = LABELS.map((label, c) => ({ label, probability: one.probabilities[c]! })).sort(
          (a, b) => b.probability - a.probability,
        );
        const decided = decide(
          top,
          { headVersion: 1 },
          { unknownAlpha: ALPHA, answerProbability: 0 },
          { noveltyPValue: one.noveltyPValue },
        );
        fc.pre(one.noveltyPValue !== ALPHA);
        known(belief).forEach((p, c) => {
          close(p, one.probabilities[c]!, 1e-5);
        });
        assert.equal(belief.label === UNKNOWN_LABEL, decided.label === UNKNOWN_LABEL);
        if (belief.label !== UNKNOWN_LABEL) close(belief.belief, decided.probability, 1e-5);
        assert.equal(belief.changed, true);
        assert.equal(belief.frames, 1);
      }),
    );
  });

  it('is a distribution over labels and the unknown, whatever it sees', () => {
    fc.assert(
      fc.property(anyFrames, (sequence) => {
        const filter = newFilter();
        for (const one of sequence) {
          const belief = filter.observe(one);
          const all = [...belief.labels, belief.unknown];
          close(
            all.reduce((sum, p) => sum + p, 0),
            1,
          );
          for (const p of [...all, belief.belief, belief.changeProbability]) {
            assert.ok(p >= 0 && p <= 1 + 1e-12, `${p}`);
          }
          const best = LABELS[belief.labels.indexOf(Math.max(...belief.labels))];
          assert.equal(belief.label, belief.unknown > 0.5 ? UNKNOWN_LABEL : best);
        }
      }),
    );
  });

  it('is never more certain than independent frames would allow', () => {
    fc.assert(
      fc.property(anyFrames, (sequence) => {
        const filter = newFilter();
        const most = new Float64Array(9);
        for (const one of sequence) {
          const belief = filter.observe(one);
          for (let pair = 0; pair < 9; pair++) {
            const [a, b] = [Math.floor(pair / 3), pair % 3];
            const of = (c: number) => Math.log(Math.max(1e-6, one.probabilities[c]!));
            most[pair]! += Math.max(0, of(a) - of(b));
            const odds = Math.log(belief.labels[a]! / belief.labels[b]!);
            assert.ok(odds <= most[pair]! + 1e-9, `${odds} of at most ${most[pair]}`);
          }
        }
      }),
    );
  });

  it('learns nothing from the same picture again', () => {
    fc.assert(
      fc.property(probabilities, pValue, fc.integer({ min: 2, max: 50 }), (p, v, times) => {
        const filter = newFilter();
        const one = frameOf(p, { noveltyPValue: v });
        const first = filter.observe(one);
        for (let i = 1; i < times; i++) {
          const again = filter.observe(one);
          close(again.unknown, first.unknown);
          again.labels.forEach((value, c) => {
            close(value, first.labels[c]!);
          });
        }
      }),
    );
  });

  it('does not care about the order of the labels', () => {
    fc.assert(
      fc.property(frames, (sequence) => {
        const order = [2, 0, 1];
        const labels = order.map((c) => LABELS[c]!);
        const [plain, turned] = [newFilter(), newFilter()];
        for (const one of sequence) {
          const expected = plain.observe(one);
          const actual = turned.observe({
            ...one,
            labels,
            probabilities: order.map((c) => one.probabilities[c]!),
          });
          close(actual.unknown, expected.unknown);
          order.forEach((c, i) => {
            close(actual.labels[i]!, expected.labels[c]!);
          });
        }
      }),
    );
  });

  it('forgets all that came before when the picture is another one', () => {
    const opposite = (one: BeliefFrame): BeliefFrame => ({
      ...one,
      features: one.features.map((x) => -x),
      dhash: 'fffff00000ffffff',
    });
    fc.assert(
      fc.property(frames, frames, (before, after) => {
        const [used, fresh] = [newFilter(), newFilter()];
        // Within 27 degrees of one direction: with such a distance the opposite ends any scene.
        const near = (one: BeliefFrame) => ({
          ...one,
          features: Float32Array.of(1, one.features[1]! / 2),
        });
        for (const one of before) used.observe({ ...near(one), atMs: Number.NaN });
        for (const one of after) {
          const seen = { ...opposite(near(one)), atMs: Number.NaN };
          assert.deepEqual(used.observe(seen), fresh.observe(seen));
        }
      }),
    );
  });

  it('forgets all that came before when a frame lies far from it, however alike the images', () => {
    const near = fc.record({
      x: fc.double({ min: -0.1, max: 0.1, noNaN: true }),
      p: probabilities,
    });
    const some = fc.array(near, { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(some, some, (before, after) => {
        const [used, fresh] = [newFilter(), newFilter()];
        for (const { x, p } of before) used.observe(locatedAt(x, p));
        for (const { x, p } of after) {
          const seen = locatedAt(5 + x, p);
          assert.deepEqual(used.observe(seen), fresh.observe(seen));
        }
      }),
    );
  });

  it('goes on while frames lie near each other, however different the images', () => {
    const filter = newFilter();
    for (let step = 0; step < 6; step++) {
      const picture = {
        ...pictureAt(step * 1.5),
        dhash: step % 2 ? 'f'.repeat(16) : '0'.repeat(16),
      };
      const { frames: count } = filter.observe(locatedAt(0, [0.6, 0.3, 0.1], picture));
      assert.equal(count, step + 1);
    }
  });

  it('measures distances in the spread of the most probable class', () => {
    const model = modelOf(2, [0.1, 0.1, 3]);
    const changed = (p: number[]) => {
      const filter = newFilter();
      const at = (x: number) =>
        filter.observe(frameOf(p, { place: { model, point: Float64Array.of(x, 0) } }));
      for (let step = 0; step < 3; step++) at(0);
      return at(1).changed;
    };
    assert.equal(changed([0.5, 0.3, 0.2]), true);
    assert.equal(changed([0.2, 0.3, 0.5]), false);
  });

  it('goes on by the images when a head with the same labels locates frames elsewhere', () => {
    const filter = newFilter();
    const at = (x: number, model: (typeof MODELS)[number] | null) =>
      filter.observe(
        frameOf([0.6, 0.3, 0.1], { place: model && { model, point: Float64Array.of(x, 0) } }),
      ).frames;
    assert.equal(at(0, MODELS[0]!), 1);
    assert.equal(at(0, MODELS[0]!), 2);
    assert.equal(at(7, MODELS[1]!), 3);
    assert.equal(at(7, MODELS[1]!), 4);
    assert.equal(at(7, null), 5);
    assert.equal(at(0, MODELS[1]!), 6);
    assert.equal(at(7, MODELS[1]!), 1);
  });

  it('grows more certain with frames that agree, and no single frame turns it', () => {
    const filter = newFilter();
    const drive = (p: number[], step: number) => filter.observe(frameOf(p, pictureAt(step * 0.2)));
    let last = drive([0.7, 0.2, 0.1], 0).belief;
    for (let step = 1; step < 6; step++) {
      const { label, belief, frames: count } = drive([0.7, 0.2, 0.1], step);
      assert.equal(label, 'crop');
      assert.ok(belief > last);
      assert.equal(count, step + 1);
      last = belief;
    }
    assert.equal(drive([0.1, 0.1, 0.8], 6).label, 'crop', 'one frame of something else');
    assert.equal(drive([0.7, 0.2, 0.1], 7).label, 'crop');
  });

  it('notices another thing by its labels alone, when pictures hardly change', () => {
    const filter = newFilter();
    for (let step = 0; step < 300; step++) {
      filter.observe(frameOf([0.9, 0.05, 0.05], pictureAt(step * 0.1)));
    }
    const answers = Array.from({ length: 12 }, (_, step) =>
      filter.observe(frameOf([0.05, 0.05, 0.9], pictureAt(30 + step * 0.1))),
    );
    assert.equal(answers[0]!.label, 'crop');
    assert.equal(answers.at(-1)!.label, 'weed');
    assert.ok(answers.at(-1)!.frames <= 12, 'the scene is as old as the new thing');
  });

  it('takes a strange scene for unknown, and the next one for what it is', () => {
    const filter = newFilter();
    const strange = [0.2, 0.04, 0.02, 0.03, 0.01].map((noveltyPValue, step) =>
      filter.observe(frameOf([0.6, 0.3, 0.1], { noveltyPValue, ...pictureAt(step * 0.3) })),
    );
    assert.equal(strange[0]!.label, 'crop');
    assert.equal(strange.at(-1)!.label, UNKNOWN_LABEL);
    assert.equal(strange.at(-1)!.belief, strange.at(-1)!.unknown);
    const next = filter.observe(
      frameOf([0.6, 0.3, 0.1], { ...pictureAt(4.5), dhash: 'fffff00000ffffff' }),
    );
    assert.equal(next.label, 'crop');
    assert.equal(next.changed, true);
  });

  it('keeps one strange frame of a known thing from being called unknown', () => {
    const filter = newFilter();
    for (let step = 0; step < 4; step++) {
      filter.observe(frameOf([0.9, 0.05, 0.05], { noveltyPValue: 0.6, ...pictureAt(step * 0.3) }));
    }
    const blurred = frameOf([0.9, 0.05, 0.05], { noveltyPValue: 0.001, ...pictureAt(1.2) });
    assert.equal(newFilter().observe(blurred).label, UNKNOWN_LABEL);
    assert.equal(filter.observe(blurred).label, 'crop');
  });

  it('calls nothing unknown where the head cannot tell, or nobody wants it', () => {
    for (const [alpha, noveltyPValue] of [
      [ALPHA, null],
      [0, 0],
    ] as const) {
      const filter = newFilter(alpha);
      for (let step = 0; step < 5; step++) {
        const belief = filter.observe(
          frameOf([0.5, 0.3, 0.2], { noveltyPValue, ...pictureAt(step * 0.3) }),
        );
        assert.equal(belief.unknown, 0);
        assert.equal(belief.label, 'crop');
      }
    }
  });

  it('begins anew with a head of other labels, another backbone, or after a reset', () => {
    const other: [string, (filter: BeliefFilter) => BeliefFrame][] = [
      ['labels', () => frameOf([0.2, 0.2, 0.6], { labels: ['crop', 'soil', 'stone'] })],
      ['one more label', () => frameOf([0.1, 0.2, 0.6, 0.1], { labels: [...LABELS, 'stone'] })],
      ['features', () => frameOf([0.2, 0.2, 0.6], { features: Float32Array.of(1, 0, 0) })],
      ['no novelty', () => frameOf([0.2, 0.2, 0.6], { noveltyPValue: null })],
      [
        'reset',
        (filter) => {
          filter.reset();
          return frameOf([0.2, 0.2, 0.6]);
        },
      ],
    ];
    for (const [what, change] of other) {
      const filter = newFilter();
      for (let step = 0; step < 5; step++) {
        filter.observe(frameOf([0.9, 0.05, 0.05], pictureAt(step * 0.3)));
      }
      const next = change(filter);
      assert.deepEqual(filter.observe(next), newFilter().observe(next), what);
    }
    const filter = newFilter();
    for (let step = 0; step < 5; step++) filter.observe(frameOf([0.9, 0.05, 0.05]));
    assert.ok(filter.observe(frameOf([0.9, 0.05, 0.05], { labels: [...LABELS] })).frames > 1);
  });

  it('believes less in the scene before after a pause, and does not mind a wrong clock', () => {
    const afterGap = (gapMs: number) => {
      const filter = newFilter();
      const see = (p: number[], step: number, atMs: number) =>
        filter.observe(frameOf(p, { atMs, ...pictureAt(step * 0.3) }));
      for (let step = 0; step < 10; step++) see([0.8, 0.1, 0.1], step, step * 200);
      return see([0.3, 0.3, 0.4], 10, 1_800 + gapMs);
    };
    const usual = afterGap(200);
    assert.ok(afterGap(2_000).changeProbability > usual.changeProbability);
    const day = afterGap(86_400_000);
    assert.equal(day.changed, true);
    close(known(day)[2]!, 0.4, 1e-5);
    for (const wrong of [0, -5_000, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(afterGap(wrong), usual, `${wrong}`);
    }
  });

  it('keeps no features that its caller may overwrite', () => {
    const [kept, overwritten] = [newFilter(), newFilter()];
    const buffer = new Float32Array(2);
    for (let step = 0; step < 5; step++) {
      const { features, dhash } = pictureAt(step * 0.3);
      buffer.set(features);
      assert.deepEqual(
        overwritten.observe(frameOf([0.6, 0.3, 0.1], { features: buffer, dhash })),
        kept.observe(frameOf([0.6, 0.3, 0.1], { features, dhash })),
      );
    }
  });

  it('survives features that mean nothing and probabilities that are none', () => {
    const filter = newFilter();
    for (const features of [Float32Array.of(0, 0), Float32Array.of(Number.NaN, 1)]) {
      for (const p of [
        [1, 0, 0],
        [Number.NaN, Number.NaN, Number.NaN],
      ]) {
        const belief = filter.observe(frameOf(p, { features }));
        assert.ok(Number.isFinite(belief.belief));
      }
    }
    assert.throws(() => filter.observe(frameOf([0.5, 0.5])), RangeError);
  });

  for (const [how, model] of [
    ['', null],
    [', by points', modelOf(FEATURES, [0.17, 0.17, 0.17])],
  ] as const) {
    it(`is wrong less often than single frames, and no more often where scenes change${how}`, () => {
      const scenes = drawScenes({
        seed: 5,
        scenes: 300,
        perScene: 8,
        shared: 0.2,
        within: 0.3,
        between: 1,
        lead: 1.2,
      });
      const filter = newFilter();
      const wrong = { single: 0, belief: 0, singleFirst: 0, beliefFirst: 0 };
      let losses = { single: 0, belief: 0 };
      for (const { label, frames: seen } of scenes) {
        for (const [age, look] of seen.entries()) {
          const truth = LABELS.indexOf(label);
          const image = frameOf(look.probabilities, look);
          const belief = filter.observe(model ? placed(model, image) : image);
          const single = look.probabilities.indexOf(Math.max(...look.probabilities)) !== truth;
          const filtered = belief.label !== label;
          wrong.single += Number(single);
          wrong.belief += Number(filtered);
          if (age < 3) {
            wrong.singleFirst += Number(single);
            wrong.beliefFirst += Number(filtered);
          }
          losses = {
            single: losses.single - Math.log(look.probabilities[truth]!),
            belief: losses.belief - Math.log(known(belief)[truth]!),
          };
        }
      }
      assert.ok(wrong.belief < 0.67 * wrong.single, JSON.stringify(wrong));
      assert.ok(wrong.beliefFirst <= wrong.singleFirst, JSON.stringify(wrong));
      assert.ok(losses.belief < 0.8 * losses.single, JSON.stringify(losses));
    });
  }
});
