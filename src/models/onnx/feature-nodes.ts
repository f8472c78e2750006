import { FEATURES } from '../../backbone/backbone.js';
import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
} from '../../backbone/engines/onnx-proto.js';
import type { Pool } from '../../backbone/model-card.js';
import { freeName } from './onnx-graph.js';

const FLOAT = 1;
const INT64 = 7;

/**
 * Adds nodes that turn each source into a vector and concatenate the vectors into {@link FEATURES}.
 * @param toFloat The sources are of another type than float32.
 */
export function addFeatureNodes(
  graph: OnnxGraph,
  sources: readonly { tensor: string; pool: Pool; scale?: number }[],
  toFloat: boolean,
): void {
  const joined = toFloat ? freeName(graph, `${FEATURES}_joined`) : FEATURES;
  if (sources.length === 1) {
    const [{ tensor, pool }] = sources as [(typeof sources)[number]];
    addReduction(graph, { tensor, pool, output: joined, suffix: '' });
  } else {
    const vectors = sources.map(({ tensor, pool, scale = 1 }, i) => {
      const output = freeName(graph, `${FEATURES}_part_${i}`);
      addReduction(graph, { tensor, pool, output, suffix: `_${i}` });
      if (scale === 1) return output;
      const factor = freeName(graph, `headland_scale_${i}`);
      const rawData = new Uint8Array(Float32Array.of(scale).buffer);
      graph.initializer.push({ name: factor, dims: [], dataType: FLOAT, rawData });
      const scaled = freeName(graph, `${FEATURES}_scaled_${i}`);
      graph.node.push(node(`headland_scale_${i}`, 'Mul', [output, factor], scaled, []));
      return scaled;
    });
    graph.node.push(node('headland_concat', 'Concat', vectors, joined, [int('axis', 1)]));
  }
  if (toFloat) {
    graph.node.push(node('headland_float', 'Cast', [joined], FEATURES, [int('to', FLOAT)]));
  }
}

function addReduction(
  graph: OnnxGraph,
  reduction: { tensor: string; pool: Pool; output: string; suffix: string },
): void {
  const { pool, output, suffix } = reduction;
  let current = reduction.tensor;
  const add = (
    name: string,
    opType: string,
    inputs: readonly string[],
    attribute: OnnxAttribute[],
  ): void => {
    const result = freeName(graph, `${reduction.tensor}_${name}ed${suffix}`);
    graph.node.push(
      node(`headland_${name}${suffix}`, opType, [current, ...inputs], result, attribute),
    );
    current = result;
  };
  if (pool === 'first-token') {
    const first = freeName(graph, `headland_first${suffix}`);
    graph.initializer.push(indices(first, [], [0]));
    add('pick', 'Gather', [first], [int('axis', 1)]);
  } else if (pool !== 'none') {
    const order = {
      average: null,
      'average-channels-last': [0, 3, 1, 2],
      'average-tokens': [0, 2, 1],
    };
    const perm = order[pool];
    if (perm) add('turn', 'Transpose', [], [{ name: 'perm', type: 7, ints: perm }]);
    add('pool', 'GlobalAveragePool', [], []);
  }
  // Flatten keeps N x d as it is and turns N x d x 1 x 1 into it.
  graph.node.push(
    node(`headland_flatten${suffix}`, 'Flatten', [current], output, [int('axis', 1)]),
  );
}

/** A constant of integers. */
export function indices(name: string, dims: number[], values: readonly number[]): OnnxTensor {
  return { name, dims, dataType: INT64, int64Data: [...values] };
}

function int(name: string, i: number): OnnxAttribute {
  return { name, type: 2, i };
}

function node(
  name: string,
  opType: string,
  input: string[],
  output: string,
  attribute: OnnxAttribute[],
): OnnxNode {
  return { name, opType, input, output: [output], attribute };
}
