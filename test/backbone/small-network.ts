import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  OnnxCodec,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../../src/backbone/engines/onnx-proto.js';
import { type ModelCard, parseCard } from '../../src/backbone/model-card.js';
import { sha256Hex } from '../../src/base/hash.js';
import { tensorInfo } from '../../src/models/onnx/prune.js';
import type { RgbImage } from '../../src/vision/image.js';
import { uniform } from '../models/seeded-lite.js';

export const SMALL_SIZE = 32;
export const SMALL_FEATURES = 24;
/** Convolutions but the first, and the sum. */
export const SMALL_LAYERS = 5;

/**
 * Every kind of layer that is quantized, with made-up weights: a first convolution, a depthwise
 * one, a linear projection of very uneven channels, a residual sum and a last convolution.
 */
export function smallNetwork(): OnnxModel {
  const nodes: OnnxNode[] = [];
  const initializer: OnnxTensor[] = [];
  const constant = (name: string, dims: number[], data: Float32Array) => {
    initializer.push({ name, dims, dataType: 1, rawData: new Uint8Array(data.buffer) });
    return name;
  };
  const ints = (name: string, values: number[]) => ({ name, type: 7, ints: values });
  const add = (opType: string, input: string[], output: string, attribute = [] as object[]) =>
    nodes.push({ name: output, opType, input, output: [output], attribute } as OnnxNode);
  let seed = 1;
  const conv = (from: string, name: string, shape: number[], group: number, stride: number) => {
    const [outputs, inputs, kernel] = shape as [number, number, number];
    const fanIn = inputs * kernel * kernel;
    const weights = Float32Array.from(uniform(seed++, outputs * fanIn), (u, i) => {
      const channel = Math.floor(i / fanIn);
      return u * Math.sqrt(4 / fanIn) * (1 + (channel % 5));
    });
    const bias = Float32Array.from(uniform(seed++, outputs), (u) => 0.5 * u);
    const pad = (kernel - 1) / 2;
    const w = constant(`${name}.w`, shape, weights);
    add('Conv', [from, w, constant(`${name}.b`, [outputs], bias)], name, [
      ints('strides', [stride, stride]),
      ints('pads', [pad, pad, pad, pad]),
      { name: 'group', type: 2, i: group },
    ]);
    return name;
  };
  const clip = (from: string) => {
    add('Clip', [from, 'zero', 'six'], `${from}.clip`);
    return `${from}.clip`;
  };
  constant('zero', [], Float32Array.of(0));
  constant('six', [], Float32Array.of(6));
  const stem = clip(conv('image', 'stem', [8, 3, 3, 3], 1, 2));
  const deep = clip(conv(stem, 'deep', [8, 1, 3, 3], 8, 1));
  const flat = conv(deep, 'flat', [8, 8, 1, 1], 1, 1);
  const other = conv(stem, 'other', [8, 8, 1, 1], 1, 1);
  add('Add', [flat, other], 'sum');
  const last = clip(conv('sum', 'last', [SMALL_FEATURES, 8, 3, 3], 1, 2));
  add('GlobalAveragePool', [last], 'pool');
  add('Flatten', ['pool'], 'vector', [{ name: 'axis', type: 2, i: 1 }]);
  return {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: {
      name: 'small',
      node: nodes,
      initializer,
      valueInfo: [],
      input: [tensorInfo('image', [1, 3, SMALL_SIZE, SMALL_SIZE])],
      output: [tensorInfo('vector', [1, SMALL_FEATURES])],
    },
  };
}

/** Writes the network and its card into a folder of cards. */
export function writeSmallCard(cardsDir: string, name = 'small'): ModelCard {
  mkdirSync(cardsDir, { recursive: true });
  const bytes = new OnnxCodec().encode(smallNetwork());
  const file = `${name}.onnx`;
  writeFileSync(join(cardsDir, file), bytes);
  const card = {
    schema: 1,
    name,
    title: 'A small network',
    licence: 'Apache-2.0',
    attribution: 'headland',
    trainingData: 'none',
    reportedTop1: null,
    engine: 'onnx',
    format: 'onnx',
    inputSize: SMALL_SIZE,
    layout: 'NCHW-RGB',
    normalisation: { mean: [120, 118, 104], std: [58, 57, 57] },
    featureSize: SMALL_FEATURES,
    sources: [{ kind: 'file', file, sha256: sha256Hex(bytes), bytes: bytes.length }],
  };
  writeFileSync(join(cardsDir, `${name}.json`), JSON.stringify(card));
  const parsed = parseCard(card, name);
  return {
    ...parsed,
    sources: parsed.sources.map((s) =>
      s.kind === 'file' ? { ...s, file: join(cardsDir, file) } : s,
    ),
  };
}

/** Pictures of blobs and gradients, each another. */
export function smallPictures(count: number): RgbImage[] {
  return Array.from({ length: count }, (_, index) => {
    const [a, b, c] = uniform(90 + index, 3) as unknown as [number, number, number];
    const data = new Uint8Array(SMALL_SIZE * SMALL_SIZE * 3);
    for (let y = 0; y < SMALL_SIZE; y++) {
      for (let x = 0; x < SMALL_SIZE; x++) {
        const i = (y * SMALL_SIZE + x) * 3;
        data[i] = 128 + 120 * Math.sin((x * (1 + a)) / 4);
        data[i + 1] = 128 + 120 * Math.cos((y * (1 + b)) / 5);
        data[i + 2] = 128 + 120 * Math.sin(((x + y) * (1 + c)) / 7);
      }
    }
    return { width: SMALL_SIZE, height: SMALL_SIZE, data };
  });
}
