import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { spentAlpha } from '../../src/head/compare.js';
import { decide } from '../../src/training/gate.js';
import type { ExamLook, GateInput, GateSettings } from '../../src/training/gate-input.js';
import { type HeadAnswer, majorityBaseline, scoreAnswers } from '../../src/training/scorecard.js';

const words = (text: string): string[] => text.split(' ').filter(Boolean);
const times = (n: number, label: string): string => `${label} `.repeat(n);

interface Case {
  name: string;
  truth: string;
  challenger: string;
  champion?: string | null;
  /** Certainty of the challenger's answers; the champion's is 0.9. */
  certainty?: number;
  /** Frames per pass. */
  perGroup?: number;
  notInExam?: boolean;
  challengerLabels?: string;
  championLabels?: string;
  labelsWithSamples?: string;
  settings?: Partial<GateSettings>;
  look?: ExamLook;
  unknownScores?: GateInput['unknownScores'];
  damaged?: boolean;
  /** Of 100. */
  newlyLearnt?: number;
  promote: boolean;
  reason: RegExp;
}

const SETTINGS: GateSettings = {
  macroF1Margin: 0.01,
  largeExamSamples: 1_000,
  lossMargin: 0.05,
  unknownAurocMargin: 0.02,
  minExamSamples: 20,
  bootstrapDraws: 400,
};
const FIRST_LOOK: ExamLook = { count: 1, alpha: spentAlpha(1) };

function says(answer: string, truth: string, certainty: number, classes: number): HeadAnswer {
  const rest = (1 - certainty) / (classes - 1);
  return {
    label: answer,
    confidence: certainty,
    probability: answer === truth ? certainty : rest,
  };
}

function inputOf(c: Case): GateInput {
  const truth = words(c.truth);
  const challenger = words(c.challenger);
  const champion = c.champion ? words(c.champion) : null;
  const labels = words(c.labelsWithSamples ?? 'crop weed');
  const answer = (labelsGiven: string[], i: number, certainty: number): HeadAnswer =>
    says(labelsGiven[i] as string, truth[i] as string, certainty, labels.length);
  return {
    source: 'exam',
    note: null,
    samples: truth.map((label, i) => ({
      id: `s${i}`,
      label,
      group: `g${Math.floor(i / (c.perGroup ?? 1))}`,
      exam: !c.notInExam,
      challenger: answer(challenger, i, c.certainty ?? 0.9),
      champion: champion && answer(champion, i, 0.9),
    })),
    compared: champion ? 'heads' : 'nothing',
    champion:
      c.champion === undefined
        ? null
        : { version: 3, labels: words(c.championLabels ?? 'crop weed') },
    newlyLearnt: c.newlyLearnt ?? 0,
    learnt: 100,
    challengerLabels: words(c.challengerLabels ?? 'crop weed'),
    labelsWithSamples: labels,
    unknownScores: c.unknownScores ?? null,
    golden: { seed: 1, rows: 1, trained: 'a', readBack: c.damaged ? 'b' : 'a' },
    look: c.look ?? FIRST_LOOK,
    seed: 7,
    settings: { ...SETTINGS, ...c.settings },
  };
}

/** Passes of one sample; to the challenger only the first `told` look stranger when unknown. */
function strangeness(passes: number, told: number): GateInput['unknownScores'] {
  return Array.from({ length: passes }, (_, i) => ({
    group: `g${i}`,
    challenger: { known: 0, unknown: i < told ? 1 : -1 },
    champion: { known: 0, unknown: 1 },
  }));
}

const BOTH = times(40, 'crop') + times(40, 'weed');
/** Wrong on `wrong` of the 40 weeds. */
const someWeedWrong = (wrong: number): string =>
  times(40, 'crop') + times(wrong, 'crop') + times(40 - wrong, 'weed');

