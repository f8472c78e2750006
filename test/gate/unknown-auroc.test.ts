import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../src/base/random.js';
import { decide } from '../../src/gate/decide.js';
import { comparedAuroc, scoreUnknowns, type UnknownScores } from '../../src/gate/unknown-auroc.js';
import type { Head } from '../../src/head/head.js';
import type { TrainingSet } from '../../src/head/training-set.js';
import { fitNovelty } from '../../src/head/unknown/novelty-fit.js';
import type { NoveltyModel } from '../../src/head/unknown/novelty-model.js';
import { clusters, shareOfOrderedPairs } from '../head/synthetic.js';

const LABELS = ['crop', 'soil', 'stone', 'weed'];
const SIZE = 24;

/** Even groups are learnt, odd ones are the holdout. */
function world() {
  const all = clusters({
    classes: 4,
    groupsPerClass: 12,
    perGroup: 4,
    views: 0,
    featureSize: SIZE,
    seed: 5,
    separation: 3,
  });
  const rows = (holdout: boolean): number[] =>
    [...all.labels.keys()].filter((row) => (all.groups[row]! % 2 === 1) === holdout);
  const pick = (holdout: boolean): TrainingSet => {
    const chosen = rows(holdout);
    const features = new Float32Array(chosen.length * SIZE);
    chosen.forEach((row, i) => {
      features.set(all.features.subarray(row * SIZE, (row + 1) * SIZE), i * SIZE);
    });
    return {
      ...all,
      features,
      rows: chosen.length,
      samples: Int32Array.from(chosen.keys()),
      labels: Int32Array.from(chosen, (row) => all.labels[row]!),
      groups: Int32Array.from(chosen, (row) => all.groups[row]!),
      isView: new Uint8Array(chosen.length),
    };
  };
  const [training, holdout] = [pick(false), pick(true)];
  const samples = [...holdout.labels].map((label, i) => ({
    label: LABELS[label]!,
    group: `g${holdout.groups[i]}`,
  }));
  return { training, holdout, samples };
}

function headWith(novelty: NoveltyModel | undefined, labels = LABELS): Head {
  return {
    learner: 'ridge',
    labels,
    featureSize: SIZE,
    backboneChecksum: 'a'.repeat(64),
    transform: 'none',
    temperature: 1,
    bias: new Float32Array(labels.length),
    weights: new Float32Array(labels.length * SIZE),
    ...(novelty ? { novelty } : {}),
  };
}

/** The same model with its classes somewhere else. */
function damaged(model: NoveltyModel): NoveltyModel {
  const random = createRandom(3);
  return { ...model, means: model.means.map(() => random.uniform(-8, 8)) };
}

