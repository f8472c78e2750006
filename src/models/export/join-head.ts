import { FEATURES } from '../../backbone/backbone.js';
import {
  OnnxCodec,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '../../backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { HeadlandError } from '../../base/errors.js';
import type { Fit } from '../../vision/image.js';
import { tensorInfo } from '../onnx/prune.js';
import { type ExportedGaussians, gaussianMatrices } from './export-gaussians.js';

/** The exported parts of a head; head/head.ts describes each. */
export interface ExportedHead {
  labels: readonly string[];
  featureSize: number;
  transform: 'none' | 'l2' | 'sqrt' | 'sqrt-l2';
  /** C x d, row-major. */
  weights: Float32Array;
  bias: Float32Array;
  temperature: number;
  novelty?: ExportedGaussians;
  gaussianScale?: number;
}

export interface ExportOptions {
  card: ModelCard;
  /** How an image becomes a square before it reaches the model. */
  fit: Fit;
  /** Further facts for metadata_props, by name, without the prefix; written as JSON. */
  facts?: Record<string, unknown>;
}

/** Names of inputs and outputs, chosen so that they differ from the graph's own names. */
export interface ExportedNames {
  /** 1 x 3 x S x S, with TensorFlow.js N x S x S x 3, float32: values 0..255, R, G, B. */
  input: string;
  /** 1 x C, float32, sums to 1; in the order of the labels. */
  probabilities: string;
  /** 1 x d, float32, untransformed. */
  features: string;
}

/** Sign came with opset 9; everything else that an export adds is older. */
const MIN_OPSET = 9;
/** Avoids a division by zero for a row of zeros, which stays as it is. */
export const SMALLEST_NORM = 1e-30;
const FLOAT = 1;

/**
 * Joins a converted backbone and a head into one ONNX file: normalisation, backbone, feature
 * transform, linear layer and softmax at the head's temperature. metadata_props holds labels and
 * preprocessing as `headland.*`, each in JSON. Deterministic.
 *
 * @param backbone as it is in the cache: one input 1 x 3 x S x S, one output `features` 1 x d.
 * @throws HeadlandError HL_MODEL_ONNX_INVALID, HL_EXPORT_OPSET, HL_EXPORT_MISMATCH
 */
export function joinHead(
  backbone: Uint8Array,
  head: ExportedHead,
  { card, fit, facts = {} }: ExportOptions,
): { model: Uint8Array; names: ExportedNames } {
  const codec = new OnnxCodec();
  const model = codec.decode(backbone);
  const opset = toNumber(model.opsetImport.find(({ domain }) => !domain)?.version ?? 1);
  if (opset < MIN_OPSET) {
    throw new HeadlandError('HL_EXPORT_OPSET', `backbone ${card.name} uses ONNX opset ${opset}`, {
      remedy: `Export the backbone with opset ${MIN_OPSET} or newer, add it (\`headland models add\`), and train on it.`,
      details: { opset },
    });
  }
  checkSizes(head, card);
  const { graph } = model;
  const free = namesLeftFree(graph);
  const names = { input: free('pixels'), probabilities: free('probabilities'), features: FEATURES };
  const builder = new Builder(free);
  const inner = graph.input[0]?.name as string;
  const { mean, std } = card.normalisation;
  const centred = builder.add('Sub', [names.input, builder.constant('mean', [1, 3, 1, 1], mean)]);
  builder.add('Div', [centred, builder.constant('std', [1, 3, 1, 1], std)], inner);
  const before = builder.take();
  addHead(builder, head, names.probabilities);
  graph.node = [...before, ...graph.node, ...builder.take()];
  graph.initializer.push(...builder.constants);
  graph.input = [tensorInfo(names.input, [1, 3, card.inputSize, card.inputSize])];
  graph.output = [tensorInfo(names.probabilities, [1, head.labels.length]), ...graph.output];
  const metadata = exportFacts(head, { card, fit, facts }, names, 'NCHW');
  const own = Object.entries(metadata).map(([key, value]) => ({
    key: `headland.${key}`,
    value: JSON.stringify(value),
  }));
  const replaced = new Set(own.map(({ key }) => key));
  model.metadataProps = [...model.metadataProps.filter(({ key }) => !replaced.has(key)), ...own];
  return { model: codec.encode(model), names };
}

/** @throws HeadlandError HL_EXPORT_MISMATCH */
export function checkSizes(head: ExportedHead, card: ModelCard): void {
  if (head.featureSize === card.featureSize) return;
  throw new HeadlandError(
    'HL_EXPORT_MISMATCH',
    `the head takes ${head.featureSize} features; backbone ${card.name} gives ${card.featureSize}`,
    { remedy: 'Train again (`headland train`), then export.' },
  );
}

/** Metadata of the exported model, without the prefix `headland.`. */
export function exportFacts(
  head: ExportedHead,
  { card, fit, facts }: ExportOptions,
  names: ExportedNames,
  layout: 'NCHW' | 'NHWC',
): Record<string, unknown> {
  return {
    labels: head.labels,
    preprocessing: {
      input: names.input,
      size: card.inputSize,
      fit,
      orientation: 'upright by EXIF',
      channels: 'RGB',
      layout,
      values: '0..255, not normalised',
      resize: 'cubic, anti-aliased',
    },
    outputs: { probabilities: names.probabilities, features: names.features },
    transform: head.transform,
    temperature: head.temperature,
    backbone: { name: card.name, licence: card.licence, attribution: card.attribution },
    ...facts,
  };
}

/**
 * probabilities = softmax((W · transform(features) + b + Gaussians) / temperature); without
 * Gaussians where the head has none.
 */
function addHead(builder: Builder, head: ExportedHead, output: string): void {
  const { labels, featureSize, transform, temperature, novelty, gaussianScale } = head;
  const x = addTransform(builder, featureSize, transform);
  const weights = builder.constant('weights', [labels.length, featureSize], head.weights);
  const bias = builder.constant('bias', [labels.length], head.bias);
  const transposed = [{ name: 'transB', type: 2, i: 1 }];
  let logits = builder.add('Gemm', [x, weights, bias], undefined, transposed);
  if (novelty && gaussianScale !== undefined) {
    const { basis, whiteners, means, sums, dimensions, terms } = gaussianMatrices(
      novelty,
      gaussianScale,
    );
    const roots = addTransform(builder, featureSize, 'sqrt-l2');
    const none = builder.constant('zeros', [dimensions], new Float32Array(dimensions));
    const rows = builder.constant('basis', [dimensions, featureSize], basis);
    const points = builder.add('Gemm', [roots, rows, none], undefined, transposed);
    const white = builder.add('MatMul', [
      points,
      builder.constant('whiteners', [dimensions, terms], whiteners),
    ]);
    const apart = builder.add('Sub', [white, builder.constant('means', [terms], means)]);
    const added = builder.add('MatMul', [
      builder.add('Mul', [apart, apart]),
      builder.constant('sums', [terms, labels.length], sums),
    ]);
    logits = builder.add('Add', [logits, added]);
  }
  const scaled = builder.add('Div', [logits, builder.constant('temperature', [1], [temperature])]);
  builder.add('Softmax', [scaled], output, [{ name: 'axis', type: 2, i: 1 }]);
}

function addTransform(
  builder: Builder,
  featureSize: number,
  transform: ExportedHead['transform'],
): string {
  let x: string = FEATURES;
  if (transform === 'sqrt' || transform === 'sqrt-l2') {
    x = builder.add('Mul', [
      builder.add('Sign', [x]),
      builder.add('Sqrt', [builder.add('Abs', [x])]),
    ]);
  }
  if (transform === 'l2' || transform === 'sqrt-l2') {
    // A product with ones sums the squares in every opset; ReduceSum changed its form in 13.
    const ones = builder.constant('ones', [featureSize, 1], new Float32Array(featureSize).fill(1));
    const sum = builder.add('MatMul', [builder.add('Mul', [x, x]), ones]);
    const smallest = builder.constant('smallest_norm', [1, 1], [SMALLEST_NORM]);
    x = builder.add('Div', [x, builder.add('Max', [builder.add('Sqrt', [sum]), smallest])]);
  }
  return x;
}

class Builder {
  readonly constants: OnnxTensor[] = [];
  #nodes: OnnxNode[] = [];

  constructor(private readonly free: (wish: string) => string) {}

  add(
    opType: string,
    input: string[],
    output = this.free(`headland_${opType.toLowerCase()}`),
    attribute: OnnxNode['attribute'] = [],
  ): string {
    this.#nodes.push({ name: `headland/${output}`, opType, input, output: [output], attribute });
    return output;
  }

  constant(name: string, dims: number[], values: ArrayLike<number>): string {
    const tensor = this.free(`headland_${name}`);
    const rawData = new Uint8Array(4 * values.length);
    const view = new DataView(rawData.buffer);
    for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i] as number, true);
    this.constants.push({ name: tensor, dims, dataType: FLOAT, rawData });
    return tensor;
  }

  /** The nodes added since the last call. */
  take(): OnnxNode[] {
    const nodes = this.#nodes;
    this.#nodes = [];
    return nodes;
  }
}

/** Gives each wanted name a free one: neither in the graph nor given before. */
function namesLeftFree(graph: OnnxGraph): (wish: string) => string {
  const taken = new Set<string>();
  const note = ({ node, input, initializer }: OnnxGraph): void => {
    for (const named of [...input, ...initializer]) taken.add(named.name);
    for (const { input: reads, output: writes, attribute } of node) {
      for (const name of [...reads, ...writes]) taken.add(name);
      for (const { g, graphs } of attribute)
        for (const sub of [...(g ? [g] : []), ...(graphs ?? [])]) note(sub);
    }
  };
  note(graph);
  return (wish) => {
    let name = wish;
    for (let i = 2; taken.has(name); i++) name = `${wish}_${i}`;
    taken.add(name);
    return name;
  };
}
