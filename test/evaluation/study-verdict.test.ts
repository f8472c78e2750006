import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimate } from '../../src/evaluation/study/study-statistics.js';
import type { FoldResult, StudyRow } from '../../src/evaluation/study/study-types.js';
import { parseVariants, variantName } from '../../src/evaluation/study/study-variants.js';
import { studyVerdict } from '../../src/evaluation/study/study-verdict.js';

/** Held-out and training accuracy by fold, hundredths. */
type Figures = Record<string, [heldOut: number[], training: number[]]>;

function row(id: string, [heldOut, training]: [number[], number[]]): StudyRow {
  const [variant] = parseVariants(id);
  const folds = heldOut.map((accuracy, fold): FoldResult => {
    const shares = { accuracy: accuracy / 100, trainingAccuracy: training[fold]! / 100 };
    // 12 groups of 4 photos, the hits spread evenly.
    const right = Math.round(shares.accuracy * 48);
    const groups = Array.from({ length: 12 }, (_, g) => ({
      photos: 4,
      right: Math.floor((right + g) / 12),
    }));
    return { fold, macroF1: shares.accuracy, ...shares, groups };
  });
  const over = (value: (f: FoldResult) => number) =>
    folds.length === 0 ? null : estimate(folds.map(value));
  return {
    variant: variant!,
    name: variantName(variant!),
    epochs: 20,
    seconds: 60,
    folds,
    state: folds.length === 0 ? 'not run' : 'done',
    accuracy: over((f) => f.accuracy),
    macroF1: over((f) => f.macroF1),
    trainingAccuracy: over((f) => f.trainingAccuracy),
    gap: over((f) => f.trainingAccuracy - f.accuracy),
    points: [],
  };
}

function verdict(figures: Figures, changes: { count?: number; interrupted?: boolean } = {}) {
  const rows = Object.entries(figures).map(([id, values]) => row(id, values));
  const run = [...rows[0]!.folds.keys()];
  const count = changes.count ?? run.length;
  const { headline, statements } = studyVerdict({
    photos: { count: 48 * count, groups: 60 },
    classes: ['a', 'b', 'c', 'd', 'e', 'f'].map((label) => ({ label, photos: 40, groups: 10 })),
    majority: { label: 'Apple', accuracy: 0.17 },
    folds: {
      count,
      run,
      parts: Array.from({ length: count }, () => ({
        photos: 48,
        groups: 12,
        majorityAccuracy: 0.17,
      })),
    },
    settings: { epochs: 20, sizePixels: 64, batch: 16, views: 4, seed: 1 },
    plan: {
      epochs: 20,
      folds: count,
      views: 4,
      seconds: 1,
      embedSeconds: 0,
      foldSeconds: 1,
      perVariant: {},
    },
    interrupted: changes.interrupted ?? false,
    rows,
  });
  return { headline, text: statements.join('\n') };
}

const FROZEN: [number[], number[]] = [
  [85, 88, 86, 84, 87],
  [99, 99, 100, 99, 99],
];
const PLAIN: [number[], number[]] = [
  [46, 50, 48, 45, 51],
  [97, 98, 96, 97, 97],
];

test('a network that memorises and a backbone that does not', () => {
  const { headline, text } = verdict({ backbone: FROZEN, plain: PLAIN });
  assert.match(
    text,
    /^On your 240 photos of 6 classes, a network from scratch reached 48\.0 % ± 1\.1 on held-out groups while fitting its training photos to 97\.0 % ± 0\.3: it memorises\.$/m,
  );
  assert.match(
    text,
    /The frozen backbone with a small head reached 86\.0 % ± 0\.7 .*better than .*48\.0 % ± 1\.1 \(difference \+38\.0 ± \d\.\d points, p < 0\.001\).*Keep the frozen backbone\./,
  );
  assert.match(headline, /86\.0 % ± 0\.7 of held-out photos.*48\.0 %/);
  assert.doesNotMatch(text, /cannot be told apart/);
});

