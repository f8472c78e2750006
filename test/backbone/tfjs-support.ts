import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import {
  openTfjs,
  type Tfjs,
  type TfjsBackend,
  type TfjsEngine,
} from '../../src/backbone/engines/tfjs-library.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { silentLog } from '../../src/base/log.js';
import type { StateTensor } from '../../src/models/torch/state-dict.js';
import { identity, tinyCard } from './support.js';

type Files = Record<string, Uint8Array>;

/** The engines that open here; the native one only where tfjs-node is installed. */
export async function openBackends(): Promise<TfjsEngine[]> {
  const opened: TfjsEngine[] = [];
  for (const backend of ['tensorflow', 'wasm', 'cpu'] as TfjsBackend[]) {
    const engine = await openTfjs(silentLog(), [backend]).catch(() => null);
    if (engine) opened.push(engine);
  }
  return opened;
}

/** model.json and shards of a model, as `model.save('file://…')` writes them. */
export async function savedFiles(tf: Tfjs, model: LayersModel, shards = 2): Promise<Files> {
  let files: Files = {};
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const data = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
      const size = Math.ceil(data.length / shards);
      const paths = Array.from({ length: shards }, (_, i) => `group1-shard${i + 1}of${shards}.bin`);
      const weightsManifest = [{ paths, weights: weightSpecs }];
      const json = JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest });
      files = { 'model.json': new TextEncoder().encode(json) };
      for (const [i, path] of paths.entries()) {
        files[path] = data.slice(i * size, (i + 1) * size);
      }
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return files;
}

/** A card of a TensorFlow.js model whose files a mirror has. */
export function tfjsCard(files: Files, changes: Record<string, unknown>): ModelCard {
  const { 'model.json': json = new Uint8Array(0), ...shards } = files;
  const named = Object.entries(shards).map(([file, bytes]) => ({ file, ...identity(bytes) }));
  const source = { kind: 'mirror', file: 'model.json', ...identity(json), shards: named };
  return tinyCard({
    engine: 'tfjs',
    layout: 'NHWC-RGB',
    tap: null,
    sources: [source],
    ...changes,
  });
}

/** A layer's name must not begin with an underscore. */
const keras = (name: string): string => name.slice(1);

/** [repeats, kernel, stride, expansion, output channels] of EfficientNet-Lite0's stages. */
const STAGES = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
] as const;

/**
 * EfficientNet-Lite0 written down in Keras' layers: BatchNorm as such, padding "same", and a
 * classifier behind the features (layer `features`), with the weights of a PyTorch state_dict.
 */
export function kerasLite0(
  tf: Tfjs,
  state: ReadonlyMap<string, StateTensor>,
  size: number,
): LayersModel {
  const { layers } = tf;
  const weights = new Map<string, { shape: number[]; data: Float32Array }[]>();
  const named = (name: string, norm: string, kernel: StateTensor) => {
    weights.set(name, [kernel as { shape: number[]; data: Float32Array }]);
    const parts = ['weight', 'bias', 'running_mean', 'running_var'];
    weights.set(norm, parts.map((part) => state.get(`${norm}.${part}`)!) as never);
  };
  const input = tf.input({ shape: [size, size, 3] });
  let x = input as SymbolicTensor;
  const convolve = (conv: string, norm: string, stride: number, activated = true) => {
    const kernel = state.get(`${conv}.weight`)!;
    const [outputs, , side] = kernel.shape as [number, number, number];
    named(conv, norm, kernel);
    const common = {
      name: keras(conv),
      kernelSize: side,
      strides: stride,
      padding: 'same' as const,
    };
    const layer = conv.endsWith('_depthwise_conv')
      ? layers.depthwiseConv2d({ ...common, useBias: false })
      : layers.conv2d({ ...common, filters: outputs, useBias: false });
    const normal = layers.batchNormalization({ name: keras(norm), epsilon: 1e-3 });
    x = normal.apply(layer.apply(x)) as SymbolicTensor;
    if (activated) x = layers.reLU({ maxValue: 6 }).apply(x) as SymbolicTensor;
  };
  convolve('_conv_stem', '_bn0', 2);
  let block = 0;
  for (const [repeats, , stride, expansion, to] of STAGES) {
    for (let i = 0; i < repeats; i++) {
      const prefix = `_blocks.${block++}.`;
      const entrance = x;
      if (expansion > 1) convolve(`${prefix}_expand_conv`, `${prefix}_bn0`, 1);
      convolve(`${prefix}_depthwise_conv`, `${prefix}_bn1`, i === 0 ? stride : 1);
      convolve(`${prefix}_project_conv`, `${prefix}_bn2`, 1, false);
      if (i > 0) x = layers.add().apply([entrance, x]) as SymbolicTensor;
      else if (x.shape[3] !== to) throw new Error(`block ${block} has other channels`);
    }
  }
  convolve('_conv_head', '_bn1', 1);
  x = layers.globalAveragePooling2d({ name: 'features' }).apply(x) as SymbolicTensor;
  const classes = layers.dense({ name: 'classes', units: 3, activation: 'softmax' });
  const model = tf.model({ inputs: input, outputs: classes.apply(x) as SymbolicTensor });
  for (const [name, values] of weights) {
    tf.tidy(() => {
      const tensors = values.map(({ shape, data }) => {
        if (shape.length !== 4) return tf.tensor(data, shape);
        // PyTorch's O x I x h x w; of a depthwise one, O is the channels and I is one.
        const order = name.endsWith('_depthwise_conv') ? [2, 3, 0, 1] : [2, 3, 1, 0];
        return tf.transpose(tf.tensor(data, shape), order);
      });
      model.getLayer(keras(name)).setWeights(tensors);
    });
  }
  return model;
}

/** Greatest absolute difference. */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
}
