import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decide, type GateInput } from '../../src/training/gate.js';
import { majorityBaseline, scoreAnswers } from '../../src/training/scorecard.js';

const words = (text: string): string[] => text.split(' ').filter(Boolean);
const times = (n: number, label: string): string => `${label} `.repeat(n);

interface Case {
  name: string;
  truth: string;
  challenger: string;
  champion?: string | null;
  challengerLabels?: string;
  championLabels?: string;
  labelsWithSamples?: string;
  margin?: number;
  promote: boolean;
  reason: RegExp;
}

function inputOf(c: Case): GateInput {
  const truth = words(c.truth);
  return {
    source: 'exam',
    note: null,
    challenger: scoreAnswers(truth, words(c.challenger)),
    challengerLabels: words(c.challengerLabels ?? 'crop weed'),
    champion:
      c.champion === undefined
        ? null
        : {
            version: 3,
            labels: words(c.championLabels ?? 'crop weed'),
            scores: c.champion === null ? null : scoreAnswers(truth, words(c.champion)),
          },
    labelsWithSamples: words(c.labelsWithSamples ?? 'crop weed'),
    settings: { macroF1Margin: c.margin ?? 0.01 },
  };
}

const CASES: Case[] = [
  {
    name: 'a first head that knows more than the most frequent class',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    promote: true,
    reason: /^promoted on 4 exam samples: accuracy 1\.000 .* against 0\.750 and 0\.429/,
  },
  {
    name: 'a first head that always answers the most frequent class',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop crop',
    promote: false,
    reason: /^refused on 4 exam samples: accuracy 0\.750 and macro-F1 0\.429/,
  },
  {
    name: 'a first head with a better macro-F1 but no better accuracy',
    truth: 'crop crop crop weed',
    challenger: 'crop crop weed weed',
    promote: false,
    reason: /accuracy 0\.750/,
  },
  {
    name: 'the same answers as the serving head',
    truth: 'crop crop weed weed',
    challenger: 'crop crop weed crop',
    champion: 'crop crop weed crop',
    promote: true,
    reason: /macro-F1 0\.733 against 0\.733 of head 3/,
  },
  {
    name: 'worse than the serving head',
    truth: 'crop crop weed weed',
    challenger: 'crop crop weed crop',
    champion: 'crop crop weed weed',
    promote: false,
    reason: /macro-F1 0\.733 against 1\.000 of head 3, 0\.267 below it where 0\.010 is allowed/,
  },
  {
    name: 'worse, but within the margin',
    truth: 'crop crop weed weed',
    challenger: 'crop crop weed crop',
    champion: 'crop crop weed weed',
    margin: 0.3,
    promote: true,
    reason: /^promoted/,
  },
  {
    name: 'a class of the serving head is not known any more',
    truth: 'crop crop weed weed',
    challenger: 'crop crop weed weed',
    champion: 'crop crop weed weed',
    championLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: false,
    reason: /does not know "stone", which the serving head knows and which still has samples/,
  },
  {
    name: 'a class of the serving head has no sample left',
    truth: 'crop crop weed weed',
    challenger: 'crop crop weed weed',
    champion: 'crop crop weed weed',
    championLabels: 'crop stone weed',
    promote: true,
    reason: /knows every class/,
  },
  {
    name: 'a class with ten samples is never right any more',
    truth: times(10, 'weed') + times(90, 'crop'),
    challenger: times(10, 'crop') + times(90, 'crop'),
    champion: `weed ${times(9, 'crop')}${times(90, 'crop')}`,
    margin: 0.5,
    promote: false,
    reason: /never right on "weed", which the serving head recognises/,
  },
  {
    name: 'a class with nine samples is never right any more',
    truth: times(9, 'weed') + times(90, 'crop'),
    challenger: times(9, 'crop') + times(90, 'crop'),
    champion: `weed ${times(8, 'crop')}${times(90, 'crop')}`,
    margin: 0.5,
    promote: true,
    reason: /no class lost/,
  },
  {
    name: 'a class is new: the serving head is wrong on it',
    truth: 'crop weed stone stone',
    challenger: 'crop weed stone crop',
    champion: 'crop weed crop weed',
    challengerLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: true,
    reason: /^promoted/,
  },
  {
    name: 'no comparison is possible, and it beats the most frequent class',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    champion: null,
    promote: true,
    reason: /of always answering the most frequent class/,
  },
  {
    name: 'no comparison is possible, and a class was lost',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    champion: null,
    championLabels: 'stone',
    labelsWithSamples: 'crop stone weed',
    promote: false,
    reason: /does not know "stone"/,
  },
];