test('a difference that may be luck is not stated as one', () => {
  const { headline, text } = verdict({
    backbone: [
      [50, 44, 52, 47, 49],
      [60, 60, 60, 60, 60],
    ],
    plain: PLAIN,
    'dropout=0.5': [
      [49, 46, 52, 44, 50],
      [96, 97, 98, 97, 96],
    ],
  });
  assert.match(headline, /cannot be told apart/);
  assert.match(
    text,
    /Dropout 0\.5 left a gap .*cannot be told apart from 49\.0 .*; its held-out accuracy of 48\.2 % .* cannot be told apart from 48\.0 %/,
  );
  assert.match(text, /The two cannot be told apart \(difference /);
  assert.doesNotMatch(text, /Keep the frozen|better than|raised|narrowed/);
});

test('regularisation that narrows the gap and raises accuracy is said to do so', () => {
  const { text } = verdict({
    plain: PLAIN,
    'augmentation+l2=0.001': [
      [62, 66, 64, 61, 67],
      [80, 82, 79, 80, 81],
    ],
  });
  assert.match(
    text,
    /Augmentation with L2 0\.001 narrowed the gap .* from 49\.0 to 16\.4 points \(−32\.6 ± .*p < 0\.001\) and raised held-out accuracy from 48\.0 to 64\.0 % ± 1\.1 \(\+16\.0 ±/,
  );
});

test('the best learning rate is named only when it is ahead of every other', () => {
  const slow: [number[], number[]] = [
    [20, 22, 19, 21, 18],
    [30, 31, 30, 29, 30],
  ];
  const ahead = verdict({ plain: PLAIN, 'lr=0.0001': slow, 'lr=0.01': slow });
  assert.match(
    ahead.text,
    /Of the learning rates 0\.0001, 0\.001 and 0\.01, 0\.001 was best \(48\.0 % ± 1\.1\), ahead of 0\.0001 \(20\.0 % ± 0\.7, −28\.0 ± /,
  );
  const near: [number[], number[]] = [
    [49, 46, 50, 47, 47],
    [97, 97, 97, 97, 97],
  ];
  const open = verdict({ plain: PLAIN, 'lr=0.0001': slow, 'lr=0.003': near });
  assert.match(
    open.text,
    /0\.001 reached the most \(48\.0 % ± 1\.1\), but cannot be told apart from 0\.003 .*It was better than 0\.0001 \(/,
  );
});

test('a network that has learnt nothing is not called better than guessing', () => {
  const { text } = verdict({
    plain: [
      [17, 20, 15, 18, 16],
      [19, 18, 17, 20, 18],
    ],
  });
  assert.match(text, /cannot be told from none/);
  assert.match(text, /has not learnt its training photos after 20 epochs/);
  assert.match(text, /cannot be told apart from always answering "Apple" \(17\.0 %\)/);
});

test('a backbone that is worse is said to be worse', () => {
  const { headline, text } = verdict({ backbone: PLAIN, plain: FROZEN });
  assert.match(headline, /^A network from scratch is right in 86\.0 %/);
  assert.match(
    text,
    /worse than a network from scratch, which reached 86\.0 %.*\(difference −38\.0/,
  );
});

test('one fold states no difference and says why there is only one', () => {
  const one: Figures = {
    backbone: [[90], [99]],
    plain: [[40], [97]],
    'l2=0.01': [[60], [80]],
    'lr=0.01': [[10], [12]],
  };
  const cut = verdict(one, { count: 5, interrupted: true });
  assert.match(
    cut.text,
    /Only 1 of 5 folds count: the study was interrupted\. .*no difference is stated/,
  );
  assert.match(cut.headline, /^In one fold /);
  assert.doesNotMatch(
    cut.text,
    /memorises|overfits|told apart|better|raised|narrowed|best \(|NaN|Infinity/,
  );
  const short = verdict(one, { count: 5 });
  assert.match(short.text, /the budget allowed no more/);
});

test('without anything that ran there is nothing to say', () => {
  const { headline, text } = verdict({ backbone: [[], []], plain: [[], []] }, { count: 5 });
  assert.equal(headline, 'No variant ran to its end');
  assert.match(text, /Not run: Frozen backbone \+ head; Network from scratch\./);
});
