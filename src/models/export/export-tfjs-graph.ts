import { attr, GraphBuilder, graphEnds, graphNodes } from '../../backbone/engines/tfjs-graph.js';
import type { TfjsModel } from '../../backbone/engines/tfjs-model.js';
import { gaussianMatrices } from './export-gaussians.js';
import {
  checkSizes,
  type ExportedHead,
  type ExportedNames,
  type ExportOptions,
  exportFacts,
  SMALLEST_NORM,
} from './join-head.js';

/** Joined backbone and head, with the names of the inputs and outputs. */
export interface JoinedTfjs {
  model: TfjsModel;
  names: ExportedNames;
}

/**
 * Joins a converted backbone and a head into one graph model: normalisation, backbone, feature
 * transform, linear layer and softmax at the head's temperature. `userDefinedMetadata` holds labels
 * and preprocessing as `headland`. Deterministic.
 * @param backbone as it is in the cache, a graph model.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID, HL_EXPORT_MISMATCH
 */
export function joinGraphHead(
  backbone: TfjsModel,
  head: ExportedHead,
  options: ExportOptions,
): JoinedTfjs {
  const { card } = options;
  checkSizes(head, card);
  const ends = graphEnds(backbone);
  const inner = graphNodes(backbone).filter(({ name }) => name !== ends.input);
  const builder = new GraphBuilder([...inner], [...backbone.weights], [ends.input]);
  const { inputSize, normalisation } = card;
  const shape = [-1, inputSize, inputSize, 3];
  const input = builder.placeholder('pixels', shape);
  const channels = (name: string, values: readonly number[]) =>
    builder.constant(`headland/${name}`, [3], Float32Array.from(values));
  const centred = builder.add('Sub', [input, channels('mean', normalisation.mean)], {});
  // Under the name of the backbone's input, so that the nodes of the backbone read it.
  const divided = [centred, channels('std', normalisation.std)];
  builder.nodes.push({
    name: ends.input,
    op: 'RealDiv',
    input: divided,
    attr: { T: attr.float },
  });
  const sides = builder.constant('headland/shape', [2], Int32Array.of(-1, card.featureSize));
  const reshaped = { Tshape: attr.int32 };
  const features = builder.add('Reshape', [ends.output, sides], reshaped, 'features');
  const probabilities = addHead(builder, features, head);
  const names = { input, probabilities, features };
  const tensor = (name: string, sides: number[]) => ({
    name: `${name}:0`,
    dtype: attr.float.type,
    tensorShape: attr.shape(sides).shape,
  });
  return {
    names,
    model: {
      format: 'graph-model',
      topology: { ...backbone.topology, node: builder.nodes },
      weights: builder.weights,
      signature: {
        inputs: { [input]: tensor(input, shape) },
        outputs: {
          [probabilities]: tensor(probabilities, [-1, head.labels.length]),
          [features]: tensor(features, [-1, head.featureSize]),
        },
      },
      metadata: { headland: exportFacts(head, options, names, 'NHWC') },
    },
  };
}

/**
 * probabilities = softmax((W · transform(features) + b + Gaussians) / temperature); without
 * Gaussians where the head has none.
 */
function addHead(builder: GraphBuilder, features: string, head: ExportedHead): string {
  const { labels, featureSize, transform, temperature, novelty, gaussianScale } = head;
  const add = (op: string, ...input: string[]) => builder.add(op, input, {}, `headland/${op}`);
  const matrix = (name: string, shape: number[], values: Float32Array) =>
    builder.constant(`headland/${name}`, shape, values);
  const product = (x: string, other: string, isTransposed: boolean) => {
    const attributes = { transpose_a: attr.bool(false), transpose_b: attr.bool(isTransposed) };
    return builder.add('MatMul', [x, other], attributes);
  };
  const x = addTransform(builder, features, transform);
  const weights = matrix('weights', [labels.length, featureSize], head.weights);
  const bias = matrix('bias', [labels.length], head.bias);
  let logits = add('AddV2', product(x, weights, true), bias);
  if (novelty && gaussianScale !== undefined) {
    const { basis, whiteners, means, sums, dimensions, terms } = gaussianMatrices(
      novelty,
      gaussianScale,
    );
    const roots = addTransform(builder, features, 'sqrt-l2');
    const points = product(roots, matrix('basis', [dimensions, featureSize], basis), true);
    const white = product(points, matrix('whiteners', [dimensions, terms], whiteners), false);
    const apart = add('Sub', white, matrix('means', [terms], means));
    const squares = add('Mul', apart, apart);
    logits = add(
      'AddV2',
      logits,
      product(squares, matrix('sums', [terms, labels.length], sums), false),
    );
  }
  const scaled = add('RealDiv', logits, matrix('temperature', [], Float32Array.of(temperature)));
  return builder.add('Softmax', [scaled], {}, 'probabilities');
}

function addTransform(
  builder: GraphBuilder,
  features: string,
  transform: ExportedHead['transform'],
): string {
  const add = (op: string, ...input: string[]) => builder.add(op, input, {}, `headland/${op}`);
  let x = features;
  if (transform === 'sqrt' || transform === 'sqrt-l2') {
    x = add('Mul', add('Sign', x), add('Sqrt', add('Abs', x)));
  }
  if (transform === 'l2' || transform === 'sqrt-l2') {
    const axis = builder.constant('headland/axis', [1], Int32Array.of(1));
    const attributes = { keep_dims: attr.bool(true), Tidx: attr.int32 };
    const sum = builder.add('Sum', [add('Mul', x, x), axis], attributes, 'headland/Sum');
    const smallest = builder.constant('headland/smallest', [], Float32Array.of(SMALLEST_NORM));
    x = add('RealDiv', x, add('Maximum', add('Sqrt', sum), smallest));
  }
  return x;
}