describe('the gate', () => {
  for (const c of CASES) {
    it(`${c.promote ? 'promotes' : 'refuses'}: ${c.name}`, () => {
      const decision = decide(inputOf(c));
      assert.equal(decision.promote, c.promote, decision.reason);
      assert.match(decision.reason, c.reason);
      assert.equal(decision.evidence, c.champion === null ? 'none' : 'exam');
      assert.equal(decision.samples, words(c.truth).length);
      assert.equal(
        decision.promote,
        decision.checks.every((check) => check.passed),
      );
    });
  }

  it('says on what it decided when that is not the exam', () => {
    const input = inputOf(CASES[3] as Case);
    const decision = decide({ ...input, source: 'leave-group-out', note: 'The exam is small.' });
    assert.equal(decision.evidence, 'leave-group-out');
    assert.match(decision.reason, /on 4 samples by leave-group-out: .*\. The exam is small\.$/);
  });

  const LABELS = ['a', 'b', 'c', 'd'];
  const label = fc.constantFrom(...LABELS);
  const sample = fc.record({ truth: label, challenger: label, champion: label });

  it('never turns from promotion to refusal when one more answer of the challenger is right', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { minLength: 1, maxLength: 60 }),
        fc.nat(),
        fc.constantFrom(0, 0.01, 0.2),
        fc.boolean(),
        (samples, at, margin, first) => {
          const truth = samples.map((s) => s.truth);
          const champion = scoreAnswers(
            truth,
            samples.map((s) => s.champion),
          );
          const answers = samples.map((s) => s.challenger);
          const decideOn = (challenger: string[]): boolean =>
            decide({
              source: 'exam',
              note: null,
              challenger: scoreAnswers(truth, challenger),
              challengerLabels: LABELS,
              champion: first ? null : { version: 1, labels: LABELS, scores: champion },
              labelsWithSamples: LABELS,
              settings: { macroF1Margin: margin },
            }).promote;
          const better = [...answers];
          better[at % better.length] = truth[at % truth.length] as string;
          if (decideOn(answers)) assert.ok(decideOn(better));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('always lets through a challenger that answers as the champion does', () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 60 }), (samples) => {
        const scores = scoreAnswers(
          samples.map((s) => s.truth),
          samples.map((s) => s.champion),
        );
        const decision = decide({
          source: 'exam',
          note: null,
          challenger: scores,
          challengerLabels: LABELS,
          champion: { version: 1, labels: LABELS, scores },
          labelsWithSamples: LABELS,
          settings: { macroF1Margin: 0 },
        });
        assert.ok(decision.promote, decision.reason);
      }),
    );
  });
});

describe('the scorecard', () => {
  it('agrees with scikit-learn on a small confusion', () => {
    // f1_score(t, p, labels=['a', 'b', 'c'], average=None) gives these; "x" is none of them.
    const truth = words('a a a b b c');
    const answers = words('a a b b x b');
    const { accuracy, macroF1, perClass } = scoreAnswers(truth, answers);
    assert.equal(accuracy, 3 / 6);
    assert.deepEqual(
      perClass.map(({ label: name, f1, support }) => [name, f1, support]),
      [
        ['a', 4 / 5, 3],
        ['b', 2 / 5, 2],
        ['c', 0, 1],
      ],
    );
    assert.ok(Math.abs(macroF1 - 0.4) < 1e-15);
  });

  it('knows what always answering the most frequent class would score', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }), (truth) => {
        const scores = scoreAnswers(truth, truth);
        const most = [...scores.perClass].sort((x, y) => y.support - x.support)[0]?.label as string;
        const always = scoreAnswers(
          truth,
          truth.map(() => most),
        );
        const baseline = majorityBaseline(scores);
        assert.ok(Math.abs(baseline.accuracy - always.accuracy) < 1e-12);
        assert.ok(Math.abs(baseline.macroF1 - always.macroF1) < 1e-12);
      }),
    );
  });
});
