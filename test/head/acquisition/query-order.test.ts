import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cosine } from '../../../src/base/cosine.js';
import {
  type Candidate,
  queryOrder,
  relativeEntropy,
} from '../../../src/head/acquisition/query-order.js';
import { Sketcher, sketchDistance } from '../../../src/head/acquisition/sketch.js';
import { Draw } from '../synthetic.js';

const D = 1_280;

function features(draw: Draw): Float32Array {
  return Float32Array.from(draw.normals(D), (x) => Math.max(0, x));
}

/** At one place of a line, far from everything labelled. */
function at(place: number, given: Partial<Candidate> = {}): Candidate {
  return { sketch: Float32Array.of(place), nearest: 4, answer: null, classShare: null, ...given };
}

const doubt = (entropy: number, noveltyPValue: number | null = null) => ({
  entropy,
  noveltyPValue,
});

describe('a sketch of an embedding', () => {
  it('keeps distances within its error, and is the same in every process', () => {
    const draw = new Draw(1);
    const sketcher = new Sketcher(D);
    const errors: number[] = [];
    for (let i = 0; i < 100; i++) {
      const a = features(draw);
      const b = a.map((x) => x * (1 - i / 100) + (i / 100) * Math.max(0, draw.normal()));
      const root = (v: Float32Array) => v.map(Math.sqrt);
      const exact = 2 - 2 * cosine(root(a), root(b));
      const sketched = sketchDistance(sketcher.sketch(a), sketcher.sketch(b));
      if (exact > 1e-6) errors.push(sketched / exact - 1);
    }
    const mean = errors.reduce((sum, x) => sum + x, 0) / errors.length;
    const deviation = Math.sqrt(errors.reduce((sum, x) => sum + x * x, 0) / errors.length);
    assert.ok(Math.abs(mean) < 0.06, `bias ${mean}`);
    assert.ok(deviation > 0.1 && deviation < 0.26, `deviation ${deviation}`);
    const one = features(draw);
    assert.deepEqual(new Sketcher(D).sketch(one), sketcher.sketch(one));
    assert.equal(sketchDistance(sketcher.sketch(one), sketcher.sketch(one)), 0);
  });
});

describe('the order of questions', () => {
  it('begins without a head with what is usual, and then goes where nothing is labelled', () => {
    const places = [9, 0, 0.1, 0.2, 0.3, 1.2, 1.3, 1.1];
    const order = queryOrder(
      places.map((place) => at(place)),
      3,
    );
    assert.equal(places[order[0]!]! < 0.5, true, 'the largest heap');
    assert.equal(places[order[1]!]! > 1 && places[order[1]!]! < 2, true, 'the other heap');
    assert.equal(places[order[2]!], 9);
    const known = places.map((place) => at(place, { nearest: place < 0.5 ? 0 : 4 }));
    assert.equal(places[queryOrder(known, 1)[0]!]! > 1, true, 'the first heap is labelled');
  });

  it('prefers what the head doubts', () => {
    const candidates = [0.1, 0.9, 0.5].map((entropy, i) => at(i * 9, { answer: doubt(entropy) }));
    assert.deepEqual(queryOrder(candidates, 3), [1, 2, 0]);
  });

  it('takes what is none of the classes for doubtful, however sure the head is', () => {
    const candidates = [
      at(0, { answer: doubt(0.3, 0.5) }),
      at(9, { answer: doubt(0, 0.01) }),
      at(18, { answer: doubt(0.8, 0.9) }),
      at(27, { answer: doubt(0, 0.06) }),
    ];
    assert.deepEqual(queryOrder(candidates, 4), [2, 1, 0, 3]);
  });

  it('prefers what looks like a rare class', () => {
    const answer = doubt(0.6);
    const candidates = [1.8, 0.2, 1, null].map((classShare, i) =>
      at(i * 9, { answer, classShare }),
    );
    assert.deepEqual(queryOrder(candidates, 2), [1, 2]);
  });

  it('never lets look-alikes follow each other', () => {
    const candidates = [0, 0.01, 0.02, 5, 5.01].map((place, i) =>
      at(place, { answer: doubt(0.9 - i / 100) }),
    );
    assert.deepEqual(queryOrder(candidates, 2), [0, 3]);
    const labelled = at(0.5, { answer: doubt(1), nearest: 0.0001 });
    assert.deepEqual(queryOrder([labelled, at(9, { answer: doubt(0.2) })], 2), [1, 0]);
  });

  it('asks first about what the head has not been asked about yet', () => {
    assert.deepEqual(queryOrder([at(0, { answer: doubt(0.9) }), at(9)], 2), [1, 0]);
  });

  it('names every candidate once, however odd the numbers', () => {
    const candidate = fc.record({
      sketch: fc.array(fc.float({ noNaN: true, min: -2, max: 2 }), { minLength: 3, maxLength: 3 }),
      nearest: fc.oneof(fc.constant(Infinity), fc.float({ noNaN: true, min: 0, max: 4 })),
      entropy: fc.option(fc.float({ noNaN: true, min: 0, max: 1 })),
      classShare: fc.option(fc.float({ noNaN: true, min: Math.fround(0.01), max: 50 })),
    });
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 40 }), fc.nat(50), (given, count) => {
        const candidates = given.map(({ sketch, nearest, entropy, classShare }) => ({
          sketch: Float32Array.from(sketch),
          nearest,
          answer: entropy === null ? null : doubt(entropy),
          classShare,
        }));
        const order = queryOrder(candidates, count);
        assert.equal(order.length, Math.min(count, candidates.length));
        assert.equal(new Set(order).size, order.length);
        assert.deepEqual(queryOrder(candidates, count + 1).slice(0, order.length), order);
      }),
    );
  });

  it('stays whole with more candidates than it compares without a head', () => {
    const candidates = Array.from({ length: 700 }, (_, i) => at(i / 100));
    const order = queryOrder(candidates, 700);
    assert.equal(new Set(order).size, 700);
    const first = order.slice(0, 8).map((i) => i / 100);
    assert.ok(Math.max(...first) - Math.min(...first) > 4, String(first));
  });
});

