import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { tappedLayer } from '../../backbone/engines/engine-tfjs.js';
import type { Tfjs } from '../../backbone/engines/tfjs-library.js';
import {
  cutWeights,
  memoryHandler,
  type TfjsModel,
  type TfjsWeightSpec,
} from '../../backbone/engines/tfjs-model.js';
import { HeadlandError } from '../../base/errors.js';
import type { JoinedTfjs } from './export-tfjs-graph.js';
import { checkSizes, type ExportedHead, type ExportOptions, exportFacts } from './join-head.js';

/**
 * Joins a converted tf.layers backbone and a head into one tf.layers model with the outputs
 * probabilities and features. `userDefinedMetadata` holds labels and preprocessing as `headland`.
 *
 * tf.layers has no square root, so it cannot express a head whose transform or class Gaussians need
 * one.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID, HL_EXPORT_MISMATCH, HL_EXPORT_TRANSFORM
 */
export async function joinLayersHead(
  backbone: TfjsModel,
  head: ExportedHead,
  options: ExportOptions,
  tf: Tfjs,
): Promise<JoinedTfjs> {
  const { card } = options;
  checkSizes(head, card);
  if (head.gaussianScale !== undefined) {
    throw new HeadlandError(
      'HL_EXPORT_TRANSFORM',
      'the head has class Gaussians; a layers model cannot express them',
      {
        remedy:
          'Set training.classGaussians to false and train again, or use a backbone that is a graph model.',
      },
    );
  }
  if (head.transform === 'sqrt' || head.transform === 'sqrt-l2') {
    throw new HeadlandError(
      'HL_EXPORT_TRANSFORM',
      `the head transforms features by ${head.transform}; a layers model cannot express that`,
      {
        remedy: 'Export another version (--head VERSION), or use a backbone that is a graph model.',
        details: { transform: head.transform },
      },
    );
  }
  const whole = await tf.loadLayersModel(memoryHandler(backbone));
  const weights = new Set(whole.weights);
  try {
    const outputs = tappedLayer(tf, whole, card);
    const network = tf.model({ inputs: whole.inputs, outputs, name: 'backbone' });
    const joined = assemble(tf, network, head, options);
    for (const weight of joined.weights) weights.add(weight);
    setWeights(tf, joined, head, options);
    const names = { input: 'pixels', probabilities: 'probabilities', features: 'features' };
    joined.setUserDefinedMetadata({ headland: exportFacts(head, options, names, 'NHWC') });
    return { names, model: await saved(tf, joined) };
  } finally {
    // Both models share the layers up to the tap, so neither can be disposed as a whole.
    for (const weight of weights) weight.dispose();
  }
}

function assemble(
  tf: Tfjs,
  network: LayersModel,
  head: ExportedHead,
  { card }: ExportOptions,
): LayersModel {
  const { layers } = tf;
  const input = tf.input({ shape: [card.inputSize, card.inputSize, 3], name: 'pixels' });
  const normalise = { name: 'normalise', epsilon: 0, center: false, scale: false };
  const map = network.apply(layers.batchNormalization(normalise).apply(input));
  const features = layers
    .reshape({ name: 'features', targetShape: [head.featureSize] })
    .apply(map) as SymbolicTensor;
  const classes = head.labels.length;
  let x = features;
  if (head.transform === 'l2') {
    // The only layer that divides by a norm is a dot product of two normalised inputs, so the
    // weights must become an input. A linear layer computes them from a constant one, which is
    // another layer: it multiplies by zero and adds a bias of one.
    const one = layers.dense({ name: 'one', units: 1 }).apply(features);
    const size = classes * head.featureSize;
    const flat = layers.dense({ name: 'directions', units: size, useBias: false }).apply(one);
    const rows = layers.reshape({ targetShape: [classes, head.featureSize] }).apply(flat);
    const cosines = layers.dot({ axes: [1, 2] as never, normalize: true });
    x = cosines.apply([features, rows as SymbolicTensor]) as SymbolicTensor;
  }
  const last = layers.dense({ name: 'probabilities', units: classes, activation: 'softmax' });
  const outputs = [last.apply(x) as SymbolicTensor, features];
  return tf.model({ inputs: input, outputs, name: 'headland' });
}

/** The temperature is folded into the weights of the last layer. */
function setWeights(
  tf: Tfjs,
  model: LayersModel,
  { labels, featureSize, transform, weights, bias, temperature }: ExportedHead,
  { card }: ExportOptions,
): void {
  const classes = labels.length;
  const { mean, std } = card.normalisation;
  tf.tidy(() => {
    const set = (layer: string, ...values: Tensor[]) => model.getLayer(layer).setWeights(values);
    set('normalise', tf.tensor1d(mean), tf.tensor1d(std.map((value) => value * value)));
    const scaledBias = tf.tensor1d(bias.map((value) => value / temperature));
    const rows = tf.tensor2d(weights, [classes, featureSize]);
    if (transform === 'none') {
      set('probabilities', tf.div(tf.transpose(rows), temperature), scaledBias);
      return;
    }
    set('one', tf.zeros([featureSize, 1]), tf.ones([1]));
    set('directions', tf.reshape(rows, [1, classes * featureSize]));
    const norms = Float32Array.from({ length: classes }, (_, c) => {
      const row = weights.subarray(c * featureSize, (c + 1) * featureSize);
      return Math.hypot(...row) / temperature;
    });
    set('probabilities', tf.mul(tf.eye(classes), tf.tensor1d(norms)), scaledBias);
  });
}

/** The files that tf.layers would write to disk. */
async function saved(tf: Tfjs, model: LayersModel): Promise<TfjsModel> {
  let result: TfjsModel | null = null;
  const keep = tf.io.withSaveHandler(async (artifacts) => {
    const data = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
    result = {
      format: 'layers-model',
      topology: artifacts.modelTopology as Record<string, unknown>,
      weights: cutWeights(artifacts.weightSpecs as TfjsWeightSpec[], data),
      signature: undefined,
      metadata: artifacts.userDefinedMetadata ?? {},
    };
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(keep);
  return result as unknown as TfjsModel;
}
