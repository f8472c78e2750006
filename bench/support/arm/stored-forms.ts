import type { OnnxModel, OnnxNode, OnnxTensor } from '../../../src/backbone/engines/onnx-proto.js';
import { floatTensor } from '../../../src/models/onnx/onnx-read.js';
import { type Elements, ONNX_ELEMENT } from './onnx-elements.js';

/** How the levels of an 8-bit model are stored. Every form computes nearly the same features. */
export interface StoredForm {
  activations: 'uint8' | 'int8';
  weights: 'int8' | 'uint8';
  /** Of the weights: one scale for each output channel, or one for all. */
  scales: 'per-channel' | 'per-tensor';
}

export const STORED_FORMS: readonly StoredForm[] = [
  { activations: 'uint8', weights: 'int8', scales: 'per-channel' },
  { activations: 'int8', weights: 'int8', scales: 'per-channel' },
  { activations: 'uint8', weights: 'uint8', scales: 'per-channel' },
  { activations: 'uint8', weights: 'int8', scales: 'per-tensor' },
  { activations: 'int8', weights: 'int8', scales: 'per-tensor' },
  { activations: 'uint8', weights: 'uint8', scales: 'per-tensor' },
];

const MIDDLE = 128;

/** A variant of `headland models quantize` in another form. */
export function storedAs(model: OnnxModel, form: StoredForm): OnnxModel {
  const tensors = new Map(model.graph.initializer.map((tensor) => [tensor.name, tensor]));
  const nodes = new Map(model.graph.node.map((node) => [node.output[0] as string, node]));
  const set = (tensor: OnnxTensor): void => void tensors.set(tensor.name, tensor);
  for (const { opType, input } of model.graph.node) {
    if (opType === 'QuantizeLinear') set(zeroPoint(tensors, input[2] as string, form.activations));
  }
  for (const { weights, bias } of quantizedConvolutions(model, nodes)) {
    if (form.scales === 'per-tensor') {
      for (const tensor of shareScale(tensors, weights, bias)) set(tensor);
      for (const node of [weights, bias]) nodes.set(node.output[0] as string, withoutAxis(node));
    }
    if (form.weights === 'uint8') for (const tensor of unsigned(tensors, weights)) set(tensor);
  }
  const node = model.graph.node.map((one) => nodes.get(one.output[0] as string) as OnnxNode);
  return { ...model, graph: { ...model.graph, node, initializer: [...tensors.values()] } };
}

/** Of each convolution in 8 bits, the nodes that dequantize its constants. */
function quantizedConvolutions(model: OnnxModel, nodes: ReadonlyMap<string, OnnxNode>) {
  return model.graph.node.flatMap(({ opType, input }) => {
    const [weights, bias] = [nodes.get(input[1] ?? ''), nodes.get(input[2] ?? '')];
    if (opType !== 'Conv' || weights?.opType !== 'DequantizeLinear' || !bias) return [];
    return [{ weights, bias }];
  });
}

type Tensors = ReadonlyMap<string, OnnxTensor>;

function zeroPoint(tensors: Tensors, name: string, activations: 'uint8' | 'int8'): OnnxTensor {
  const tensor = tensors.get(name) as OnnxTensor;
  const byte = tensor.rawData?.[0] as number;
  // Levels of -128 to 127 and of 0 to 255 differ in the highest bit.
  const isSigned = tensor.dataType === ONNX_ELEMENT.int8;
  const flipped = isSigned === (activations === 'int8') ? byte : byte ^ MIDDLE;
  return made(
    name,
    [],
    activations === 'int8' ? ONNX_ELEMENT.int8 : ONNX_ELEMENT.uint8,
    Uint8Array.of(flipped),
  );
}

/** Weights and bias with the greatest scale of all channels. */
function shareScale(tensors: Tensors, weights: OnnxNode, bias: OnnxNode): OnnxTensor[] {
  const [levels, scales, zeros] = inputs(tensors, weights);
  const [biasLevels, biasScales, biasZeros] = inputs(tensors, bias);
  const own = floatTensor(scales).values;
  const greatest = own.reduce((a, b) => Math.max(a, b));
  const each = new Int8Array(bytes(levels).buffer);
  const size = each.length / own.length;
  const shared = each.map((level, i) =>
    Math.round((level * (own[Math.floor(i / size)] as number)) / greatest),
  );
  const sums = new Int32Array(bytes(biasLevels).buffer).map((level, c) =>
    Math.round((level * (own[c] as number)) / greatest),
  );
  const biasScale = (floatTensor(biasScales).values[0] as number) / (own[0] as number);
  return [
    made(levels.name, levels.dims, ONNX_ELEMENT.int8, shared),
    made(scales.name, [], ONNX_ELEMENT.float32, Float32Array.of(greatest)),
    made(zeros.name, [], ONNX_ELEMENT.int8, new Int8Array(1)),
    made(biasLevels.name, biasLevels.dims, ONNX_ELEMENT.int32, sums),
    made(biasScales.name, [], ONNX_ELEMENT.float32, Float32Array.of(biasScale * greatest)),
    made(biasZeros.name, [], ONNX_ELEMENT.int32, new Int32Array(1)),
  ];
}

function unsigned(tensors: Tensors, weights: OnnxNode): OnnxTensor[] {
  const [levels, , zeros] = inputs(tensors, weights);
  return [levels, zeros].map((tensor) => {
    const flipped = bytes(tensor).map((byte) => byte ^ MIDDLE);
    return made(tensor.name, tensor.dims, ONNX_ELEMENT.uint8, flipped);
  });
}

function inputs(tensors: Tensors, node: OnnxNode): [OnnxTensor, OnnxTensor, OnnxTensor] {
  const [levels, scales, zeros] = node.input.map((name) => tensors.get(name));
  if (!levels || !scales || !zeros) throw new Error(`${node.name} reads no constants`);
  return [levels, scales, zeros];
}

function withoutAxis(node: OnnxNode): OnnxNode {
  return { ...node, attribute: node.attribute.filter(({ name }) => name !== 'axis') };
}

function bytes(tensor: OnnxTensor): Uint8Array {
  return Uint8Array.from(tensor.rawData ?? []);
}

function made(
  name: string,
  dims: OnnxTensor['dims'],
  dataType: number,
  values: Elements,
): OnnxTensor {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dims, dataType, rawData };
}
