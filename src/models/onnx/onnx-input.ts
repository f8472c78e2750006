import {
  invalidOnnx,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValueInfo,
  toNumber,
} from '../../backbone/engines/onnx-proto.js';
import { HeadlandError } from '../../base/errors.js';
import { indices } from './feature-nodes.js';
import { freeName } from './onnx-graph.js';
import { integersOf } from './onnx-read.js';

const FLOAT = 1;
/** Pixel types that a float32 is cast to: uint8, float16, float64. */
const CASTABLE: readonly number[] = [2, 10, 11];
/** Operators that keep the shape of their input. */
const ELEMENTWISE = new Set(['Cast', 'Identity', 'Sub', 'Add', 'Mul', 'Div', 'Pad']);

/** The image input of a graph. */
export interface ImageInput {
  name: string;
  layout: 'NCHW' | 'NHWC';
  /** Height and width, pixels; null where the graph leaves them open. */
  sides: [height: number | null, width: number | null];
  /** Null where the graph leaves it open. */
  batch: number | null;
  /** ONNX TensorProto.DataType: 1 float32, 2 uint8, 10 float16, 11 float64. */
  elemType: number;
}

/**
 * The only input that is not a constant.
 * @throws HeadlandError HL_MODEL_NOT_A_BACKBONE when it is no RGB image.
 */
export function readImageInput(graph: OnnxGraph): ImageInput {
  const constants = new Set(graph.initializer.map((tensor) => tensor.name));
  const inputs = graph.input.filter(({ name }) => !constants.has(name));
  if (inputs.length !== 1) {
    const named = inputs.map(({ name }) => name).join(', ');
    throw notAPicture(`it has ${inputs.length} inputs${named ? ` (${named})` : ''} instead of one`);
  }
  const { name, type } = inputs[0] as OnnxValueInfo;
  const elemType = type?.tensorType?.elemType ?? 0;
  const dims = type?.tensorType?.shape?.dim.map(({ dimValue, dimParam }) => {
    const value = dimValue === undefined || dimParam ? 0 : toNumber(dimValue);
    return value > 0 ? value : null;
  });
  if (dims?.length !== 4 || (elemType !== FLOAT && !CASTABLE.includes(elemType))) {
    throw notAPicture(
      `its input "${name}" is neither N x 3 x height x width nor N x height x width x 3 of floats or bytes`,
    );
  }
  const [batch, second, third, last] = dims as (number | null)[] as [
    number | null,
    number | null,
    number | null,
    number | null,
  ];
  const layout = layoutOf(graph, name, second, last);
  const channels = layout === 'NCHW' ? second : last;
  if (channels !== null && channels !== 3) {
    throw notAPicture(`its input "${name}" has ${channels} channels`);
  }
  const sides: ImageInput['sides'] = layout === 'NCHW' ? [third, last] : [second, third];
  return { name, layout, sides, batch, elemType };
}

/**
 * Changes the graph to take 1 x 3 x S x S float32 in the order R, G, B.
 * @throws HeadlandError HL_MODEL_ONNX_INVALID when the graph has other sizes.
 */
export function takePlanes(
  graph: OnnxGraph,
  input: ImageInput,
  { inputSize, channelOrder }: { inputSize: number; channelOrder: 'RGB' | 'BGR' },
): string {
  if (input.batch !== null && input.batch !== 1) {
    throw invalidOnnx(`its batch is ${input.batch}; export it with a batch of 1 or an open one`);
  }
  const wrong = input.sides.find((side) => side !== null && side !== inputSize);
  if (wrong) throw invalidOnnx(`its input is ${input.sides.join(' x ')} pixels, not ${inputSize}`);
  const steps: Pick<OnnxNode, 'opType' | 'attribute' | 'input'>[] = [];
  if (channelOrder === 'BGR') {
    const order = freeName(graph, 'headland_bgr');
    graph.initializer.push(indices(order, [3], [2, 1, 0]));
    steps.push({ opType: 'Gather', input: [order], attribute: [{ name: 'axis', type: 2, i: 1 }] });
  }
  if (input.layout === 'NHWC') {
    const attribute = [{ name: 'perm', type: 7, ints: [0, 2, 3, 1] }];
    steps.push({ opType: 'Transpose', input: [], attribute });
  }
  if (input.elemType !== FLOAT) {
    steps.push({
      opType: 'Cast',
      input: [],
      attribute: [{ name: 'to', type: 2, i: input.elemType }],
    });
  }
  if (steps.length === 0) return input.name;
  const first = freeName(graph, 'headland_pixels');
  let current = first;
  const nodes = steps.map(({ opType, attribute, input: others }, i): OnnxNode => {
    const output = i === steps.length - 1 ? input.name : freeName(graph, `headland_pixels_${i}`);
    const node = { name: `headland_input_${i}`, opType, attribute };
    const added = { ...node, input: [current, ...others], output: [output] };
    current = output;
    return added;
  });
  graph.node.unshift(...nodes);
  return first;
}

function notAPicture(why: string): HeadlandError {
  return new HeadlandError('HL_MODEL_NOT_A_BACKBONE', `the graph takes no RGB image: ${why}`, {
    remedy:
      'Use a network that takes one RGB image. If the network has several inputs, export its image part alone.',
    details: { why },
  });
}

/** By the axis of 3 channels, else by the first node that requires a layout. */
function layoutOf(
  graph: OnnxGraph,
  input: string,
  second: number | null,
  last: number | null,
): ImageInput['layout'] {
  if (second === 3 && last !== 3) return 'NCHW';
  if (last === 3 && second !== 3) return 'NHWC';
  for (let name = input; ; ) {
    const reader = graph.node.find((node) => node.input.includes(name));
    if (reader?.opType === 'Transpose') {
      return integersOf(reader, 'perm', []).join() === '0,3,1,2' ? 'NHWC' : 'NCHW';
    }
    if (reader === undefined || !ELEMENTWISE.has(reader.opType)) return 'NCHW';
    name = reader.output[0] as string;
  }
}
