import { OnnxCodec } from '../../backbone/engines/onnx-proto.js';
import { loadRuntime } from '../../backbone/engines/onnx-runtime.js';
import type { Pool } from '../../backbone/model-card.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { neededNodes, referencedTensors } from './onnx-graph.js';
import { readImageInput, takePlanes } from './onnx-input.js';
import { tensorInfo } from './prune.js';

/**
 * Shape of an inner tensor for one S x S image, found by running the graph up to it.
 * @param file ONNX, unchanged.
 * @throws HeadlandError HL_MODEL_NOT_A_BACKBONE when ONNX Runtime cannot run it
 */
export async function probeShape(
  file: Uint8Array,
  tensor: string,
  inputSize: number,
): Promise<readonly number[]> {
  const codec = new OnnxCodec();
  const model = codec.decode(file);
  const { graph } = model;
  graph.node = neededNodes(graph, [tensor]);
  graph.valueInfo = [];
  graph.output = [{ name: tensor }];
  const input = readImageInput(graph);
  const pixels = takePlanes(graph, input, { inputSize, channelOrder: 'RGB' });
  const read = new Set(graph.node.flatMap(referencedTensors));
  graph.initializer = graph.initializer.filter(({ name }) => read.has(name));
  graph.input = [tensorInfo(pixels, [1, 3, inputSize, inputSize])];
  const { InferenceSession, Tensor } = await loadRuntime();
  try {
    const session = await InferenceSession.create(codec.encode(model), {
      executionProviders: ['cpu'],
      logSeverityLevel: 4,
    });
    try {
      const shape = [1, 3, inputSize, inputSize];
      const zeros = new Float32Array(3 * inputSize * inputSize);
      const outputs = await session.run({ [pixels]: new Tensor('float32', zeros, shape) });
      return outputs[tensor]?.dims ?? [];
    } finally {
      await session.release();
    }
  } catch (cause) {
    throw new HeadlandError(
      'HL_MODEL_NOT_A_BACKBONE',
      `ONNX Runtime cannot run the graph on an image of ${inputSize} x ${inputSize} pixels: ${messageOf(cause)}`,
      {
        remedy:
          'Give the size that the network was trained with (--input-size), or export it with ONNX opset 13 to 21.',
        details: { inputSize },
        cause,
      },
    );
  }
}

/** How a tensor of this shape becomes a vector, and its number of features; null: it cannot. */
export function poolForShape(dims: readonly number[]): { pool: Pool; featureSize: number } | null {
  const [batch, ...sides] = dims;
  if (batch !== 1 || sides.length === 0 || sides.some((side) => side < 1)) return null;
  const large = sides.filter((side) => side > 1);
  if (large.length <= 1) return { pool: 'none', featureSize: large[0] ?? 1 };
  const [first, second, third] = sides as [number, number, number?];
  if (sides.length === 2) {
    const isGrid = (count: number) => Number.isInteger(Math.sqrt(count));
    // Only a grid of patches is averaged; otherwise a class token precedes them.
    const pool = isGrid(first) ? 'average-tokens' : 'first-token';
    return { pool, featureSize: second };
  }
  if (sides.length !== 3) return null;
  return first === second && third !== second
    ? { pool: 'average-channels-last', featureSize: third as number }
    : { pool: 'average', featureSize: first };
}
