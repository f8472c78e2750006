import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../src/gate/decide.js';
import type { GateInput, GateSettings } from '../../src/gate/gate-input.js';
import type { HeadAnswer } from '../../src/gate/scorecard.js';

const words = (text: string): string[] => text.split(' ').filter(Boolean);
const times = (n: number, label: string): string => `${label} `.repeat(n);

interface Case {
  name: string;
  truth: string;
  challenger: string;
  /** Undefined: none serves; null: it cannot be asked. */
  champion?: string | null;
  /** Certainty of the challenger's answers; the champion's is 0.9. */
  certainty?: number;
  /** Frames per pass. */
  perGroup?: number;
  challengerLabels?: string;
  championLabels?: string;
  labelsWithSamples?: string;
  unknownScores?: GateInput['unknownScores'];
  damaged?: boolean;
  /** Beside the 100 that the champion has learnt; default 20. */
  newlyLearnt?: number;
  removed?: number;
  promote: boolean;
  reason: RegExp;
}

const SETTINGS: GateSettings = {
  learningExponent: 0.3,
  gainSpread: 0.03,
  evidenceSpread: 0.03,
  unknownAurocMargin: 0.02,
};

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
  const newlyLearnt = c.newlyLearnt ?? 20;
  return {
    source: 'holdout',
    note: null,
    samples: truth.map((label, i) => ({
      id: `s${i}`,
      label,
      group: `g${Math.floor(i / (c.perGroup ?? 1))}`,
      holdout: true,
      challenger: answer(challenger, i, c.certainty ?? 0.9),
      champion: champion && answer(champion, i, 0.9),
    })),
    compared: c.champion || c.champion === '' ? 'heads' : 'nothing',
    champion:
      c.champion === undefined
        ? null
        : { version: 3, labels: words(c.championLabels ?? 'crop weed'), learnt: 100 },
    newlyLearnt,
    learnt: 100 + newlyLearnt,
    removed: c.removed ?? 0,
    challengerLabels: words(c.challengerLabels ?? 'crop weed'),
    labelsWithSamples: labels,
    unknownScores: c.unknownScores ?? null,
    golden: { seed: 1, rows: 1, trained: 'a', readBack: c.damaged ? 'b' : 'a' },
    settings: SETTINGS,
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
    name: 'a first head',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    promote: true,
    reason: /^First head: 4 of 4 right\. On 4 holdout samples: .*mean recall 1\.000 against 0\.500/,
  },
  {
    name: 'a first head that is wrong on the little that there is',
    truth: 'crop crop weed weed',
    challenger: 'weed weed crop crop',
    promote: true,
    reason: /^First head: 0 of 4 right\./,
  },
  {
    name: 'a first head that is certainly worse than one answer for all',
    truth: BOTH,
    challenger: times(28, 'weed') + times(12, 'crop') + times(28, 'crop') + times(12, 'weed'),
    promote: false,
    reason:
      /^Refused: 24 of 80 right, and it fails "not-worse-than-chance"\. .* too low to be chance/,
  },
  {
    name: 'a first head that is wrong on many frames of two passes',
    truth: BOTH,
    challenger: times(40, 'weed') + times(40, 'crop'),
    perGroup: 40,
    promote: true,
    reason: /mean recall 0\.000 against 0\.500/,
  },
  {
    name: 'a first head that nothing can be measured on',
    truth: '',
    challenger: '',
    promote: true,
    reason: /no sample to measure on yet/,
  },
  {
    name: 'a head that does not answer from the disk as before',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(12),
    damaged: true,
    promote: false,
    reason: /^Refused: 80 of 80 right instead of 68, but it fails "reproduces"\./,
  },
  {
    name: 'clearly better',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(16),
    promote: true,
    reason:
      /^Better: 80 of 80 right instead of 64\. On 80 holdout samples: .*expected gain \+\d+\.\d ± \d\.\d: \+\d\.\d from 20 new or changed labels beside 100, measured \+16\.0 ± \d\.\d/,
  },
  {
    name: 'a little worse where the evidence is small, and it learnt more',
    truth: 'crop crop crop crop crop weed weed weed weed weed',
    challenger: 'crop crop crop crop weed weed weed crop weed weed',
    champion: 'crop crop crop crop crop weed weed weed weed crop',
    promote: true,
    newlyLearnt: 100,
    reason: /^On trial: 8 of 10 right instead of 9, and it learnt 100 more labels\./,
  },
  {
    name: 'nothing to compare on, but it learnt more',
    truth: '',
    challenger: '',
    champion: '',
    promote: true,
    reason: /^On trial: 0 of 0 right instead of 0, and it learnt 20 more labels\./,
  },
  {
    name: 'nothing to compare on and nothing learnt',
    truth: '',
    challenger: '',
    champion: '',
    newlyLearnt: 0,
    promote: false,
    reason: /^No gain: /,
  },
  {
    name: 'the same answers and no new label',
    truth: BOTH,
    challenger: someWeedWrong(8),
    champion: someWeedWrong(8),
    newlyLearnt: 0,
    promote: false,
    reason: /^No gain: 72 of 80 right instead of 72, and no label is new\./,
  },
  {
    name: 'a little better without a new label',
    truth: BOTH,
    challenger: someWeedWrong(7),
    champion: someWeedWrong(8),
    newlyLearnt: 0,
    promote: false,
    reason: /^No gain: 73 of 80 right instead of 72/,
  },
  {
    name: 'clearly better without a new label',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(16),
    newlyLearnt: 0,
    promote: true,
    reason: /^Better: 80 of 80 right instead of 64\./,
  },
  {
    name: 'the same answers, and somebody removed labels',
    truth: BOTH,
    challenger: someWeedWrong(8),
    champion: someWeedWrong(8),
    newlyLearnt: 0,
    removed: 3,
    promote: true,
    reason: /^On trial: 72 of 80 right instead of 72\. /,
  },
  {
    name: 'clearly worse although it learnt more',
    truth: BOTH,
    challenger: someWeedWrong(16),
    champion: BOTH,
    promote: false,
    reason: /^Refused: 64 of 80 right instead of 80, although it learnt 20 more labels\./,
  },
  {
    name: 'a class of the serving head is not known any more',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(16),
    championLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    promote: false,
    reason: /does not know "stone", which the serving head knows and which still has samples/,
  },
  {
    name: 'a class of the serving head has no sample left',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(16),
    championLabels: 'crop stone weed',
    promote: true,
    reason: /knows every class/,
  },
  {
    name: 'a class with ten samples is never right any more',
    truth: times(10, 'weed') + times(90, 'crop'),
    challenger: times(10, 'crop') + times(90, 'crop'),
    champion: `${times(7, 'weed')}${times(3, 'crop')}${times(90, 'weed')}`,
    promote: false,
    reason: /never right on "weed", which the serving head recognises/,
  },
  {
    name: 'a class with ten samples is never right, but the serving head knew it by chance',
    truth: times(10, 'weed') + times(90, 'crop'),
    challenger: times(10, 'crop') + times(90, 'crop'),
    champion: `${times(6, 'weed')}${times(4, 'crop')}${times(90, 'weed')}`,
    promote: true,
    reason: /^On trial: 90 of 100 right instead of 6/,
  },
  {
    name: 'a class with ten samples is never right, but the serving head knew it in one pass only',
    truth: times(10, 'weed') + times(90, 'crop'),
    challenger: times(10, 'crop') + times(90, 'crop'),
    champion: `${times(10, 'weed')}${times(90, 'weed')}`,
    perGroup: 10,
    promote: true,
    reason: /^(Better|On trial): 90 of 100 right instead of 10/,
  },
  {
    name: 'a class is new with three samples, which left-out heads do not recognise',
    truth: BOTH + times(3, 'stone'),
    challenger: someWeedWrong(3) + times(3, 'crop'),
    champion: someWeedWrong(2) + times(3, 'crop'),
    challengerLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    newlyLearnt: 3,
    promote: true,
    reason:
      /^On trial: 77 of 83 right instead of 78, and it learnt 3 more labels; now knows "stone"\./,
  },
  {
    name: 'a class is new, but the others are lost to it',
    truth: BOTH + times(3, 'stone'),
    challenger: times(80, 'stone') + times(3, 'stone'),
    champion: BOTH + times(3, 'crop'),
    challengerLabels: 'crop stone weed',
    labelsWithSamples: 'crop stone weed',
    newlyLearnt: 3,
    promote: false,
    reason: /^Refused: 3 of 83 right instead of 80/,
  },
  {
    name: 'more often right, but far too sure',
    truth: BOTH,
    challenger: someWeedWrong(39),
    champion: someWeedWrong(40),
    certainty: 0.9999,
    newlyLearnt: 0,
    promote: false,
    reason: /^No gain/,
  },
  {
    name: 'it recognises unknown things worse than margin and chance allow',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(16),
    unknownScores: strangeness(100, 92),
    promote: false,
    reason: /fails "unknowns"\. .* AUROC 0\.920 against 1\.000: the margin is 0\.020/,
  },
  {
    name: 'it recognises unknown things worse, but by no more than margin and chance allow',
    truth: BOTH,
    challenger: BOTH,
    champion: someWeedWrong(16),
    unknownScores: strangeness(100, 93),
    promote: true,
    reason: /AUROC 0\.930 against 1\.000/,
  },
  {
    name: 'no comparison is possible',
    truth: 'crop crop crop weed',
    challenger: 'crop crop crop weed',
    champion: null,
    promote: true,
    reason: /^New start: 4 of 4 right\./,
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

const LABELS = ['a', 'b', 'c', 'd'];
const label = fc.constantFrom(...LABELS);
const drawn = fc.array(
  fc.record({ truth: label, challenger: label, champion: label, group: fc.nat(9) }),
  { minLength: 1, maxLength: 60 },
);
type Drawn = { truth: string; challenger: string; champion: string; group: number }[];

function drawnInput(samples: Drawn, newlyLearnt: number): GateInput {
  const all = (key: 'truth' | 'challenger' | 'champion') => samples.map((s) => s[key]).join(' ');
  const input = inputOf({
    name: '',
    promote: true,
    reason: /./,
    newlyLearnt,
    truth: all('truth'),
    challenger: all('challenger'),
    champion: all('champion'),
    challengerLabels: LABELS.join(' '),
    championLabels: LABELS.join(' '),
    labelsWithSamples: LABELS.join(' '),
  });
  const grouped = input.samples.map((s, i) => ({ ...s, group: `g${samples[i]?.group}` }));
  return { ...input, samples: grouped };
}

function gainOf(input: GateInput): Record<string, number> {
  const check = decide(input).checks.find(({ name }) => name === 'expected-gain');
  return check?.values as Record<string, number>;
}

describe('the gate', () => {
  for (const c of CASES) {
    it(`${c.promote ? 'promotes' : 'refuses'}: ${c.name}`, () => {
      const decision = decide(inputOf(c));
      assert.equal(decision.promote, c.promote, decision.reason);
      assert.match(decision.reason, c.reason);
      assert.equal(decision.evidence, c.champion === null ? 'none' : 'holdout');
      assert.equal(decision.samples, words(c.truth).length);
      assert.equal(
        decision.promote,
        decision.checks.every((check) => check.passed),
      );
    });
  }

  it('says on what it decided when that is not the holdout', () => {
    const input = inputOf(CASES[6] as Case);
    const decision = decide({ ...input, source: 'leave-group-out', note: 'The holdout is small.' });
    assert.equal(decision.evidence, 'leave-group-out');
    assert.match(decision.reason, /On 80 samples by leave-group-out: .*\. The holdout is small\.$/);
  });

  it('leaves the word to the data as they become more', () => {
    const weights = [1, 4, 16].map((copies) => {
      const truth = (times(10, 'crop') + times(10, 'weed')).repeat(copies);
      const worse = (times(10, 'crop') + times(4, 'crop') + times(6, 'weed')).repeat(copies);
      const { mean, expected, difference } = gainOf(
        inputOf({ ...(CASES[6] as Case), truth, challenger: worse, champion: truth }),
      ) as { mean: number; expected: number; difference: number };
      return (mean - expected) / (difference - expected);
    });
    assert.ok(weights[0]! < weights[1]! && weights[1]! < weights[2]!, `${weights}`);
  });

  it('expects more of more labels, and of labels where more is wrong', () => {
    const expected = (newlyLearnt: number, wrong: number): number =>
      gainOf(
        inputOf({
          ...(CASES[6] as Case),
          challenger: someWeedWrong(wrong),
          champion: someWeedWrong(wrong),
          newlyLearnt,
        }),
      ).expected as number;
    assert.equal(expected(0, 8), 0);
    assert.ok(expected(10, 8) < expected(100, 8));
    assert.ok(expected(10, 8) < expected(10, 16));
  });

  it('never expects less when one more answer is right', () => {
    fc.assert(
      fc.property(drawn, fc.nat(), fc.nat(200), (samples, at, newlyLearnt) => {
        const better = samples.map((s, i) =>
          i === at % samples.length ? { ...s, challenger: s.truth } : s,
        );
        const before = gainOf(drawnInput(samples, newlyLearnt));
        const after = gainOf(drawnInput(better, newlyLearnt));
        assert.ok((after.difference as number) >= (before.difference as number) - 1e-12);
      }),
      { numRuns: 300 },
    );
  });

  it('of two heads with the same news at most prefers one, whichever is asked for', () => {
    fc.assert(
      fc.property(drawn, (samples) => {
        const swapped = samples.map((s) => ({
          ...s,
          challenger: s.champion,
          champion: s.challenger,
        }));
        const [one, other] = [samples, swapped].map((s) => gainOf(drawnInput(s, 0)));
        assert.ok(Math.abs((one!.mean as number) + (other!.mean as number)) < 1e-9);
        const decisions = [samples, swapped].map((s) => decide(drawnInput(s, 0)).promote);
        assert.ok(!(decisions[0] && decisions[1]));
      }),
      { numRuns: 200 },
    );
  });
});