describe('relativeEntropy', () => {
  it('is 0 for certainty and 1 for equal probabilities', () => {
    assert.equal(relativeEntropy([1, 0, 0]), 0);
    assert.equal(relativeEntropy([1]), 0);
    assert.ok(Math.abs(relativeEntropy([0.25, 0.25, 0.25, 0.25]) - 1) < 1e-12);
    // H(1/4) = 2 - 3/4 log2 3 bits.
    assert.ok(Math.abs(relativeEntropy([0.75, 0.25]) - 0.811278) < 1e-6);
  });

  it('is that of a search that measures every distance', () => {
    const candidate = fc.record({
      sketch: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 2 }),
      nearest: fc.constantFrom(0, 0.5, 1, 3, Infinity),
      entropy: fc.constantFrom(0, 0.001, 0.5, 1),
      noveltyPValue: fc.constantFrom(null, 0.01, 0.5),
      classShare: fc.constantFrom(null, 0.25, 1, 4),
    });
    const some = fc.array(candidate, { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(some, fc.nat(12), (drawn, count) => {
        const candidates = drawn.map(({ sketch, entropy, noveltyPValue, ...rest }): Candidate => {
          return {
            ...rest,
            sketch: Float32Array.from(sketch, (x) => x / 4),
            answer: { entropy, noveltyPValue },
          };
        });
        assert.deepEqual(queryOrder(candidates, count), plainOrder(candidates, count));
      }),
    );
  });
});

/** The same order, as plainly as it can be said. */
function plainOrder(candidates: readonly Candidate[], count: number): number[] {
  const nearest = candidates.map((candidate) => Math.min(2, candidate.nearest));
  const value = (i: number): number => {
    const { answer, classShare } = candidates[i]!;
    const isNovel = (answer?.noveltyPValue ?? 1) < 0.05;
    const weight = Math.max(answer!.entropy, isNovel ? 0.5 : 0.01) / Math.sqrt(classShare ?? 1);
    return weight * Math.sqrt(nearest[i]!);
  };
  const left = [...candidates.keys()];
  const order: number[] = [];
  while (order.length < count && left.length > 0) {
    const chosen = left.reduce((best, i) => (value(i) > value(best) ? i : best));
    order.push(chosen);
    left.splice(left.indexOf(chosen), 1);
    for (const i of left) {
      const distance = sketchDistance(candidates[i]!.sketch, candidates[chosen]!.sketch);
      nearest[i] = Math.min(nearest[i]!, distance);
    }
  }
  return order;
}
