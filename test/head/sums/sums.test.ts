import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../../src/base/random.js';
import { fitRidge } from '../../../src/head/learners/ridge.js';
import {
  basisFromMoment,
  decodeBasis,
  encodeBasis,
  identityBasis,
  lift,
  project,
} from '../../../src/head/sums/basis.js';
import {
  candidatesOf,
  chooseCandidate,
  decodeCandidates,
  encodeCandidates,
  judgeCandidates,
  outputsOf,
} from '../../../src/head/sums/candidates.js';
import {
  type ClassSums,
  flatLength,
  flatten,
  plus,
  unflatten,
} from '../../../src/head/sums/class-sums.js';
import { ExactSums } from '../../../src/head/sums/exact-sums.js';
import {
  binOf,
  gaussiansFromSums,
  HISTOGRAM_BINS,
  noveltyModel,
  noveltyOfRow,
  scoresOfHistogram,
} from '../../../src/head/sums/gaussian-sums.js';
import { withNoise } from '../../../src/head/sums/privacy.js';
import { ridgeFromSums } from '../../../src/head/sums/ridge-sums.js';
import { sealed } from '../../../src/head/sums/sealed.js';
import {
  decodeSums,
  encodeSums,
  sumsByClass,
  type TaskSums,
} from '../../../src/head/sums/task-sums.js';
import { noveltyScores } from '../../../src/head/unknown/novelty.js';
import { fitNovelty } from '../../../src/head/unknown/novelty-fit.js';
import { hasCode } from '../../errors.js';

const D = 24;
const LABELS = ['apple', 'beet', 'carrot'];

/** Gaussian blobs around a centre for each class, far from the origin as features of a backbone are. */
function blobs(rows: number, seed: number): { features: Float32Array; labels: number[] } {
  const random = createRandom(seed);
  const features = new Float32Array(rows * D);
  const labels: number[] = [];
  for (let row = 0; row < rows; row++) {
    const label = row % LABELS.length;
    labels.push(label);
    for (let j = 0; j < D; j++) {
      const centre = 1 + (j % LABELS.length === label ? 0.5 : 0);
      features[row * D + j] = centre + (random.next() - 0.5) * 2;
    }
  }
  return { features, labels };
}

function sumsOf(features: Float32Array, labels: readonly number[], basis = identityBasis(D)) {
  const z = project(basis, features);
  const shares = new Float64Array(labels.length).fill(1);
  return sumsByClass(
    z,
    basis.directions,
    labels.map((label) => LABELS[label]!),
    shares,
  );
}

test('exact sums do not depend on the order, and a subtraction leaves no trace', () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 40 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      fc.infiniteStream(fc.nat()),
      (vectors, kept, stream) => {
        const order = [...vectors.keys()].sort(() => (stream.next().value % 3) - 1);
        const sums = new ExactSums(2);
        for (const i of order) sums.add(Float64Array.from(vectors[i]!));
        for (const [i, vector] of vectors.entries()) {
          if (!kept[i]) sums.subtract(Float64Array.from(vector));
        }
        const again = new ExactSums(2);
        for (const [i, vector] of vectors.entries()) {
          if (kept[i]) again.add(Float64Array.from(vector));
        }
        assert.deepEqual(sums.value(), again.value());
        const parts = new ExactSums(2, { coarse: sums.coarse.slice(), fine: sums.fine.slice() });
        assert.deepEqual(parts.value(), sums.value());
      },
    ),
  );
});

test('a sum is what the values add up to', () => {
  const random = createRandom(3);
  const sums = new ExactSums(1);
  let expected = 0n;
  for (let i = 0; i < 10_000; i++) {
    const units = Math.floor((random.next() - 0.5) * 2 ** 50);
    expected += BigInt(units);
    sums.add(Float64Array.of(units / 2 ** 40));
  }
  assert.equal(sums.value()[0], Number(expected) / 2 ** 40);
});

