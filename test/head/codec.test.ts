import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isHeadlandError } from '../../src/base/errors.js';
import { decodeHead, encodeHead } from '../../src/head/codec.js';
import type { Head } from '../../src/head/head.js';
import type { NoveltyModel } from '../../src/head/unknown/novelty-model.js';

const small: Head = {
  learner: 'softmax',
  labels: ['crop', 'weed: Ackerwinde', 'ähre'],
  featureSize: 2,
  backboneChecksum: 'sha256:0123',
  transform: 'sqrt-l2',
  weights: Float32Array.of(1.5, -2.25, 0, -0, 1e-38, 3e38),
  bias: Float32Array.of(0.1, 0.2, -0.3),
  temperature: 1.2345678901234567,
};

const refused = (bytes: Uint8Array, what: string) =>
  assert.throws(
    () => decodeHead(bytes),
    (e) => isHeadlandError(e, 'HL_HEAD_INVALID'),
    what,
  );

/** Bytes with a right hash over whatever they say. */
function sealed(header: string, values: number[], headerLength?: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const body = new Uint8Array(12 + text.length + 4 * values.length);
  body.set(encodeHead(small).subarray(0, 8));
  const view = new DataView(body.buffer);
  view.setUint32(8, headerLength ?? text.length, true);
  body.set(text, 12);
  for (const [i, value] of values.entries()) view.setFloat32(12 + text.length + 4 * i, value, true);
  return Uint8Array.from([...body, ...createHash('sha256').update(body).digest()]);
}

function headerOf(head: Head): string {
  const bytes = encodeHead(head);
  const length = new DataView(bytes.buffer).getUint32(8, true);
  return new TextDecoder().decode(bytes.subarray(12, 12 + length));
}

const values = [...small.weights, ...small.bias];

test('the way there and back is exact for any head', () => {
  const heads = fc
    .record({
      labels: fc.uniqueArray(fc.string({ minLength: 1, unit: 'binary' }), {
        minLength: 2,
        maxLength: 6,
      }),
      featureSize: fc.integer({ min: 1, max: 5 }),
      learner: fc.constantFrom('ridge' as const, 'softmax' as const, 'tf-layers' as const),
      transform: fc.constantFrom(
        'none' as const,
        'l2' as const,
        'sqrt' as const,
        'sqrt-l2' as const,
      ),
      temperature: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
      backboneChecksum: fc.string({ minLength: 1 }),
    })
    .chain((fields) => {
      const classes = fields.labels.length;
      const floats = (n: number) =>
        fc.float32Array({ minLength: n, maxLength: n, noNaN: true, noDefaultInfinity: true });
      return fc.tuple(floats(classes * fields.featureSize), floats(classes)).map(
        ([weights, bias]): Head => ({
          ...fields,
          labels: [...fields.labels].sort(),
          weights,
          bias,
        }),
      );
    });
  fc.assert(
    fc.property(heads, (head) => {
      assert.deepEqual(decodeHead(encodeHead(head)), head);
    }),
  );
});

test('bytes in the middle of a larger buffer are read as well', () => {
  const bytes = encodeHead(small);
  const larger = new Uint8Array(bytes.length + 10);
  larger.set(bytes, 3);
  assert.deepEqual(decodeHead(larger.subarray(3, 3 + bytes.length)), small);
});

test('every single-byte flip is refused', () => {
  const bytes = encodeHead(small);
  for (let i = 0; i < bytes.length; i++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const damaged = bytes.slice();
      damaged[i] = damaged[i]! ^ mask;
      refused(damaged, `byte ${i} xor ${mask}`);
    }
  }
});

test('every truncation and any trailing byte is refused', () => {
  const bytes = encodeHead(small);
  for (let length = 0; length < bytes.length; length++)
    refused(bytes.slice(0, length), `${length}`);
  refused(Uint8Array.from([...bytes, 0]), 'one byte more');
});