describe('how well two heads tell unknown things apart', () => {
  const { training, holdout, samples } = world();
  const novelty = fitNovelty(training);
  const seen = (head: Head) => ({ head, features: holdout.features });
  const compare = (own: Head, other: Head): UnknownScores[] | null =>
    scoreUnknowns(seen(own), seen(other), samples, 20);

  it('is the same for the same model, and well above chance', () => {
    const { challenger, champion, standardError } = comparedAuroc(
      compare(headWith(novelty), headWith(novelty))!,
    );
    assert.equal(challenger, champion);
    assert.equal(standardError, 0);
    assert.ok(challenger > 0.9, `${challenger}`);
  });

  it('falls when the model is damaged, and the gate refuses the head and says why', () => {
    const unknownScores = compare(headWith(damaged(novelty)), headWith(novelty));
    const { challenger, champion } = comparedAuroc(unknownScores!);
    assert.ok(challenger < champion - 0.1, `${challenger} against ${champion}`);
    const answer = (label: string, probability: number) => ({
      label,
      confidence: probability,
      probability,
    });
    const decisionOn = (scores: UnknownScores[] | null) =>
      decide({
        source: 'holdout',
        note: null,
        compared: 'heads',
        newlyLearnt: 10,
        learnt: 100,
        removed: 0,
        samples: samples.map(({ label, group }, i) => ({
          id: `${i}`,
          label,
          group,
          holdout: true,
          challenger: answer(label, 0.97),
          champion: answer(i % 4 === 0 ? 'none' : label, i % 4 === 0 ? 0.1 : 0.9),
        })),
        champion: { version: 1, labels: LABELS, learnt: 90 },
        challengerLabels: LABELS,
        labelsWithSamples: LABELS,
        unknownScores: scores,
        golden: { seed: 1, rows: 1, trained: 'a', readBack: 'a' },
        settings: {
          learningExponent: 0.3,
          gainSpread: 0.03,
          evidenceSpread: 0.03,
          unknownAurocMargin: 0.02,
        },
      });
    const refused = decisionOn(unknownScores);
    assert.equal(refused.promote, false);
    assert.match(
      refused.reason,
      /fails "unknowns"\. On \d+ holdout samples: detects unknown things with AUROC 0\.\d+ against 0\.9\d+/,
    );
    assert.equal(decisionOn(compare(headWith(novelty), headWith(novelty))).promote, true);
  });

  it('takes a class that one head does not know for unknown, to both', () => {
    const three: TrainingSet = training;
    const without = [...three.labels.keys()].filter((row) => three.labels[row] !== 3);
    const features = new Float32Array(without.length * SIZE);
    without.forEach((row, i) => {
      features.set(three.features.subarray(row * SIZE, (row + 1) * SIZE), i * SIZE);
    });
    const smaller = fitNovelty({
      features,
      rows: without.length,
      featureSize: SIZE,
      classCount: 3,
      labels: Int32Array.from(without, (row) => three.labels[row]!),
      groups: Int32Array.from(without, (row) => three.groups[row]!),
      isView: new Uint8Array(without.length),
    });
    const scores = compare(headWith(novelty), headWith(smaller, LABELS.slice(0, 3)))!;
    samples.forEach(({ label }, i) => {
      for (const { known } of [scores[i]!.challenger, scores[i]!.champion]) {
        assert.equal(known === null, label === 'weed');
      }
    });
    assert.ok(comparedAuroc(scores).champion > 0.9);
  });

  it('is not measured with too few samples or without a model', () => {
    const few = samples.slice(0, 19);
    const own = seen(headWith(novelty));
    assert.equal(scoreUnknowns(own, own, few, 20), null);
    assert.equal(compare(headWith(undefined), headWith(novelty)), null);
    assert.equal(compare(headWith(novelty), headWith(undefined)), null);
    const crops = samples.map(({ group }) => ({ group, label: 'crop' }));
    assert.equal(scoreUnknowns(own, own, crops, 20), null);
  });

  it('counts pairs, equal ones half, and its error does not depend on the order', () => {
    const strangeness = fc.record({
      known: fc.option(fc.integer({ min: 0, max: 5 })),
      unknown: fc.integer({ min: 0, max: 8 }),
    });
    const score = fc.record({
      group: fc.constantFrom('a', 'b', 'c'),
      challenger: strangeness,
      champion: strangeness,
    });
    const first = { known: 0, unknown: 1 };
    fc.assert(
      fc.property(fc.array(score, { maxLength: 30 }), (drawn) => {
        const scores = [{ group: 'a', challenger: first, champion: first }, ...drawn];
        const { challenger, standardError } = comparedAuroc(scores);
        const unknown = scores.map((one) => one.challenger.unknown);
        const known = scores.flatMap((one) => one.challenger.known ?? []);
        assert.ok(Math.abs(challenger - shareOfOrderedPairs(unknown, known)!) < 1e-12);
        const reversed = comparedAuroc([...scores].reverse());
        if (Number.isFinite(standardError)) {
          assert.ok(Math.abs(reversed.standardError - standardError) < 1e-12);
        }
      }),
      { numRuns: 100 },
    );
  });
});
