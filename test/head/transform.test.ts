import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transformFeatures } from '../../src/head/transform.js';
import { maxDifference } from './synthetic.js';

const rows = Float32Array.of(3, 4, 0, 0, -9, 16);

test('transforms equal their definitions row by row', () => {
  assert.deepEqual(transformFeatures(rows, 2, 'none'), rows);
  assert.ok(
    maxDifference(transformFeatures(rows, 2, 'l2'), [
      0.6,
      0.8,
      0,
      0,
      -9 / 337 ** 0.5,
      16 / 337 ** 0.5,
    ]) < 1e-7,
  );
  assert.ok(maxDifference(transformFeatures(rows, 2, 'sqrt'), [3 ** 0.5, 2, 0, 0, -3, 4]) < 1e-6);
  assert.ok(
    maxDifference(transformFeatures(rows, 2, 'sqrt-l2'), [
      (3 / 7) ** 0.5,
      (4 / 7) ** 0.5,
      0,
      0,
      -0.6,
      0.8,
    ]) < 1e-6,
  );
});

test('the input is left as it was', () => {
  const input = rows.slice();
  transformFeatures(input, 2, 'sqrt-l2');
  assert.deepEqual(input, rows);
});
