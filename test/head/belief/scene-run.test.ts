import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FrameEvidence, SceneRun } from '../../../src/head/belief/scene-run.js';

const evidence: fc.Arbitrary<FrameEvidence> = fc
  .record({
    ratios: fc.array(fc.double({ min: 1e-5, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 }),
    unknownRatio: fc.double({ min: 0.1, max: 5, noNaN: true }),
  })
  .map(({ ratios, unknownRatio }) => ({
    ratios: Float64Array.from(ratios),
    logRatios: Float64Array.from(ratios, Math.log),
    unknownRatio,
    place: null,
  }));
const some = fc.array(evidence, { minLength: 2, maxLength: 12 });

function pooled(frames: readonly FrameEvidence[], correlation: number, share = 1): SceneRun {
  const run = new SceneRun(frames[0]!, 0, correlation, -0.5);
  for (const frame of frames.slice(1)) run.add(frame, share);
  return run;
}

function logOdds(run: SceneRun): number {
  return Math.log(run.known[0]! / run.known[1]!);
}

function sumOf(frames: readonly FrameEvidence[]): number {
  return frames.reduce((sum, { logRatios }) => sum + logRatios[0]! - logRatios[1]!, 0);
}

function close(actual: number, expected: number): void {
  assert.ok(
    Math.abs(actual - expected) <= 1e-9 * (1 + Math.abs(expected)),
    `${actual}, ${expected}`,
  );
}

test('frames that are wrong independently of each other add up', () => {
  fc.assert(fc.property(some, (frames) => close(logOdds(pooled(frames, 0)), sumOf(frames))));
});

test('frames that are wrong together say what one says, their mean', () => {
  fc.assert(
    fc.property(some, (frames) => close(logOdds(pooled(frames, 1)), sumOf(frames) / frames.length)),
  );
});

test('k equally correlated frames count as k / (1 + (k - 1) correlation)', () => {
  fc.assert(
    fc.property(some, fc.double({ min: 0, max: 1, noNaN: true }), (frames, correlation) => {
      const count = frames.length / (1 + (frames.length - 1) * correlation);
      close(logOdds(pooled(frames, correlation)), (sumOf(frames) / frames.length) * count);
    }),
  );
});

test('the order of the frames of a scene does not matter', () => {
  fc.assert(
    fc.property(some, fc.double({ min: 0, max: 1, noNaN: true }), (frames, share) => {
      const forwards = pooled(frames, 0.2, share);
      const backwards = pooled([...frames].reverse(), 0.2, share);
      close(forwards.unknown, backwards.unknown);
      forwards.known.forEach((p, c) => {
        close(p, backwards.known[c]!);
      });
    }),
  );
});

test('a frame that is as likely as not says nothing of where the scene began', () => {
  const nothing = {
    ratios: Float64Array.of(1, 1, 1),
    logRatios: Float64Array.of(0, 0, 0),
    unknownRatio: 1,
    place: null,
  };
  fc.assert(fc.property(some, (frames) => close(pooled(frames, 0.2).likelihoodRatio(nothing), 1)));
});

test('what agrees with the frames before is likelier than what does not', () => {
  const saying = (c: number): FrameEvidence => {
    const ratios = Float64Array.from({ length: 3 }, (_, other) => (other === c ? 2.4 : 0.3));
    return { ratios, logRatios: ratios.map(Math.log), unknownRatio: 0.5, place: null };
  };
  const run = pooled([saying(0), saying(0), saying(0)], 0.2);
  assert.ok(run.likelihoodRatio(saying(0)) > 1);
  assert.ok(run.likelihoodRatio(saying(1)) < 1);
});