test('exact sums refuse what they could not hold', () => {
  const sums = new ExactSums(1);
  assert.throws(() => sums.add(Float64Array.of(1, 2)), hasCode('HL_SUMS_UNEQUAL'));
  assert.throws(() => sums.add(Float64Array.of(1e12)), hasCode('HL_SUMS_TOO_LARGE'));
  assert.throws(() => sums.add(Float64Array.of(Number.NaN)), hasCode('HL_SUMS_TOO_LARGE'));
});

test('a ridge from the sums of three robots is the ridge of all their samples', () => {
  const { features, labels } = blobs(240, 7);
  const parts = [0, 1, 2].map((robot) => {
    const rows = labels.map((_, row) => row).filter((row) => (row % 7) % 3 === robot);
    const own = new Float32Array(rows.length * D);
    for (const [i, row] of rows.entries()) own.set(features.subarray(row * D, row * D + D), i * D);
    return sumsOf(
      own,
      rows.map((row) => labels[row]!),
    );
  });
  const classes = LABELS.map((label) => ({
    label,
    sums: parts
      .map((part) => part.find((own) => own.label === label)!.sums)
      .reduce((a: ClassSums, b) => plus(a, b)),
  }));
  const heads = ridgeFromSums(classes);
  const z = project(identityBasis(D), features);
  for (const [l, lambda] of heads.lambdas.entries()) {
    const fit = fitRidge(
      {
        features,
        rows: labels.length,
        featureSize: D,
        labels: Int32Array.from(labels),
        groups: Int32Array.from(labels, (_, row) => row % 10),
        isView: new Uint8Array(labels.length),
        classCount: LABELS.length,
      },
      { lambdas: [lambda], transform: 'sqrt-l2' },
    );
    // fitRidge folds the factor to logits into its weights, which it keeps in 32 bits.
    const scale = scaleBetween(fit.weights, heads.weights[l]!);
    for (let i = 0; i < fit.weights.length; i++) {
      const own = heads.weights[l]![i]! * scale;
      assert.ok(Math.abs(own - fit.weights[i]!) <= 2e-6 * Math.abs(scale), `${own}`);
    }
    const candidates = candidatesOf(heads, gaussiansFromSums(classes));
    const outputs = outputsOf(candidates, l, z);
    const sum = outputs[0]! + outputs[1]! + outputs[2]!;
    assert.ok(Math.abs(sum - 1) < 1e-5, 'outputs of one-hot targets sum to 1');
  }
});

test('the outputs are those of the normal equations of all samples, to 1e-9', () => {
  const { features, labels } = blobs(90, 29);
  const z = project(identityBasis(D), features);
  const heads = ridgeFromSums(sumsOf(features, labels));
  const candidatesAt = (l: number, row: number): number[] =>
    LABELS.map((_, c) => {
      let value = heads.bias[l]![c]!;
      for (let j = 0; j < D; j++) value += heads.weights[l]![c * D + j]! * z[row * D + j]!;
      return value;
    });
  for (const [l, lambda] of heads.lambdas.entries()) {
    const expected = outputsByElimination(z, labels, lambda);
    for (let row = 0; row < labels.length; row++) {
      for (const [c, value] of candidatesAt(l, row).entries()) {
        assert.ok(Math.abs(value - expected[row]![c]!) <= 1e-9, `${value} ${expected[row]![c]}`);
      }
    }
  }
});

/**
 * Outputs of the balanced ridge with a free bias: the weighted normal equations in D + 1 unknowns, by Gaussian
 * elimination with pivots.
 */
