import type { StateTensor } from '../../src/models/torch/state-dict.js';

/** In [-1, 1): the multiplicative hash of fixtures/write_seeded_lite.py. */
export function uniform(seed: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let h = (Math.imul(i, 2654435761) + Math.imul(seed, 40503)) >>> 0;
    h ^= h >>> 15;
    h = Math.imul(h, 2246822519) >>> 0;
    h ^= h >>> 13;
    return (h >>> 0) / 2 ** 31 - 1;
  });
}

/** [width, depth] factors, as the family's paper has them. */
const SCALING: Record<string, [number, number]> = {
  'efficientnet-lite0': [1.0, 1.0],
  'efficientnet-lite2': [1.1, 1.2],
};
/** Channels of the stages after width scaling by 1.1, written out by hand from the weights. */
const CHANNELS: Record<string, number[]> = {
  'efficientnet-lite0': [16, 24, 40, 80, 112, 192, 320],
  'efficientnet-lite2': [16, 24, 48, 88, 120, 208, 352],
};
const REPEATS = [1, 2, 2, 3, 3, 4, 1];
const KERNELS = [3, 3, 5, 3, 5, 5, 3];

function* layers(name: string): Generator<[conv: string, norm: string, shape: number[]]> {
  const depth = (SCALING[name] as [number, number])[1];
  yield ['_conv_stem', '_bn0', [32, 3, 3, 3]];
  let current = 32;
  let index = 0;
  for (const [stage, to] of (CHANNELS[name] as number[]).entries()) {
    const ends = stage === 0 || stage === 6;
    const repeats = REPEATS[stage] as number;
    const kernel = KERNELS[stage] as number;
    for (let i = 0; i < (ends ? repeats : Math.ceil(repeats * depth)); i++) {
      const prefix = `_blocks.${index++}.`;
      const inner = current * (stage === 0 ? 1 : 6);
      if (stage > 0) yield [`${prefix}_expand_conv`, `${prefix}_bn0`, [inner, current, 1, 1]];
      yield [`${prefix}_depthwise_conv`, `${prefix}_bn1`, [inner, 1, kernel, kernel]];
      yield [`${prefix}_project_conv`, `${prefix}_bn2`, [to, inner, 1, 1]];
      current = to;
    }
  }
  yield ['_conv_head', '_bn1', [1280, current, 1, 1]];
}

/** Made-up weights of an EfficientNet-Lite, the same as the oracle's. */
export function seededState(name: string): Map<string, StateTensor> {
  const state = new Map<string, StateTensor>();
  let layer = 0;
  for (const [conv, norm, shape] of layers(name)) {
    const [outputs, inputs, height, width] = shape as [number, number, number, number];
    const fanIn = inputs * height * width;
    const spread = Math.sqrt(6 / fanIn);
    const weight = Float32Array.from(uniform(5 * layer, outputs * fanIn), (u) => u * spread);
    state.set(`${conv}.weight`, { shape, data: weight });
    const parts: [string, number, number][] = [
      ['weight', 1, 0.3],
      ['bias', 0.2, 0.3],
      ['running_mean', 0, 0.2],
      ['running_var', 1, 0.5],
    ];
    for (const [part, [key, middle, range]] of parts.entries()) {
      const values = uniform(5 * layer + 1 + part, outputs);
      const data = Float32Array.from(values, (u) => middle + range * u);
      state.set(`${norm}.${key}`, { shape: [outputs], data });
    }
    layer++;
  }
  return state;
}
