import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../../src/base/random.js';
import { minimise } from '../../../src/head/algebra/lbfgs.js';
import type { FeatureTransform, Head } from '../../../src/head/head.js';
import { headLogits, headProbabilities, softmaxRows } from '../../../src/head/score.js';
import { transformFeatures } from '../../../src/head/transform.js';
import { correctHead, type Lesson } from '../../../src/training/instant/correction.js';

const D = 5;

function drawn(
  seed: number,
  n: number,
  transform: FeatureTransform,
): { head: Head; lesson: Lesson } {
  const random = createRandom(seed);
  const values = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => 2 * random.next() - 1);
  const labels = ['crop', 'soil', 'weed'];
  const head: Head = {
    learner: 'ridge',
    labels,
    featureSize: D,
    backboneChecksum: 'b',
    transform,
    weights: values(3 * D),
    bias: values(3),
    temperature: 0.5 + random.next(),
  };
  const all = [...labels, 'brick'];
  const taught = Array.from({ length: n }, () => all[Math.floor(random.next() * 4)]!);
  return { head, lesson: { features: values(n * D), labels: taught } };
}

const cases = fc.record({
  seed: fc.nat(1_000_000),
  n: fc.integer({ min: 1, max: 12 }),
  lambda: fc.constantFrom(0.05, 0.3, 2),
  transform: fc.constantFrom<FeatureTransform>('none', 'l2', 'sqrt', 'sqrt-l2'),
});

/** u of {@link correctHead}: transformed rows less their mean, over their spread. */
function standardised(features: Float32Array, transform: FeatureTransform): number[][] {
  const t = transformFeatures(features, D, transform);
  const rows = Array.from({ length: t.length / D }, (_, i) => [...t.slice(i * D, (i + 1) * D)]);
  const mean = rows[0]!.map((_, j) => rows.reduce((sum, row) => sum + row[j]! / rows.length, 0));
  const centred = rows.map((row) => row.map((x, j) => x - mean[j]!));
  const squares = centred.flat().reduce((sum, x) => sum + x * x, 0) / rows.length;
  return centred.map((row) => row.map((x) => (squares > 0 ? x / Math.sqrt(squares) : x)));
}

/** The same minimum over the weights themselves: Σ -ln p + λ/2 |V|², V = C x D. */
function bruteForce(
  head: Head,
  lesson: Lesson,
  lambda: number,
  offset: Float64Array,
): Float64Array {
  const rows = standardised(lesson.features, head.transform);
  const labels = [...new Set([...head.labels, ...lesson.labels])].sort();
  const c = labels.length;
  const logitsAt = (v: Float64Array): Float64Array =>
    offset.map((z, at) => {
      const row = rows[Math.floor(at / c)]!;
      return row.reduce((sum, u, j) => sum + v[(at % c) * D + j]! * u, z);
    });
  const v = new Float64Array(c * D);
  const value = (x: Float64Array, gradient: Float64Array): number => {
    const p = logitsAt(x);
    softmaxRows(p, c);
    let loss = 0;
    for (let k = 0; k < x.length; k++) {
      gradient[k] = lambda * x[k]!;
      loss += (lambda / 2) * x[k]! ** 2;
    }
    for (const [i, row] of rows.entries()) {
      const truth = labels.indexOf(lesson.labels[i]!);
      loss -= Math.log(p[i * c + truth]!);
      for (let k = 0; k < c; k++) {
        const excess = p[i * c + k]! - Number(k === truth);
        for (let j = 0; j < D; j++) gradient[k * D + j] = gradient[k * D + j]! + excess * row[j]!;
      }
    }
    return loss;
  };
  minimise(value, v, {
    isDone: (_, g) => g.every((x) => Math.abs(x) < 1e-9),
    maxIterations: 2_000,
  });
  return logitsAt(v);
}

describe('a correction', () => {
  it('is the minimum that a search over the weights finds', () => {
    fc.assert(
      fc.property(cases, ({ seed, n, lambda, transform }) => {
        const { head, lesson } = drawn(seed, n, transform);
        const corrected = correctHead(head, lesson, { lambda, newClassLead: 1 });
        // Without any weight of the labels it is the prior, with its rows for new classes.
        const prior = correctHead(head, lesson, { lambda: 1e12, newClassLead: 1 });
        const found = headLogits(corrected, lesson.features);
        const wanted = bruteForce(head, lesson, lambda, headLogits(prior, lesson.features));
        for (const [i, z] of wanted.entries()) assert.ok(Math.abs(found[i]! - z) < 2e-3, `${i}`);
      }),
      { numRuns: 150 },
    );
  });

  it('has no gradient left: λ V = Σ (Y - P) u', () => {
    fc.assert(
      fc.property(cases, ({ seed, n, lambda, transform }) => {
        const { head, lesson } = drawn(seed, n, transform);
        const corrected = correctHead(head, lesson, { lambda, newClassLead: 0 });
        const prior = correctHead(head, lesson, { lambda: 1e12, newClassLead: 0 });
        const c = corrected.labels.length;
        const p = headProbabilities(corrected, lesson.features);
        const u = standardised(lesson.features, head.transform);
        const t = transformFeatures(lesson.features, D, head.transform);
        const spread = (() => {
          for (const [i, row] of u.entries()) {
            for (const [j, x] of row.entries()) {
              const other = u.findIndex((r) => Math.abs(r[j]! - x) > 1e-3);
              if (other >= 0) return (t[i * D + j]! - t[other * D + j]!) / (x - u[other]![j]!);
            }
          }
          return 1;
        })();
        for (let k = 0; k < c; k++) {
          for (let j = 0; j < D; j++) {
            const change = (corrected.weights[k * D + j]! - prior.weights[k * D + j]!) * spread;
            const pull = u.reduce((sum, row, i) => {
              const truth = Number(corrected.labels[k] === lesson.labels[i]);
              return sum + (truth - p[i * c + k]!) * row[j]!;
            }, 0);
            assert.ok(Math.abs(lambda * change - pull) < 2e-3, `${k},${j}: ${change} ${pull}`);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('leaves the answers of a head alone that resists without bound', () => {
    const { head, lesson } = drawn(3, 6, 'none');
    const known = {
      ...lesson,
      labels: lesson.labels.map((label) => (label === 'brick' ? 'weed' : label)),
    };
    const before = headProbabilities(head, known.features);
    const after = headProbabilities(correctHead(head, known, { lambda: 1e12 }), known.features);
    for (const [i, p] of before.entries()) assert.ok(Math.abs(after[i]! - p) < 1e-5);
  });

  it('takes the same frame a hundred times', () => {
    const { head, lesson } = drawn(5, 2, 'l2');
    const features = new Float32Array(100 * D);
    for (let i = 0; i < 100; i++)
      features.set(lesson.features.subarray((i % 2) * D, (i % 2) * D + D), i * D);
    const labels = Array.from({ length: 100 }, (_, i) => (i % 2 ? 'weed' : 'crop'));
    const corrected = correctHead(head, { features, labels });
    const p = headProbabilities(corrected, features.subarray(0, 2 * D));
    assert.ok(p[0]! > 0.9 && p[3 + 2]! > 0.9, `${p}`);
  });
});