function outputsByElimination(z: Float64Array, labels: readonly number[], lambda: number) {
  const n = labels.length;
  const weights = labels.map(
    (label) => n / (LABELS.length * labels.filter((other) => other === label).length),
  );
  const row = (i: number): number[] => [...z.subarray(i * D, (i + 1) * D), 1];
  const mean = Array.from(
    { length: D },
    (_, j) => weights.reduce((sum, w, i) => sum + w * z[i * D + j]!, 0) / n,
  );
  let squares = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < D; j++) squares += weights[i]! * (z[i * D + j]! - mean[j]!) ** 2;
  }
  const size = D + 1;
  const a = Array.from({ length: size }, () => new Array<number>(size + LABELS.length).fill(0));
  for (let i = 0; i < n; i++) {
    const x = row(i);
    for (let p = 0; p < size; p++) {
      for (let q = 0; q < size; q++) a[p]![q]! += weights[i]! * x[p]! * x[q]!;
      a[p]![size + labels[i]!]! += weights[i]! * x[p]!;
    }
  }
  for (let j = 0; j < D; j++) a[j]![j]! += (lambda * squares) / D;
  for (let p = 0; p < size; p++) {
    const rest = a.slice(p).map((values) => Math.abs(values[p]!));
    const best = p + rest.indexOf(Math.max(...rest));
    [a[p], a[best]] = [a[best]!, a[p]!];
    for (let r = 0; r < size; r++) {
      if (r === p) continue;
      const factor = a[r]![p]! / a[p]![p]!;
      for (let q = p; q < a[r]!.length; q++) a[r]![q]! -= factor * a[p]![q]!;
    }
  }
  return labels.map((_, i) => {
    const x = row(i);
    return LABELS.map((_label, c) =>
      x.reduce((sum, value, p) => sum + (value * a[p]![size + c]!) / a[p]![p]!, 0),
    );
  });
}

function scaleBetween(a: Float32Array, b: Float64Array): number {
  let ab = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    bb += b[i]! * b[i]!;
  }
  return ab / bb;
}

test('a basis of all that varies loses nothing, and lifted weights answer as projected features', () => {
  const { features, labels } = blobs(120, 11);
  const z = project(identityBasis(D), features);
  const moment = new Float64Array((D * (D + 1)) / 2);
  for (let row = 0; row < labels.length; row++) {
    let at = 0;
    for (let i = 0; i < D; i++) {
      for (let j = 0; j <= i; j++) {
        moment[at] = moment[at]! + z[row * D + i]! * z[row * D + j]!;
        at++;
      }
    }
  }
  assert.equal(basisFromMoment(moment, D, D).vectors, null);
  const basis = basisFromMoment(moment, D, 16);
  const again = decodeBasis(encodeBasis(basis));
  assert.deepEqual(again, basis);
  const inside = project(basis, features);
  let kept = 0;
  let all = 0;
  for (const value of inside) kept += value * value;
  for (const value of z) all += value * value;
  // 16 of 24 directions keep more than 16/24 of the energy, and never more than all.
  assert.ok(kept / all > 0.9 && kept / all <= 1 + 1e-9, `${kept / all}`);
  const weights = Float64Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const lifted = lift(basis, weights);
  for (let row = 0; row < 5; row++) {
    let inBasis = 0;
    for (let i = 0; i < 16; i++) inBasis += weights[i]! * inside[row * 16 + i]!;
    let inFeatures = 0;
    for (let j = 0; j < D; j++) inFeatures += lifted[j]! * z[row * D + j]!;
    assert.ok(Math.abs(inBasis - inFeatures) < 1e-6);
  }
});

test('sums come back from their bytes, and a damaged byte is refused', () => {
  const { features, labels } = blobs(30, 5);
  const task = {
    backboneChecksum: 'b',
    basisChecksum: 'identity',
    directions: D,
    sigma: 0,
    classes: sumsOf(features, labels),
  };
  const bytes = encodeSums(task);
  assertSame(decodeSums(bytes), task);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = damaged[at]! ^ flip;
      assert.throws(() => decodeSums(damaged), hasCode('HL_FLEET_OBJECT_INVALID'));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      assert.throws(() => decodeSums(noise), hasCode('HL_FLEET_OBJECT_INVALID'));
    }),
  );
});

/** The same sums; a Gram matrix of few samples comes back up to rounding. */
function assertSame(again: TaskSums, task: TaskSums): void {
  const without = ({ classes, ...rest }: TaskSums) => ({
    ...rest,
    classes: classes.map(({ label, sums: { samples, sum } }) => ({ label, samples, sum })),
  });
  assert.deepEqual(without(again), without(task));
  for (const [c, { sums }] of again.classes.entries()) {
    const { gram } = task.classes[c]!.sums;
    assert.equal(sums.gram.length, gram.length);
    for (const [i, value] of sums.gram.entries()) {
      assert.ok(Math.abs(value - gram[i]!) <= 1e-13, `${value} ${gram[i]}`);
    }
  }
}

