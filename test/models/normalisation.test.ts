import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { normalisationInGraph, parseNormalisation } from '../../src/models/onnx/normalisation.js';
import { info, NetworkBuilder, SIDE } from '../backbone/networks.js';

test('presets are what the frameworks do to a byte', () => {
  const first = (name: string, byte: number) => {
    const { mean, std } = parseNormalisation(name);
    return mean.map((m, c) => (byte - m) / std[c]!);
  };
  const near = (values: number[], others: number[]) =>
    values.forEach((value, i) => void assert.ok(Math.abs(value - others[i]!) < 1e-3, `${value}`));
  // torchvision: (byte / 255 - mean) / std
  near(first('imagenet', 255), [2.2489, 2.4286, 2.64]);
  near(first('imagenet', 0), [-2.1179, -2.0357, -1.8044]);
  near(first('tensorflow', 255), [1, 1, 1]);
  near(first('tensorflow', 0), [-1, -1, -1]);
  near(first('unit', 255), [1, 1, 1]);
  near(first('none', 200), [200, 200, 200]);
  near(first('caffe', 0), [-123.68, -116.779, -103.939]);
  assert.equal(parseNormalisation('caffe').channelOrder, 'BGR');
});

const triple = (min: number, max: number) =>
  fc.tuple(...[0, 1, 2].map(() => fc.double({ min, max, noNaN: true }))) as fc.Arbitrary<number[]>;

test('numbers for 0..1 and for 0..255 say the same', () => {
  fc.assert(
    fc.property(triple(0, 1), triple(0.01, 1), (mean, std) => {
      const unit = parseNormalisation(`${mean.join(',')}/${std.join(',')}`);
      mean.forEach((m, c) => void assert.ok(Math.abs(unit.mean[c]! - 255 * m) < 1e-9));
      std.forEach((s, c) => void assert.ok(Math.abs(unit.std[c]! - 255 * s) < 1e-9));
    }),
  );
  fc.assert(
    fc.property(triple(-255, 255), triple(1.01, 500), (mean, std) => {
      const bytes = parseNormalisation(`${mean.join(', ')}/${std.join(',')}`);
      assert.deepEqual([bytes.mean, bytes.std], [mean.map((m) => m + 0), std]);
    }),
  );
});

test('anything else is refused, never taken for numbers', () => {
  const odd = [
    '',
    '/',
    'Imagenet',
    'toString',
    '1,2,3',
    '1,2,3/4,5',
    '1,2,3/4,5,0',
    '1,2,3/4,5,-6',
  ];
  const more = ['1,2,3/1,1,1/1', 'a,b,c/1,1,1', '1,,3/1,1,1', '0,0,0/Infinity,1,1'];
  for (const text of [...odd, ...more]) {
    assert.throws(
      () => parseNormalisation(text),
      (error) => isHeadlandError(error, 'HL_MODEL_NORMALISATION_INVALID'),
      text,
    );
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        const { mean, std } = parseNormalisation(text);
        assert.ok([...mean, ...std].every(Number.isFinite) && std.every((s) => s > 0));
      } catch (error) {
        assert.ok(isHeadlandError(error, 'HL_MODEL_NORMALISATION_INVALID'));
      }
    }),
  );
});

/** How a graph that computes (a · x + b), channel by channel, is taken. */
function seen(scale: number[], offset: number[], elemType = 1) {
  const b = new NetworkBuilder();
  const scaled = b.add('Mul', ['x', b.floats('scale', [1, 3, 1, 1], scale)]);
  const shifted = b.add('Add', [scaled, b.floats('offset', [1, 3, 1, 1], offset)]);
  b.conv(shifted, 'conv', [4, 3, 3, 3]);
  const input = info('x', [1, 3, SIDE, SIDE], elemType);
  return normalisationInGraph(b.model(input, [info('conv', [])]).graph, { name: 'x', elemType });
}

test('a graph that normalises bytes, or numbers 0..1, is told from one that does not', () => {
  const bytes = { mean: [0, 0, 0], std: [1, 1, 1], channelOrder: 'RGB' };
  const unit = { ...bytes, std: [255, 255, 255] };
  fc.assert(
    fc.property(triple(0.35, 0.6), triple(0.2, 0.6), (mean, std) => {
      const offset = mean.map((m, c) => -m / std[c]!);
      assert.deepEqual(
        seen(
          std.map((s) => 1 / (255 * s)),
          offset,
        ),
        bytes,
      );
      assert.deepEqual(
        seen(
          std.map((s) => 1 / s),
          offset,
        ),
        unit,
      );
    }),
  );
  const by = (scale: number, offset: number, type?: number) =>
    seen([scale, scale, scale], [offset, offset, offset], type);
  assert.deepEqual(by(1 / 255, 0), bytes);
  assert.deepEqual(by(7, 3, 2), bytes, 'bytes as the type of the input');
  assert.equal(by(1, 0), null);
  assert.equal(by(1.3, -0.02), null, 'what takes normalised numbers may scale them a little');
  assert.equal(by(-1 / 60, 2), null);
  const b = new NetworkBuilder();
  b.conv('x', 'conv', [4, 3, 3, 3]);
  const plain = b.model(info('x', [1, 3, SIDE, SIDE]), [info('conv', [])]);
  assert.equal(normalisationInGraph(plain.graph, { name: 'x', elemType: 1 }), null);
});
