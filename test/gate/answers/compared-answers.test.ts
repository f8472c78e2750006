import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { markAnswers } from '../../../src/gate/answers/answer-marks.js';
import {
  championPairs,
  compareAnswers,
  pairedAnswers,
} from '../../../src/gate/answers/compared-answers.js';
import { presentAnswers } from '../../../src/gate/answers/sample-answer.js';
import {
  answerOf,
  drawnAnswers,
  drawnPresent,
  drawnPresentAnswers,
  uuid,
} from './drawn-answers.js';

describe('two heads on the same samples', () => {
  it('are right or wrong together or alone, each sample once', () => {
    fc.assert(
      fc.property(drawnPresentAnswers, drawnPresentAnswers, (before, later) => {
        // Of the same samples: a sample has one label.
        const now = later.map((answer, i) => {
          const truth = before[i]?.truth ?? answer.truth;
          return { ...answer, truth, right: answer.label === truth };
        });
        const pairs = pairedAnswers(before, now);
        const judged = Math.min(before.length, now.length);
        const both = [...Array(judged).keys()].filter((i) => before[i]!.judged && now[i]!.judged);
        assert.deepEqual(
          pairs.map(({ id }) => id),
          both.map(uuid),
        );
        const { samples, bothRight, bothWrong, gained, lost, classes } = compareAnswers(pairs);
        const ids = [
          ...bothRight,
          ...bothWrong,
          ...gained.map(({ id }) => id),
          ...lost.map(({ id }) => id),
        ];
        assert.equal(samples, both.length);
        assert.deepEqual([...ids].sort(), both.map(uuid));
        for (const { truth, before: old, now: fresh } of gained) {
          assert.ok(old.label !== truth && fresh.label === truth);
        }
        for (const { truth, before: old, now: fresh } of lost) {
          assert.ok(old.label === truth && fresh.label !== truth);
        }
        const right = (of: 'rightBefore' | 'rightNow') =>
          classes.reduce((sum, each) => sum + each[of], 0);
        assert.equal(right('rightNow') - right('rightBefore'), gained.length - lost.length);
        // The other way round, what was gained is lost.
        const back = compareAnswers(pairedAnswers(now, before));
        assert.deepEqual(back.gained.map(({ id }) => id).sort(), lost.map(({ id }) => id).sort());
      }),
    );
  });

  it('show what changed most first, and of every pass one before a second', () => {
    const change = (n: number, probability: number, group: string) =>
      answerOf(n, {
        group,
        probability: 0.9,
        champion: { label: 'weed', confidence: 0.8, probability },
      });
    const { gained } = compareAnswers(
      championPairs([
        change(1, 0.3, 'a'),
        change(2, 0.1, 'a'),
        change(3, 0.2, 'b'),
        answerOf(4),
        change(5, 0.15, 'a'),
      ]),
    );
    assert.deepEqual(
      gained.map(({ id }) => id),
      [2, 3, 5, 1].map(uuid),
    );
    assert.deepEqual(gained[0]!.before, { label: 'weed', confidence: 0.8 });
    assert.deepEqual(gained[0]!.now, { label: 'crop', confidence: 0.9 });
  });
});

describe('answers with the labels of now', () => {
  it('follow corrected labels, and forget samples that went', () => {
    fc.assert(
      fc.property(
        drawnAnswers.chain((answers) => drawnPresent(answers).map((now) => ({ answers, now }))),
        ({ answers, now }) => {
          const present = presentAnswers(answers, now);
          assert.deepEqual(
            present.map(({ id }) => id),
            answers.filter(({ id }) => now.has(id)).map(({ id }) => id),
          );
          for (const { id, truth, label, right, relabelled } of present) {
            assert.equal(truth, now.get(id)!.label);
            assert.equal(right, label === truth);
            assert.equal(relabelled, truth !== answers.find((a) => a.id === id)!.truth);
          }
        },
      ),
    );
  });

  it('know the probability of a corrected label where it was one of the first two', () => {
    const stored = answerOf(1, { label: 'weed', second: 'stone', secondProbability: 0.07 });
    const probability = (label: string) =>
      presentAnswers([stored], new Map([[stored.id, { label, group: 'a' }]]))[0]!.probability;
    assert.deepEqual(['crop', 'weed', 'stone', 'oats'].map(probability), [0.05, 0.9, 0.07, 0]);
  });

  it('call classes as they are called now', () => {
    const stored = answerOf(1, {
      truth: 'crop',
      label: 'weed',
      confidence: 0.5,
      second: 'stone',
      secondProbability: 0.25,
      champion: { label: 'weed', confidence: 0.9, probability: 0.1 },
    });
    const now = new Map([[stored.id, { label: 'beet', group: 'a' }]]);
    const [renamed] = presentAnswers([stored], now, new Map([['crop', 'beet']]));
    assert.deepEqual([renamed!.truth, renamed!.relabelled, renamed!.right], ['beet', false, false]);
    const [merged] = presentAnswers(
      [stored],
      new Map([[stored.id, { label: 'weed', group: 'a' }]]),
      new Map([['stone', 'weed']]),
    );
    assert.deepEqual([merged!.confidence, merged!.right], [0.75, true]);
    const [both] = presentAnswers([stored], now, new Map([['weed', 'beet']]));
    assert.deepEqual([both!.right, both!.champion!.label], [true, 'beet']);
  });
});

describe('marks of labelled samples', () => {
  const mark = (about: Parameters<typeof answerOf>[1], sureFrom: number | null = null) =>
    markAnswers([answerOf(1, about)], sureFrom).get(uuid(1));

  it('call wrong what the head could have known, and suspect what it is sure of', () => {
    const sure = { label: 'weed', confidence: 0.7 };
    assert.deepEqual(mark(sure), { wrong: true, doubtful: false, suspect: true });
    assert.deepEqual(mark({ ...sure, confidence: 0.69 }), {
      wrong: true,
      doubtful: false,
      suspect: false,
    });
    assert.equal(mark({ ...sure, knowable: false }), undefined, 'it never saw the class');
    assert.equal(mark({}), undefined);
  });

  it('call doubtful what is right by a little, or by a guess', () => {
    const close = { confidence: 0.5, secondProbability: 0.31 };
    assert.deepEqual(mark(close), { wrong: false, doubtful: true, suspect: false });
    assert.equal(mark({ confidence: 0.5, secondProbability: 0.29 }), undefined);
    assert.equal(mark({ confidence: 0.8 }, 0.85)?.doubtful, true);
    assert.equal(mark({ confidence: 0.9 }, 0.85), undefined);
    assert.equal(mark({ confidence: 0.9 }, 2), undefined, 'where all is a guess, it says nothing');
  });
});
