import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EngineInput } from '../../src/backbone/engines/engine-input.js';
import type { ModelCard } from '../../src/backbone/model-card.js';

const layouts = ['NCHW-RGB', 'NHWC-RGB'] as const;

describe('what goes into a forward pass', () => {
  test('is every byte normalised by its channel, in the order of the layout, wherever the bytes lie', () => {
    fc.assert(
      fc.property(
        fc.record({
          size: fc.integer({ min: 1, max: 12 }),
          offset: fc.integer({ min: 0, max: 5 }),
          shared: fc.boolean(),
          layout: fc.constantFrom(...layouts),
          mean: fc.tuple(...[0, 0, 0].map(() => fc.double({ min: 0, max: 255, noNaN: true }))),
          std: fc.tuple(...[0, 0, 0].map(() => fc.double({ min: 0.5, max: 128, noNaN: true }))),
          seed: fc.integer(),
        }),
        ({ size, offset, shared, layout, mean, std, seed }) => {
          const pixels = size * size;
          const bytes = offset + 3 * pixels;
          const buffer = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
          const data = new Uint8Array(buffer, offset, 3 * pixels);
          for (let i = 0; i < data.length; i++) data[i] = Math.imul(i + seed, 2_654_435_761) >>> 24;
          const input = new EngineInput(cardOf({ size, layout, mean, std }));
          input.fill({ width: size, height: size, data });
          const expected = new Float32Array(3 * pixels);
          data.forEach((byte, i) => {
            const [pixel, channel] = [Math.floor(i / 3), i % 3];
            const value = (byte - (mean[channel] as number)) / (std[channel] as number);
            expected[layout === 'NCHW-RGB' ? channel * pixels + pixel : i] = value;
          });
          assert.deepEqual(input.values, expected);
        },
      ),
    );
  });

  test('is refused in any other size', () => {
    const input = new EngineInput(
      cardOf({ size: 4, layout: 'NCHW-RGB', mean: [0, 0, 0], std: [1, 1, 1] }),
    );
    for (const [width, height, bytes] of [
      [4, 5, 60],
      [5, 4, 60],
      [4, 4, 47],
    ] as const) {
      assert.throws(() => input.fill({ width, height, data: new Uint8Array(bytes) }), {
        code: 'HL_BACKBONE_INPUT_SIZE',
      });
    }
  });
});

function cardOf(options: {
  size: number;
  layout: (typeof layouts)[number];
  mean: readonly number[];
  std: readonly number[];
}): ModelCard {
  const { size: inputSize, layout, mean, std } = options;
  return { name: 'any', inputSize, layout, normalisation: { mean, std } } as unknown as ModelCard;
}
