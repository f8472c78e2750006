import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  calibrationBins,
  classFigures,
  confusionCells,
} from '../../../src/gate/answers/answer-figures.js';
import { answerScore } from '../../../src/gate/answers/answer-score.js';
import { scoreAnswers } from '../../../src/gate/scorecard.js';
import { answerOf, drawnPresentAnswers, uuid } from './drawn-answers.js';

describe('the confusion matrix of stored answers', () => {
  it('has every sample in exactly one cell, that of its label and its answer', () => {
    fc.assert(
      fc.property(drawnPresentAnswers, (answers) => {
        const cells = confusionCells(answers);
        const ids = cells.flatMap((cell) => cell.ids);
        assert.deepEqual([...ids].sort(), answers.map(({ id }) => id).sort());
        for (const { truth, answer, ids: own } of cells) {
          assert.ok(own.length > 0);
          const wanted = answers.filter((a) => a.truth === truth && a.label === answer);
          assert.deepEqual(
            own,
            wanted.map(({ id }) => id),
          );
        }
      }),
    );
  });

  it('gives the figures of each class as scikit-learn defines them', () => {
    fc.assert(
      fc.property(drawnPresentAnswers, (answers) => {
        const classes = classFigures(confusionCells(answers));
        const sum = (of: 'samples' | 'answered' | 'right') =>
          classes.reduce((total, each) => total + each[of], 0);
        assert.equal(sum('samples'), answers.length);
        assert.equal(sum('answered'), answers.length);
        assert.equal(sum('right'), answers.filter((a) => a.label === a.truth).length);
        if (answers.length === 0) return;
        const { perClass } = scoreAnswers(
          answers.map((a) => a.truth),
          answers.map((a) => a.label),
        );
        for (const { label, f1, support } of perClass) {
          const own = classes.find((each) => each.label === label)!;
          assert.equal(own.samples, support);
          assert.ok(Math.abs(own.f1 - f1) < 1e-12);
          if (own.precision + own.recall > 0) {
            const harmonic = (2 * own.precision * own.recall) / (own.precision + own.recall);
            assert.ok(Math.abs(own.f1 - harmonic) < 1e-12);
          }
        }
      }),
    );
  });

  it('names the class that another one is most often taken for', () => {
    const [crop, stone, weed] = classFigures(
      confusionCells([
        answerOf(1, { label: 'weed' }),
        answerOf(2, { label: 'weed' }),
        answerOf(3, { label: 'stone' }),
        answerOf(4),
        answerOf(5, { truth: 'weed', label: 'weed' }),
      ]),
    );
    assert.deepEqual(crop!.confusedWith, { label: 'weed', samples: 2 });
    assert.deepEqual([crop!.recall, crop!.precision], [0.25, 1]);
    assert.deepEqual([stone!.samples, stone!.answered, stone!.precision], [0, 1, 0]);
    assert.deepEqual([weed!.precision, weed!.recall, weed!.confusedWith], [1 / 3, 1, null]);
  });
});

describe('the reliability diagram', () => {
  it('has every answer in the bin of its probability', () => {
    fc.assert(
      fc.property(drawnPresentAnswers, (answers) => {
        const bins = calibrationBins(answers);
        assert.equal(bins.length, 10);
        for (const { from, to, samples, right, confidence, accuracy, lower, upper } of bins) {
          const own = answers.filter(
            (a) => a.confidence >= from && (a.confidence < to || (to === 1 && a.confidence === 1)),
          );
          assert.equal(samples, own.length);
          assert.equal(right, own.filter((a) => a.right).length);
          if (samples === 0) {
            assert.deepEqual([confidence, accuracy, lower, upper], [null, null, null, null]);
            continue;
          }
          assert.ok(confidence! >= from && confidence! <= to);
          assert.equal(accuracy, right / samples);
          assert.ok(lower! <= accuracy! && accuracy! <= upper!);
          assert.ok(upper! - lower! > 0, 'an interval is never a point');
        }
      }),
    );
  });
});

describe('the score of stored answers', () => {
  it('counts only judged answers and always leaves room for chance', () => {
    fc.assert(
      fc.property(drawnPresentAnswers, (answers) => {
        const judged = answers.filter((a) => a.judged);
        const score = answerScore(answers);
        assert.deepEqual(score, answerScore(judged));
        if (!score) return assert.equal(judged.length, 0);
        const { accuracy, macroF1 } = scoreAnswers(
          judged.map((a) => a.truth),
          judged.map((a) => a.label),
        );
        assert.deepEqual([score.accuracy, score.macroF1], [accuracy, macroF1]);
        assert.equal(score.holdout, judged.filter((a) => a.holdout).length);
        assert.ok(score.accuracyLower <= accuracy && accuracy <= score.accuracyUpper);
        assert.ok(score.macroF1Lower <= macroF1 && macroF1 <= score.macroF1Upper);
        assert.ok(score.accuracyLower < score.accuracyUpper);
      }),
    );
  });

  it('is 90 to 100 % for 33 of 33 in passes of their own, and less sure of few passes', () => {
    const right = (perGroup: number) =>
      Array.from({ length: 33 }, (_, n) =>
        answerOf(n, { group: `pass ${Math.floor(n / perGroup)}` }),
      );
    const alone = answerScore(right(1))!;
    assert.equal(alone.accuracy, 1);
    assert.ok(Math.abs(alone.accuracyLower - 0.896) < 0.001, `${alone.accuracyLower}`);
    assert.equal(alone.accuracyUpper, 1);
    const together = answerScore(right(11))!;
    assert.equal(together.groups, 3);
    // As `headland evaluate` says: Wilson's bound for 33 / (1 + 10 · 0.3) independent answers.
    assert.ok(Math.abs(together.accuracyLower - 0.682) < 0.001, `${together.accuracyLower}`);
    assert.ok(Math.abs(together.macroF1Lower - 0.682) < 0.001, `${together.macroF1Lower}`);
  });
});

it('drawn ids are those of samples', () => assert.match(uuid(255), /-0000000000ff$/));