test('sums of few samples are short, and come back as often as they are read', () => {
  const lengthOf = (rows: number): number => {
    const { features, labels } = blobs(rows, 31);
    const classes = sumsOf(features, labels);
    const task = {
      backboneChecksum: 'b',
      basisChecksum: 'identity',
      directions: D,
      sigma: 0,
      classes,
    };
    const bytes = encodeSums(task);
    assertSame(decodeSums(bytes), task);
    assert.deepEqual(decodeSums(bytes), decodeSums(bytes));
    // Noise has every direction, and goes as it is.
    assert.deepEqual(decodeSums(encodeSums({ ...task, sigma: 0.1 })).classes, task.classes);
    return bytes.length;
  };
  const [few, many] = [lengthOf(9), lengthOf(600)];
  // 3 of 24 directions a class: 3 x 24 values instead of 300.
  assert.ok(few < 0.4 * many, `${few} ${many}`);
});

test('a header cannot make more matrices than bytes allow', () => {
  const labels = Array.from({ length: 200 }, (_, i) => `c${String(i).padStart(3, '0')}`);
  const header = { backboneChecksum: 'b', basisChecksum: 'identity', directions: 4_096, sigma: 0 };
  const ranks = labels.map(() => 0);
  const values = labels.map(() => new Float64Array(4_097));
  const bytes = sealed('HLFSUM01', { ...header, labels, ranks }, values);
  assert.throws(() => decodeSums(bytes), hasCode('HL_FLEET_OBJECT_TOO_LARGE', /13431604800 bytes/));
});

test('damaged bytes of a basis and of candidates are refused', () => {
  const { features, labels } = blobs(60, 5);
  const classes = sumsOf(features, labels);
  const moment = classes[0]!.sums.gram;
  const basis = encodeBasis(basisFromMoment(moment, D, 8));
  const candidates = encodeCandidates(
    candidatesOf(ridgeFromSums(classes), gaussiansFromSums(classes)),
  );
  for (const [bytes, decode] of [
    [basis, decodeBasis],
    [candidates, decodeCandidates],
  ] as const) {
    decode(bytes);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = damaged[at]! ^ flip;
        assert.throws(() => decode(damaged), hasCode('HL_FLEET_OBJECT_INVALID'));
      }),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        const cut = bytes.slice(0, length);
        assert.throws(() => decode(cut), hasCode('HL_FLEET_OBJECT_INVALID'));
      }),
    );
  }
});

test('values that cannot be sums of features are refused, although their hash fits', () => {
  const { features, labels } = blobs(30, 5);
  const faulty = (change: (sums: ClassSums) => void): Uint8Array => {
    const classes = sumsOf(features, labels);
    change(classes[1]!.sums);
    return encodeSums({
      backboneChecksum: 'b',
      basisChecksum: 'identity',
      directions: D,
      sigma: 0,
      classes,
    });
  };
  const changes: ((sums: ClassSums) => void)[] = [
    (sums) => (sums.sum[3] = Number.NaN),
    (sums) => (sums.sum[3] = Number.POSITIVE_INFINITY),
    (sums) => (sums.gram[0] = 1e9),
    (sums) => (sums.gram[0] = -0.5),
    (sums) => (sums.gram[1] = 9),
    (sums) => (sums.sum[0] = 9.9),
    (sums) => (sums.samples = 0),
    (sums) => (sums.samples = -3),
    (sums) => (sums.samples = 1e12),
  ];
  for (const change of changes) {
    assert.throws(() => decodeSums(faulty(change)), hasCode('HL_FLEET_OBJECT_INVALID'));
  }
  decodeSums(faulty(() => {}));
});

test('flat sums come back', () => {
  const [first] = sumsOf(blobs(30, 5).features, blobs(30, 5).labels);
  const flat = flatten(first!.sums);
  assert.equal(flat.length, flatLength(D));
  assert.deepEqual(unflatten(flat, D), first!.sums);
});