test('a right hash does not excuse a wrong content', () => {
  const header = headerOf(small);
  assert.deepEqual(decodeHead(sealed(header, values)), small);
  const change = (from: string, to: string) => {
    assert.ok(header.includes(from), from);
    return header.replace(from, to);
  };
  const wrong: [string, Uint8Array][] = [
    ['not JSON', sealed('{', values)],
    ['null', sealed('null', values)],
    ['a list', sealed('[]', values)],
    ['spaces', sealed(` ${header}`, values)],
    ['unknown field', sealed(change('{"learner"', '{"x":1,"learner"'), values)],
    ['dtype', sealed(change('float32', 'float64'), values)],
    ['shape', sealed(change('[3,2]', '[2,3]'), values)],
    ['sizes that overflow', sealed(change('"featureSize":2', '"featureSize":1e308'), values)],
    ['size 0', sealed(change('"featureSize":2', '"featureSize":0'), [])],
    ['fraction', sealed(change('"featureSize":2', '"featureSize":1.5'), values)],
    ['temperature 0', sealed(change('1.2345678901234567', '0'), values)],
    ['learner', sealed(change('softmax', 'magic'), values)],
    ['transform', sealed(change('sqrt-l2', 'cubic'), values)],
    ['label type', sealed(change('"crop"', '1'), values)],
    ['label order', sealed(change('"crop"', '"zebra"'), values)],
    ['equal labels', sealed(change('"crop"', '"ähre"'), values)],
    ['too few values', sealed(header, values.slice(1))],
    ['too many values', sealed(header, [...values, 1])],
    ['NaN', sealed(header, [Number.NaN, ...values.slice(1)])],
    ['infinity', sealed(header, [...values.slice(1), Number.POSITIVE_INFINITY])],
    ['header longer than the file', sealed(header, values, 4_294_967_295)],
    ['header longer than allowed', sealed(header, new Array(40_000).fill(0), 65_537)],
  ];
  for (const [what, bytes] of wrong) refused(bytes, what);
});

test('a head that cannot serve is not written', () => {
  const broken: Partial<Head>[] = [
    { labels: ['a'] },
    { labels: ['b', 'a', 'c'] },
    { labels: ['', 'a', 'b'] },
    { weights: new Float32Array(5) },
    { weights: Float32Array.of(1, 2, 3, 4, 5, Number.NaN) },
    { bias: Float32Array.of(1, 2, Number.POSITIVE_INFINITY) },
    { temperature: 0 },
    { temperature: Number.NaN },
    { backboneChecksum: '' },
    { labels: ['a', 'b', 'c'.repeat(70_000)] },
  ];
  for (const change of broken) {
    assert.throws(
      () => encodeHead({ ...small, ...change }),
      (e) => isHeadlandError(e, 'HL_HEAD_INVALID'),
      JSON.stringify(Object.keys(change)),
    );
  }
});

const withNovelty: Head = {
  ...small,
  setProbability: 0.25,
  novelty: {
    dimensions: 2,
    basis: Int16Array.of(32_767, -32_768, 0, 1),
    basisScale: Float32Array.of(0.5, 0.25),
    within: Float32Array.of(1, 0.5, 2),
    means: Float32Array.of(1, 2, 3, 4, 5, 6),
    background: Float32Array.of(3, -0.5, 4),
    centre: Float32Array.of(-1, 1),
    scores: Float32Array.of(-2, -2, 0, 7.5),
  },
};

const ownCovariances: Head = {
  ...withNovelty,
  novelty: {
    ...(withNovelty.novelty as NoveltyModel),
    within: Float32Array.of(1, 0.5, 2, 3, -1, 4, 5, 0, 6),
  },
};

test('a novelty model goes with its head, byte for byte', () => {
  assert.deepEqual(decodeHead(encodeHead(ownCovariances)), ownCovariances);
  assert.deepEqual(decodeHead(encodeHead(withNovelty)), withNovelty);
  const { novelty: _, ...setOnly } = withNovelty;
  assert.deepEqual(decodeHead(encodeHead(setOnly)), setOnly);
  const { setProbability: __, ...noveltyOnly } = withNovelty;
  assert.deepEqual(decodeHead(encodeHead(noveltyOnly)), noveltyOnly);
});

const withGaussians: Head = {
  ...ownCovariances,
  gaussianScale: 0.25,
  leftOutConfidences: Float32Array.of(-0.75, -0.5, 0.25, 1),
};

test('class Gaussians and left-out confidences go with their head, byte for byte', () => {
  for (const head of [
    withGaussians,
    { ...withNovelty, gaussianScale: 2 },
    { ...small, leftOutConfidences: new Float32Array(0) },
  ]) {
    assert.deepEqual(decodeHead(encodeHead(head)), head);
    assert.equal(encodeHead(head)[7], 4);
  }
  const bytes = encodeHead(withGaussians);
  for (let at = 0; at < bytes.length; at++) {
    const flipped = bytes.slice();
    flipped[at]! ^= 4;
    refused(flipped, `flip at ${at}`);
    refused(bytes.subarray(0, at), `cut at ${at}`);
  }
});