const CASES: Case[] = [
  {
    name: 'a first head that knows more than the most frequent class',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    promote: true,
    reason: /^promoted on 4 exam samples: .*mean recall 1\.000 .* against 0\.500 and 0\.429/,
  },
  {
    name: 'a first head that always answers the most frequent class',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop crop',
    promote: false,
    reason: /^refused on 4 exam samples: mean recall 0\.500 and macro-F1 0\.429/,
  },
  {
    name: 'a first head that is right less often than the most frequent class, but knows both',
    truth: times(8, 'crop') + times(2, 'weed'),
    challenger: times(5, 'crop') + times(3, 'weed') + times(2, 'weed'),
    promote: true,
    reason: /mean recall 0\.813 and macro-F1 0\.670 against 0\.500 and 0\.444/,
  },
  {
    name: 'a first head that guesses, although its macro-F1 is above that of one answer',
    truth: 'crop crop crop crop weed weed',
    challenger: 'crop crop weed weed crop weed',
    promote: false,
    reason: /mean recall 0\.500 and macro-F1 0\.486 against 0\.500 and 0\.400/,
  },
  {
    name: 'a head that does not answer from the disk as before',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    damaged: true,
    promote: false,
    reason: /read back from the disk it does not answer as it did before/,
  },
  {
    name: 'clearly better',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    promote: true,
    reason: /macro-F1 1\.000 against 0\.847 of head 3, with 96\.96 % certainty at least \+0\.0/,
  },
  {
    name: 'the same answers as the serving head, as sure: a change for nothing',
    truth: BOTH,
    challenger: someWeedWrong(8),
    champion: someWeedWrong(8),
    promote: false,
    reason:
      /^refused on 80 exam samples: no gain over head 3: log-loss 0\.325 against 0\.325, where chance explains 0\.003$/,
  },
  {
    name: 'the same answers as the serving head, better calibrated',
    truth: BOTH,
    challenger: someWeedWrong(16),
    champion: someWeedWrong(16),
    certainty: 0.85,
    // Equal certainties make the bins of the calibration error count extremes.
    settings: { lossMargin: 0.2 },
    promote: true,
    reason: /surer of the right answers: log-loss 0\.508 against 0\.541/,
  },
  {
    name: 'the same answers, and a tenth of what it learnt is new',
    truth: BOTH,
    challenger: someWeedWrong(8),
    champion: someWeedWrong(8),
    newlyLearnt: 10,
    promote: true,
    reason: /equal, and it has learnt 10 more samples/,
  },
  {
    name: 'the same answers, and less than a tenth of what it learnt is new',
    truth: BOTH,
    challenger: someWeedWrong(8),
    champion: someWeedWrong(8),
    newlyLearnt: 9,
    promote: false,
    reason: /^refused on 80 exam samples: no gain over head 3/,
  },
  {
    name: 'clearly worse',
    truth: BOTH,
    challenger: someWeedWrong(12),
    champion: BOTH,
    promote: false,
    reason:
      /could be −0\.2\d\d where −0\.010 is allowed.*"weed" is worse: 12 passes lost and 0 won/,
  },
  {
    name: 'better, but too little for so few samples',
    truth: 'crop crop crop crop weed weed weed weed',
    challenger: 'weed crop crop crop weed weed weed weed',
    champion: 'crop weed weed crop weed weed weed weed',
    promote: false,
    reason: /could be −/,
  },
  {
    name: 'better, but all in one pass',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    perGroup: 80,
    promote: false,
    reason: /all samples are of one group, which proves nothing/,
  },
  {
    name: 'worse where the margin is wide',
    truth: BOTH,
    challenger: someWeedWrong(2),
    champion: BOTH,
    settings: { macroF1Margin: 0.3 },
    promote: false,
    reason: /^refused on 80 exam samples: no gain over head 3/,
  },
  {
    name: 'better by the first look, but the exam was looked at ten times',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(5),
    look: { count: 10, alpha: spentAlpha(10) },
    settings: { macroF1Margin: 0 },
    promote: true,
    reason: /with 99\.97 % certainty at least \+0\.000/,
  },
  {
    name: 'a class of the serving head is not known any more',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    championLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: false,
    reason: /does not know "stone", which the serving head knows and which still has samples/,
  },
  {
    name: 'a class of the serving head has no sample left',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    championLabels: 'crop stone weed',
    promote: true,
    reason: /knows every class/,
  },
  {
    name: 'a class with ten samples is never right any more',
    truth: times(10, 'weed') + times(90, 'crop'),
    challenger: times(10, 'crop') + times(90, 'crop'),
    champion: `${times(3, 'weed')}${times(7, 'crop')}${times(90, 'crop')}`,
    settings: { macroF1Margin: 0.5 },
    promote: false,
    reason: /never right on "weed", which the serving head recognises/,
  },
  {
    name: 'a class is worse although the whole is better',
    truth: times(40, 'crop') + times(40, 'weed') + times(40, 'stone'),
    challenger: times(40, 'crop') + times(30, 'weed') + times(10, 'crop') + times(40, 'stone'),
    champion: times(40, 'crop') + times(40, 'weed') + times(40, 'weed'),
    challengerLabels: 'crop stone weed',
    championLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: false,
    reason:
      /^refused on 120 exam samples: "weed" is worse: 10 passes lost and 0 won \(p = 0\.00098\)/,
  },
  {
    name: 'one bad pass of a class is one vote',
    truth: times(40, 'crop') + times(40, 'weed') + times(40, 'stone'),
    challenger: times(40, 'crop') + times(30, 'weed') + times(10, 'crop') + times(40, 'stone'),
    champion: times(40, 'crop') + times(40, 'weed') + times(40, 'weed'),
    perGroup: 10,
    challengerLabels: 'crop stone weed',
    championLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    settings: { macroF1Margin: 0.2 },
    promote: true,
    reason: /no class worse/,
  },
  {
    name: 'a class is new: the serving head is wrong on it',
    truth: BOTH + times(20, 'stone'),
    challenger: BOTH + times(20, 'stone'),
    champion: BOTH + times(20, 'crop'),
    challengerLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: true,
    reason: /it also knows "stone"/,
  },
  {
    name: 'a class is new that the evidence does not have yet',
    truth: BOTH,
    challenger: someWeedWrong(4),
    champion: someWeedWrong(4),
    challengerLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: true,
    reason: /it also knows "stone"/,
  },
  {
    name: 'more often right, but far too sure',
    truth: BOTH,
    challenger: someWeedWrong(8),
    champion: someWeedWrong(9),
    certainty: 0.9999,
    promote: false,
    reason: /no gain over head 3.*; log-loss 0\.\d+ against 0\.\d+, where 5 % more is allowed/,
  },
  {
    name: 'not sure enough of right answers',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(8),
    certainty: 0.55,
    promote: false,
    reason: /calibration error 0\.450 against 0\.170/,
  },
  {
    name: 'it recognises unknown things worse',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    unknownScores: strangeness(100, 82),
    promote: false,
    reason:
      /^refused on 80 exam samples: tells unknown things apart with AUROC 0\.820 against 1\.000, where 0\.020 less is allowed and chance explains 0\.0/,
  },
  {
    name: 'it recognises unknown things a little worse',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    unknownScores: strangeness(100, 97),
    promote: true,
    reason: /AUROC 0\.970 against 1\.000/,
  },
  {
    name: 'it recognises unknown things much worse, but on three passes',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    unknownScores: strangeness(3, 2),
    promote: true,
    reason: /AUROC 0\.667 against 1\.000/,
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
    const input = inputOf(CASES[5] as Case);
    const decision = decide({ ...input, source: 'leave-group-out', note: 'The exam is small.' });
    assert.equal(decision.evidence, 'leave-group-out');
    assert.match(decision.reason, /on 80 samples by leave-group-out: .*\. The exam is small\.$/);
  });

  it('asks for more the more often the same exam was looked at', () => {
    const bounds = [1, 2, 5, 20].map((count) => {
      const input = inputOf({
        ...(CASES[5] as Case),
        champion: someWeedWrong(5),
        look: { count, alpha: spentAlpha(count) },
      });
      return decide(input).checks.find(({ name }) => name === 'macro-f1')?.values.lower as number;
    });
    for (let i = 1; i < bounds.length; i++) assert.ok(bounds[i]! <= bounds[i - 1]!, `${bounds}`);
    assert.ok(bounds.at(-1)! < bounds[0]!, `${bounds}`);
  });

  it('lets the margin go when the exam is large', () => {
    const many = times(600, 'crop') + times(600, 'weed');
    const margin = (largeExamSamples: number): unknown =>
      decide(
        inputOf({
          ...(CASES[5] as Case),
          ...{ truth: many, challenger: many, champion: many },
          settings: { largeExamSamples },
        }),
      ).checks.find(({ name }) => name === 'macro-f1')?.values.margin;
    assert.equal(margin(1_200), 0);
    assert.equal(margin(1_201), 0.01);
  });

  it('does not let a good lot of training samples outvote the exam', () => {
    const truth = BOTH + BOTH;
    const input = inputOf({
      ...(CASES[5] as Case),
      ...{ truth, challenger: BOTH + someWeedWrong(8), champion: someWeedWrong(30) + BOTH },
    });
    const samples = input.samples.map((sample, i) => ({ ...sample, exam: i >= 80 }));
    const decision = decide({ ...input, source: 'leave-group-out', samples });
    assert.deepEqual(
      decision.checks.filter(({ passed }) => !passed).map(({ name }) => name),
      ['exam-not-worse'],
    );
    assert.match(decision.reason, /log-loss on the exam 0\.\d+ against 0\.\d+/);
  });

  const LABELS = ['a', 'b', 'c', 'd'];
  const label = fc.constantFrom(...LABELS);
  const sample = fc.record({ truth: label, challenger: label, champion: label, group: fc.nat(9) });

  it('never fails one more check of rightness when one more answer is right', () => {
    fc.assert(
      fc.property(
        fc.array(sample, { minLength: 1, maxLength: 60 }),
        fc.nat(),
        fc.constantFrom(0, 0.01, 0.2),
        fc.boolean(),
        (samples, at, margin, first) => {
          const index = at % samples.length;
          const checksOn = (challenger: string[]) => {
            const input = inputOf({
              ...{ name: '', promote: true, reason: /./ },
              truth: samples.map((s) => s.truth).join(' '),
              challenger: challenger.join(' '),
              ...(first ? {} : { champion: samples.map((s) => s.champion).join(' ') }),
              ...{ challengerLabels: LABELS.join(' '), championLabels: LABELS.join(' ') },
              labelsWithSamples: LABELS.join(' '),
              settings: { macroF1Margin: margin, bootstrapDraws: 200 },
            });
            const grouped = input.samples.map((s, i) => ({ ...s, group: `g${samples[i]?.group}` }));
            return decide({ ...input, samples: grouped }).checks;
          };
          const answers = samples.map((s) => s.challenger);
          const better = [...answers];
          better[index] = samples[index]?.truth as string;
          const after = new Map(checksOn(better).map((check) => [check.name, check]));
          for (const { name, passed, values } of checksOn(answers)) {
            const now = after.get(name);
            if (name === 'beats-majority' || name === 'macro-f1' || name === 'no-class-lost') {
              assert.ok(now?.passed || !passed, `${name}: ${JSON.stringify([values, now])}`);
            }
            if (name === 'macro-f1') {
              assert.ok((now?.values.lower as number) >= (values.lower as number) - 1e-12);
              assert.ok((now?.values.delta as number) >= (values.delta as number) - 1e-12);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses a challenger that answers as the champion does for nothing but having no gain', () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 2, maxLength: 60 }), (samples) => {
        const champion = samples.map((s) => s.champion).join(' ');
        const input = inputOf({
          ...{ name: '', promote: false, reason: /./, champion, challenger: champion },
          truth: samples.map((s) => s.truth).join(' '),
          ...{ challengerLabels: LABELS.join(' '), championLabels: LABELS.join(' ') },
          labelsWithSamples: LABELS.join(' '),
          settings: { macroF1Margin: 0, bootstrapDraws: 200 },
        });
        const failed = decide(input).checks.filter(({ passed }) => !passed);
        assert.deepEqual(
          failed.map(({ name }) => name),
          ['gain'],
        );
      }),
      { numRuns: 300 },
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
        assert.ok(Math.abs(baseline.meanRecall - always.meanRecall) < 1e-12);
        assert.ok(Math.abs(baseline.macroF1 - always.macroF1) < 1e-12);
      }),
    );
  });
});