test('candidates are judged by counts and sums of losses, and the best is chosen', () => {
  const { features, labels } = blobs(150, 13);
  const classes = sumsOf(features, labels);
  const heads = ridgeFromSums(classes);
  const bytes = encodeCandidates(candidatesOf(heads, gaussiansFromSums(classes)));
  const candidates = decodeCandidates(bytes);
  assert.deepEqual(candidates.labels, LABELS);
  const other = blobs(90, 17);
  const z = project(identityBasis(D), other.features);
  const names = other.labels.map((label, row) =>
    row === 0 ? null : row === 1 ? 'date' : LABELS[label]!,
  );
  const shares = new Float64Array(90).fill(0.5);
  const answers = judgeCandidates(candidates, z, names, shares);
  assert.equal(answers.notKnown, 0.5);
  assert.equal(
    answers.classes.reduce((sum, { samples }) => sum + samples, 0),
    44,
  );
  const choice = chooseCandidate([answers], heads.lambdas)!;
  assert.ok(choice.accuracy > 0.8, `${choice.accuracy}`);
  // By hand: the answers of the chosen head.
  const outputs = outputsOf(candidates, choice.lambdaIndex, z);
  let right = 0;
  for (let row = 2; row < 90; row++) {
    const own = [...outputs.subarray(row * 3, row * 3 + 3)];
    if (own.indexOf(Math.max(...own)) === other.labels[row]) right += 0.5;
  }
  assert.equal(choice.accuracy, right / 44);
  assert.equal(chooseCandidate([], heads.lambdas), null);
});

test('the Gaussians of sums score as those of the samples', () => {
  const { features, labels } = blobs(400, 19);
  const classes = sumsOf(features, labels);
  const gaussians = gaussiansFromSums(classes);
  const basis = identityBasis(D);
  const strange = blobs(40, 23).features.map((value, i) => (i % 2 === 0 ? value : 0.2));
  const model = noveltyModel(
    gaussians,
    basis,
    Array.from({ length: HISTOGRAM_BINS }, () => 0),
  );
  const fitted = fitNovelty(
    {
      features,
      rows: labels.length,
      featureSize: D,
      labels: Int32Array.from(labels),
      groups: Int32Array.from(labels, (_, row) => row % 10),
      isView: new Uint8Array(labels.length),
      classCount: LABELS.length,
    },
    undefined,
    // As many as there are; both ways then span everything.
    { dimensions: D },
  );
  for (const rows of [features, strange]) {
    const own = noveltyScores(model, rows);
    const other = noveltyScores(fitted, rows);
    const z = project(basis, rows);
    for (const [i, score] of own.entries()) {
      // fitNovelty takes the same subspace by other steps, and 16 bits a value are kept of it.
      assert.ok(Math.abs(score - other[i]!) < 0.02 * (1 + Math.abs(other[i]!)), `${score}`);
      const inSums = noveltyOfRow(gaussians, z.subarray(i * D, (i + 1) * D));
      assert.ok(Math.abs(score - inSums) < 0.02 * (1 + Math.abs(score)), `${inSums}`);
    }
  }
});

test('a histogram of scores gives scores of the same distribution', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -500, max: 5_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (scores) => {
        const histogram = Array.from({ length: HISTOGRAM_BINS }, () => 0);
        for (const score of scores) histogram[binOf(score)]! += 1;
        const again = scoresOfHistogram(histogram);
        const sorted = [...scores].sort((a, b) => a - b);
        assert.equal(again.length, scores.length);
        for (const [i, score] of again.entries()) {
          assert.ok(Math.abs(score - sorted[i]!) <= 0.2 + 0.05 * Math.abs(sorted[i]!));
        }
      },
    ),
  );
});

test('Gaussians can be made from sums that are mostly noise', () => {
  const classes = sumsOf(blobs(90, 29).features, blobs(90, 29).labels);
  for (const sigma of [3, 22, 1e5]) {
    const random = createRandom(31);
    const normal = (): number =>
      Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    const noisy = classes.map(({ label, sums }) => ({
      label,
      sums: withNoise(sums, sigma, normal),
    }));
    const { within, means, background, centre } = gaussiansFromSums(noisy);
    for (const values of [within, means, background, centre]) {
      assert.ok(values.every(Number.isFinite), `σ ${sigma}`);
    }
  }
});
