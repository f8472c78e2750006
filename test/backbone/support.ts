import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  OnnxCodec,
  type OnnxModel,
  type OnnxTensor,
} from '../../src/backbone/engines/onnx-proto.js';
import { type ModelCard, parseCard } from '../../src/backbone/model-card.js';
import { sha256Hex } from '../../src/base/hash.js';
import { silentLog } from '../../src/base/log.js';
import { createRandom } from '../../src/base/random.js';
import { type NoveltyModel, triangleLength } from '../../src/head/unknown/novelty-model.js';
import { tensorInfo } from '../../src/models/onnx/prune.js';
import type { PullOptions } from '../../src/models/pull-model.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The source folder's fixtures: tsc copies no data. */
export const fixture = (name: string): string => join(root, 'test', 'backbone', 'fixtures', name);

/** Shared data and models, or null where they are absent. */
export function sharedDir(part: string): string | null {
  const path = join(process.env.HEADLAND_SHARED ?? join(root, '..', 'shared'), part);
  return existsSync(path) ? path : null;
}

export const TINY_SIZE = 16;
export const TINY_FEATURES = 6;

/**
 * A little classifier: convolution, ReLU, pooling (`pooled`, N x 6 x 1 x 1), then a linear layer
 * with 4 `logits`. Weights are a formula of the index.
 */
export function tinyClassifier(scale = 1): OnnxModel {
  const weights = (count: number, phase: number) =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(0.7 * i + phase));
  const input = tensorInfo('image', [1, 3, TINY_SIZE, TINY_SIZE]);
  const dim = input.type?.tensorType?.shape?.dim as object[];
  dim[0] = { dimParam: 'batch' };
  return {
    irVersion: 7,
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: {
      name: 'tiny',
      node: [
        {
          name: 'conv_node',
          opType: 'Conv',
          input: ['image', 'conv.w', 'conv.b'],
          output: ['conv'],
          attribute: [{ name: 'strides', type: 7, ints: [2, 2] }],
        },
        { name: 'relu_node', opType: 'Relu', input: ['conv'], output: ['relu'], attribute: [] },
        {
          name: 'pool_node',
          opType: 'GlobalAveragePool',
          input: ['relu'],
          output: ['pooled'],
          attribute: [],
        },
        {
          name: 'flatten_node',
          opType: 'Flatten',
          input: ['pooled'],
          output: ['flat'],
          attribute: [{ name: 'axis', type: 2, i: 1 }],
        },
        {
          name: 'gemm_node',
          opType: 'Gemm',
          input: ['flat', 'fc.w', 'fc.b'],
          output: ['logits'],
          attribute: [],
        },
      ],
      initializer: [
        tensor('conv.w', [TINY_FEATURES, 3, 3, 3], weights(TINY_FEATURES * 27, 1)),
        tensor('conv.b', [TINY_FEATURES], weights(TINY_FEATURES, 2)),
        tensor('fc.w', [TINY_FEATURES, 4], weights(TINY_FEATURES * 4, 3)),
        tensor('fc.b', [4], weights(4, 4)),
      ],
      input: [input],
      output: [tensorInfo('logits', [1, 4])],
      valueInfo: [],
    },
  };
}

export function tensor(name: string, dims: number[], data: Float32Array): OnnxTensor {
  return { name, dims, dataType: 1, rawData: new Uint8Array(data.buffer) };
}

export const encodeModel = (model: OnnxModel): Uint8Array => new OnnxCodec().encode(model);

/** A valid card of {@link tinyClassifier}; give it sources. */
export function tinyCard(changes: Record<string, unknown> = {}): ModelCard {
  return parseCard(
    {
      schema: 1,
      name: 'tiny',
      title: 'Tiny',
      licence: 'CC0-1.0',
      attribution: 'made for the tests',
      trainingData: 'none',
      reportedTop1: null,
      engine: 'onnx',
      format: 'onnx',
      inputSize: TINY_SIZE,
      layout: 'NCHW-RGB',
      normalisation: { mean: [127, 127, 127], std: [64, 64, 64] },
      tap: 'pooled',
      featureSize: TINY_FEATURES,
      sources: [{ kind: 'mirror', file: 'tiny.onnx', ...identity(encodeModel(tinyClassifier())) }],
      ...changes,
    },
    'test',
  );
}

export function identity(bytes: Uint8Array): { sha256: string; bytes: number } {
  return { sha256: sha256Hex(bytes), bytes: bytes.length };
}

export function pullOptions(cacheDir: string, changes: Partial<PullOptions> = {}): PullOptions {
  return {
    cacheDir,
    mirrors: [],
    allowDownload: true,
    pipCommand: ['python3', '-m', 'pip'],
    downloadTimeoutMs: 60_000,
    maxBytes: 100_000_000,
    log: silentLog(),
    ...changes,
  };
}

/** Class Gaussians as a novelty model has them, drawn; `classes` covariances, or one. */
export function drawnGaussians(
  featureSize: number,
  classes: number,
  covariances: number,
): { gaussianScale: number; novelty: NoveltyModel } {
  const dimensions = 3;
  const random = createRandom(8);
  const draw = (length: number, most: number): Float32Array =>
    Float32Array.from({ length }, () => random.uniform(-most, most));
  const triangle = triangleLength(dimensions);
  return {
    gaussianScale: 0.4,
    novelty: {
      dimensions,
      basis: Int16Array.from(
        { length: dimensions * featureSize },
        () => random.int(60_000) - 30_000,
      ),
      basisScale: draw(dimensions, 1e-4),
      within: draw(covariances * triangle, 2),
      means: draw(classes * dimensions, 2),
      background: draw(triangle, 1),
      centre: draw(dimensions, 1),
      scores: Float32Array.of(-1, 0, 1),
    },
  };
}
