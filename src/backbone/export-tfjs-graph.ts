import {
  checkSizes,
  type ExportedHead,
  type ExportedNames,
  type ExportOptions,
  exportFacts,
  SMALLEST_NORM,
} from './export.js';
import { attr, GraphBuilder, graphEnds, graphNodes } from './tfjs-graph.js';
import type { TfjsModel } from './tfjs-model.js';

/** Joined backbone and head, and the names of its ends. */
export interface JoinedTfjs {
  model: TfjsModel;
  names: ExportedNames;
}

/**
 * Joins a converted backbone and a head into one graph model: normalisation, backbone, feature
 * transform, linear layer and softmax at the head's temperature. Labels and preprocessing stand in
 * `userDefinedMetadata` as `headland`. Deterministic.
 * @param backbone As the cache holds it, a graph model.
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
  // Under the name of the backbone's input, so that its nodes read this.
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

/** probabilities = softmax((W · transform(features) + b) / temperature) */
function addHead(builder: GraphBuilder, features: string, head: ExportedHead): string {
  const { labels, featureSize, transform, temperature } = head;
  const add = (op: string, ...input: string[]) => builder.add(op, input, {}, `headland/${op}`);
  const number = (name: string, value: number) =>
    builder.constant(`headland/${name}`, [], Float32Array.of(value));
  let x = features;
  if (transform === 'sqrt' || transform === 'sqrt-l2') {
    x = add('Mul', add('Sign', x), add('Sqrt', add('Abs', x)));
  }
  if (transform === 'l2' || transform === 'sqrt-l2') {
    const axis = builder.constant('headland/axis', [1], Int32Array.of(1));
    const attributes = { keep_dims: attr.bool(true), Tidx: attr.int32 };
    const sum = builder.add('Sum', [add('Mul', x, x), axis], attributes, 'headland/Sum');
    x = add('RealDiv', x, add('Maximum', add('Sqrt', sum), number('smallest', SMALLEST_NORM)));
  }
  const weights = builder.constant('headland/weights', [labels.length, featureSize], head.weights);
  const bias = builder.constant('headland/bias', [labels.length], head.bias);
  const product = { transpose_a: attr.bool(false), transpose_b: attr.bool(true) };
  const logits = add('AddV2', builder.add('MatMul', [x, weights], product), bias);
  const scaled = add('RealDiv', logits, number('temperature', temperature));
  return builder.add('Softmax', [scaled], {}, 'probabilities');
}