test('class Gaussians and left-out confidences that cannot serve are not written', () => {
  const broken: Partial<Head>[] = [
    { gaussianScale: 0 },
    { gaussianScale: Number.NaN },
    { leftOutConfidences: Float32Array.of(0.5, 0.25) },
    { leftOutConfidences: Float32Array.of(1.5) },
    { leftOutConfidences: new Float32Array(4_097) },
  ];
  for (const change of broken) {
    assert.throws(
      () => encodeHead({ ...withGaussians, ...change }),
      (e) => isHeadlandError(e, 'HL_HEAD_INVALID'),
      JSON.stringify(change).slice(0, 60),
    );
  }
  assert.throws(
    () => encodeHead({ ...small, gaussianScale: 1 }),
    (e) => isHeadlandError(e, 'HL_HEAD_INVALID'),
    'no Gaussians to scale',
  );
});

test('a head without one is written as before, so that an older headland can read it', () => {
  assert.equal(encodeHead(small)[7], 1);
  assert.equal(encodeHead(withNovelty)[7], 2);
  assert.equal(encodeHead(ownCovariances)[7], 3);
});

test('every single-byte flip and every truncation of a novelty model is refused', () => {
  const bytes = encodeHead(ownCovariances);
  for (let i = 0; i < bytes.length; i++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const damaged = bytes.slice();
      damaged[i] = damaged[i]! ^ mask;
      refused(damaged, `byte ${i} xor ${mask}`);
    }
    refused(bytes.slice(0, i), `${i} bytes`);
  }
});

test('a right hash does not excuse a wrong novelty model', () => {
  const bytes = encodeHead(withNovelty);
  const resealed = (change: (body: Uint8Array) => Uint8Array | undefined) => {
    const body = bytes.slice(0, bytes.length - 32);
    const changed = change(body) ?? body;
    return Uint8Array.from([...changed, ...createHash('sha256').update(changed).digest()]);
  };
  assert.deepEqual(decodeHead(resealed((body) => body)), withNovelty);
  const float = (fromEnd: number, value: number) =>
    resealed((body) => {
      new DataView(body.buffer).setFloat32(body.length - fromEnd, value, true);
      return body;
    });
  const text = (from: string, to: string) =>
    resealed((body) => {
      const whole = Buffer.from(body).toString('latin1');
      assert.ok(whole.includes(from), from);
      const changed = Buffer.from(whole.replace(from, to), 'latin1');
      changed.writeUInt32LE(changed.readUInt32LE(8) + to.length - from.length, 8);
      return changed;
    });
  const versioned = (version: number) =>
    resealed((body) => {
      body[7] = version;
      return body;
    });
  const wrong: [string, Uint8Array][] = [
    ['scores that are not sorted', float(16, 100)],
    ['NaN', float(4, Number.NaN)],
    ['infinite', float(20, Number.POSITIVE_INFINITY)],
    ['four bytes more', resealed((body) => Uint8Array.from([...body, 0, 0, 0, 0]))],
    ['other dimensions', text('"dimensions":2', '"dimensions":3')],
    ['too many dimensions', text('"dimensions":2', '"dimensions":1e9')],
    ['other number of scores', text('"scores":4', '"scores":5')],
    ['a fraction of a score', text('"scores":4', '"scores":4.5')],
    ['no number', text('"scores":4', '"scores":{}')],
    ['set probability', text('"setProbability":0.25', '"setProbability":1.25')],
    ['set probability type', text('"setProbability":0.25', '"setProbability":"a"')],
    ['null', text('{"dimensions":2,"scores":4}', 'null')],
    ['version 1 with a novelty model', versioned(1)],
    ['version 3 with one covariance for all', versioned(3)],
    ['version 4', versioned(4)],
    ['a covariance too few', text('"scores":4', '"scores":4,"covariances":2')],
    ['one covariance that is named', text('"scores":4', '"scores":4,"covariances":1')],
    ['no number of covariances', text('"scores":4', '"scores":4,"covariances":"3"')],
  ];
  for (const [what, damaged] of wrong) refused(damaged, what);
});

test('a novelty model that cannot serve is not written', () => {
  const { novelty } = withNovelty as Required<Head>;
  const broken: Partial<typeof novelty>[] = [
    { dimensions: 0 },
    { dimensions: 3 },
    { basis: new Int16Array(3) },
    { within: new Float32Array(6) },
    { within: new Float32Array(4) },
    { means: new Float32Array(4) },
    { centre: Float32Array.of(1, Number.NaN) },
    { scores: Float32Array.of(2, 1) },
    { scores: new Float32Array(5_000) },
  ];
  for (const change of broken) {
    assert.throws(
      () => encodeHead({ ...withNovelty, novelty: { ...novelty, ...change } }),
      (e) => isHeadlandError(e, 'HL_HEAD_INVALID'),
      JSON.stringify(Object.keys(change)),
    );
  }
});
