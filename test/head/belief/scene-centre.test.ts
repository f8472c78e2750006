import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SceneCentre } from '../../../src/head/belief/scene-centre.js';
import { classDistances, distanceWithin } from '../../../src/head/unknown/novelty.js';
import { type NoveltyModel, triangleLength } from '../../../src/head/unknown/novelty-model.js';
import { Draw } from '../synthetic.js';
import { modelOf } from './scenes.js';

const R = 3;
const MODEL = modelOf(R, [1, 2]);

const coordinate = fc.double({ min: -10, max: 10, noNaN: true });
const point = fc
  .array(coordinate, { minLength: R, maxLength: R })
  .map((values) => Float64Array.from(values));

function close(actual: number | null, expected: number): void {
  assert.ok(
    actual !== null && Math.abs(actual - expected) <= 1e-6 * (1 + Math.abs(expected)),
    `${actual} is not ${expected}`,
  );
}

function centreOf(points: readonly Float64Array[], model: NoveltyModel = MODEL): SceneCentre {
  const centre = new SceneCentre();
  for (const one of points) centre.add({ model, point: one });
  return centre;
}

test('the distance is from the mean of the frames, in the deviation of the class', () => {
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 8 }), point, (points, other) => {
      const n = points.length;
      const mean = Array.from({ length: R }, (_, i) =>
        points.reduce((sum, one) => sum + one[i]! / n, 0),
      );
      const squared = mean.reduce((sum, value, i) => sum + (other[i]! - value) ** 2, 0) / R;
      const centre = centreOf(points);
      close(centre.distanceOf({ model: MODEL, point: other }, 0), squared / (1 + 1 / n));
      close(centre.distanceOf({ model: MODEL, point: other }, 1), squared / 4 / (1 + 1 / n));
    }),
  );
});

test('an independent sample of the class is about 1 away, however many frames there are', () => {
  const draw = new Draw(3);
  for (const frames of [1, 2, 10]) {
    let sum = 0;
    for (let i = 0; i < 4_000; i++) {
      const centre = centreOf(Array.from({ length: frames }, () => draw.normals(R)));
      sum += centre.distanceOf({ model: MODEL, point: draw.normals(R) }, 0)! / 4_000;
    }
    assert.ok(Math.abs(sum - 1) < 0.06, `${frames} frames: ${sum}`);
  }
});

test('it is that of the full covariance of each class, and of one that all share', () => {
  const draw = new Draw(5);
  const length = triangleLength(R);
  const within = Float32Array.from(draw.normals(2 * length));
  const [a, b] = [draw.normals(R), draw.normals(R)];
  const difference = a.map((value, i) => value - b[i]!);
  for (const model of [
    { ...MODEL, within },
    { ...MODEL, within: within.subarray(0, length) },
  ]) {
    // The means of the test model lie in the origin.
    const expected = classDistances(model, difference);
    for (const k of [0, 1]) close(distanceWithin(model, k, a, b), expected[k]! / R);
  }
});

test('what nothing or another model located cannot be compared', () => {
  const one = { model: MODEL, point: Float64Array.of(1, 2, 3) };
  const other = { model: modelOf(R, [1, 2]), point: Float64Array.of(1, 2, 3) };
  assert.equal(new SceneCentre().distanceOf(one, 0), null);
  assert.equal(new SceneCentre().distanceOf(null, 0), null);
  const centre = centreOf([one.point]);
  assert.equal(centre.distanceOf(null, 0), null);
  assert.equal(centre.distanceOf(other, 0), null);
  assert.equal(centre.distanceOf({ ...one, point: new Float64Array(R).fill(Number.NaN) }, 0), null);

  centre.add({ ...other, point: Float64Array.of(4, 2, 3) });
  close(centre.distanceOf(other, 0), 9 / R / 2);
  assert.equal(centre.distanceOf(one, 0), null);
  centre.add(null);
  assert.equal(centre.distanceOf(other, 0), null);
});

test('a point may be overwritten after it was added', () => {
  const buffer = Float64Array.of(1, 0, 0);
  const centre = centreOf([buffer]);
  buffer.fill(9);
  close(centre.distanceOf({ model: MODEL, point: Float64Array.of(1, 0, 0) }, 0), 0);
});
