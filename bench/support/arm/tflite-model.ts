import {
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '../../../src/backbone/engines/onnx-proto.js';
import { floatTensor, integersOf, slidingWindow } from '../../../src/models/onnx/onnx-read.js';
import { type Slot, type Table, writeFlatBuffer } from './flat-buffer.js';
import { type Elements, elementsOf } from './onnx-elements.js';

/** Of the schema of TensorFlow Lite, version 3. */
const ELEMENT = { float32: 0, int32: 2, int8: 9 } as const;
const OPERATORS = {
  ADD: { code: 0, version: 2, options: 11 },
  CONV_2D: { code: 3, version: 3, options: 1 },
  DEPTHWISE_CONV_2D: { code: 4, version: 3, options: 2 },
  DEQUANTIZE: { code: 6, version: 2, options: 0 },
  MEAN: { code: 40, version: 1, options: 27 },
  QUANTIZE: { code: 114, version: 1, options: 0 },
} as const;
const RELU6 = 3;
const SCHEMA_VERSION = 3;
/** Tensor data may be mapped and read by vector instructions. */
const BUFFER_ALIGNMENT = 16;

type Element = keyof typeof ELEMENT;
type Operator = keyof typeof OPERATORS;

interface Quantization {
  scales: Float32Array;
  zeroPoints: BigInt64Array;
  axis: number;
}

/** An activation: height and width, or neither after the mean. */
interface Shape {
  size: readonly [height: number, width: number] | null;
  channels: number;
}

interface Place {
  index: number;
  shape: Shape;
}

interface Constant {
  tensor: OnnxTensor;
  scales: Float32Array | null;
}

/**
 * The same graph for TensorFlow Lite: weights and levels are copied, only the layout becomes NHWC.
 * Knows the operators of EfficientNet-Lite, in fp32 and with QuantizeLinear and DequantizeLinear
 * pairs as `headland models quantize` writes them with signed activations.
 */
export function tfliteModel(model: OnnxModel): Uint8Array {
  return new Converter(model).convert();
}

class Converter {
  readonly #tensors: Table[] = [];
  /** The first buffer of a file is the empty one of all activations. */
  readonly #buffers: Table[] = [[]];
  readonly #operators: Table[] = [];
  readonly #codes: Operator[] = [];
  readonly #constants: Map<string, Constant>;
  /** Activations by their ONNX name, in fp32 and in 8 bits. */
  readonly #floats = new Map<string, Place>();
  readonly #levels = new Map<string, Place>();
  readonly #consumers = new Map<string, OnnxNode[]>();

  constructor(private readonly model: OnnxModel) {
    this.#constants = new Map(
      model.graph.initializer.map((tensor) => [tensor.name, { tensor, scales: null }]),
    );
    for (const node of model.graph.node) {
      for (const name of node.input) {
        this.#consumers.set(name, [...(this.#consumers.get(name) ?? []), node]);
      }
    }
  }

  convert(): Uint8Array {
    const { graph } = this.model;
    const input = graph.input[0];
    const dims = input?.type?.tensorType?.shape?.dim.map(({ dimValue }) => toNumber(dimValue ?? 0));
    const [, channels, height, width] = dims ?? [];
    if (!input || !channels || !height || !width) throw new Error('the input has no fixed size');
    const shape: Shape = { size: [height, width], channels };
    const entry = this.#activation(input.name, shape, null);
    this.#floats.set(input.name, { index: entry, shape });
    for (const node of graph.node) this.#convertNode(node);
    const exit = this.#floats.get(graph.output[0]?.name ?? '');
    if (exit === undefined) throw new Error('the output is not computed in fp32');
    const subgraph: Table = [
      { tables: this.#tensors },
      { numbers: Int32Array.of(entry) },
      { numbers: Int32Array.of(exit.index) },
      { tables: this.#operators },
    ];
    const codes = this.#codes.map((name): Table => {
      const { code, version } = OPERATORS[name];
      return [{ byte: code }, null, { int: version }, { int: code }];
    });
    const root: Table = [
      { int: SCHEMA_VERSION },
      { tables: codes },
      { tables: [subgraph] },
      null,
      { tables: this.#buffers },
    ];
    return writeFlatBuffer(root, 'TFL3');
  }

  #convertNode(node: OnnxNode): void {
    const [first, second] = node.input as [string, string];
    const output = node.output[0] as string;
    switch (node.opType) {
      case 'Conv':
        this.#convolution(node);
        break;
      case 'Add': {
        const sides = [this.#activationOf(first), this.#activationOf(second)] as const;
        this.#compute('ADD', sides, output, { shape: sides[0].shape, options: [null] });
        break;
      }
      case 'QuantizeLinear':
        this.#quantize(node);
        break;
      case 'DequantizeLinear':
        this.#dequantize(node);
        break;
      case 'GlobalAveragePool': {
        const input = this.#asFloat(first);
        const axes = this.#constant('axes', [2], 'int32', Int32Array.of(1, 2), null);
        const shape: Shape = { size: null, channels: input.shape.channels };
        const inputs = [input, { index: axes, shape }];
        this.#compute('MEAN', inputs, output, { shape, options: [null] });
        break;
      }
      case 'Flatten':
        // MEAN has dropped both axes already.
        this.#alias(this.#floats, first, output);
        break;
      case 'Clip':
        // Merged into the convolution before it.
        break;
      default:
        throw new Error(`${node.opType} is not known`);
    }
  }

  /** A constant keeps its levels and gets their scales; an activation is read as its levels. */
  #dequantize({ name, input, output }: OnnxNode): void {
    const [levels, scale] = input as [string, string];
    const constant = this.#constants.get(levels);
    if (constant === undefined) {
      this.#alias(this.#levels, levels, output[0] as string);
      return;
    }
    const scales = this.#constants.get(scale);
    if (scales === undefined) throw new Error(`${name}: its scales are computed`);
    const { tensor } = constant;
    this.#constants.set(output[0] as string, { tensor, scales: floatTensor(scales.tensor).values });
  }

  #convolution(node: OnnxNode): void {
    const [first, second, third] = node.input as [string, string, string];
    const input = this.#activationOf(first);
    const [weights, bias] = [this.#constants.get(second), this.#constants.get(third)];
    if (!weights || !bias || !input.shape.size) throw new Error(`${node.name}: weights or bias`);
    const [outputs = 0, inputs = 0, height = 0, width = 0] = weights.tensor.dims.map(toNumber);
    const isDepthwise = inputs === 1 && input.shape.channels === outputs;
    if (!isDepthwise && inputs !== input.shape.channels) throw new Error(`${node.name}: groups`);
    const [stride = 1, strideX = 1] = integersOf(node, 'strides', [1, 1]);
    if (stride !== strideX) throw new Error(`${node.name}: strides`);
    const size = samePadded(node, input.shape.size, [height, width], stride);
    // O x I x h x w becomes O x h x w x I, or 1 x h x w x O.
    const order = isDepthwise ? [1, 2, 3, 0] : [0, 2, 3, 1];
    const dims = [outputs, inputs, height, width];
    const data = transpose(elementsOf(weights.tensor), dims, order);
    const axis = isDepthwise ? 3 : 0;
    const element: Element = weights.scales ? 'int8' : 'float32';
    const weightIndex = this.#constant(
      second,
      order.map((from) => dims[from] as number),
      element,
      data,
      weights.scales && symmetric(weights.scales, axis),
    );
    const biasIndex = this.#constant(
      third,
      [outputs],
      bias.scales ? 'int32' : 'float32',
      elementsOf(bias.tensor),
      bias.scales && symmetric(bias.scales, 0),
    );
    const own = node.output[0] as string;
    const clip = (this.#consumers.get(own) ?? []).find(({ opType }) => opType === 'Clip');
    if (clip) this.#requireRelu6(clip);
    const activation: Slot = clip ? { byte: RELU6 } : null;
    const strides: Slot[] = [{ int: stride }, { int: stride }];
    const options: Table = isDepthwise
      ? [null, ...strides, { int: 1 }, activation]
      : [null, ...strides, activation];
    const places = [
      input,
      { index: weightIndex, shape: input.shape },
      { index: biasIndex, shape: input.shape },
    ];
    this.#compute(isDepthwise ? 'DEPTHWISE_CONV_2D' : 'CONV_2D', places, clip?.output[0] ?? own, {
      shape: { size, channels: outputs },
      options,
    });
  }

  #requireRelu6(clip: OnnxNode): void {
    const [low, high] = clip.input.slice(1).map((name) => {
      const constant = this.#constants.get(name);
      return constant && floatTensor(constant.tensor).values[0];
    });
    if (low !== 0 || high !== 6) throw new Error(`${clip.name}: limits other than 0 and 6`);
  }

  /** In 8 bits when its first input is: then the pair behind it says which levels it writes. */
  #compute(
    operator: Operator,
    inputs: readonly Place[],
    output: string,
    { shape, options }: { shape: Shape; options: Table },
  ): void {
    const isQuantized = [...this.#levels.values()].includes(inputs[0] as Place);
    const pair = (this.#consumers.get(output) ?? []).find(
      ({ opType }) => opType === 'QuantizeLinear',
    );
    if (isQuantized && pair) {
      const levels = pair.output[0] as string;
      const index = this.#activation(levels, shape, this.#levelsOf(pair));
      this.#levels.set(levels, { index, shape });
      this.#operator(operator, inputs, index, options);
      return;
    }
    const index = this.#activation(output, shape, null);
    this.#floats.set(output, { index, shape });
    this.#operator(operator, inputs, index, options);
  }

  /** Where an operator before already writes levels, there is nothing left to do. */
  #quantize(node: OnnxNode): void {
    const levels = node.output[0] as string;
    if (this.#levels.has(levels)) return;
    const input = this.#floats.get(node.input[0] as string);
    if (input === undefined) throw new Error(`${node.name}: what it reads is not computed`);
    const index = this.#activation(levels, input.shape, this.#levelsOf(node));
    this.#levels.set(levels, { index, shape: input.shape });
    this.#operator('QUANTIZE', [input], index, []);
  }

  #levelsOf(pair: OnnxNode): Quantization {
    const [, scale, zero] = pair.input.map((name) => this.#constants.get(name)?.tensor);
    if (!scale || !zero) throw new Error(`${pair.name}: scale or zero point`);
    const zeroPoint = elementsOf(zero)[0] as number;
    return {
      scales: floatTensor(scale).values,
      zeroPoints: BigInt64Array.of(BigInt(zeroPoint)),
      axis: 0,
    };
  }

  /** The levels where there are some, else the fp32 values. */
  #activationOf(name: string): Place {
    const place = this.#levels.get(name) ?? this.#floats.get(name);
    if (place === undefined) throw new Error(`${name} is not computed`);
    return place;
  }

  #asFloat(name: string): Place {
    const known = this.#floats.get(name);
    if (known !== undefined) return known;
    const levels = this.#activationOf(name);
    const index = this.#activation(`${name}.float`, levels.shape, null);
    const place = { index, shape: levels.shape };
    this.#floats.set(name, place);
    this.#operator('DEQUANTIZE', [levels], index, []);
    return place;
  }

  #alias(places: Map<string, Place>, from: string, to: string): void {
    const place = places.get(from);
    if (place === undefined) throw new Error(`${from} is not computed`);
    places.set(to, place);
  }

  #activation(name: string, { size, channels }: Shape, levels: Quantization | null): number {
    const dims = size === null ? [1, channels] : [1, ...size, channels];
    return this.#tensor(name, dims, levels ? 'int8' : 'float32', 0, levels);
  }

  #constant(
    name: string,
    dims: number[],
    element: Element,
    values: Elements,
    quantization: Quantization | null,
  ): number {
    const numbers = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#buffers.push([{ numbers, alignment: BUFFER_ALIGNMENT }]);
    return this.#tensor(name, dims, element, this.#buffers.length - 1, quantization);
  }

  #tensor(
    name: string,
    dims: number[],
    element: Element,
    buffer: number,
    quantization: Quantization | null,
  ): number {
    const levels: Slot = quantization && {
      table: [
        null,
        null,
        { numbers: quantization.scales },
        { numbers: quantization.zeroPoints },
        null,
        null,
        { int: quantization.axis },
      ],
    };
    this.#tensors.push([
      { numbers: Int32Array.from(dims) },
      { byte: ELEMENT[element] },
      { int: buffer },
      { text: name },
      levels,
    ]);
    return this.#tensors.length - 1;
  }

  #operator(name: Operator, inputs: readonly Place[], output: number, options: Table): void {
    if (!this.#codes.includes(name)) this.#codes.push(name);
    const kind = OPERATORS[name].options;
    this.#operators.push([
      { int: this.#codes.indexOf(name) },
      { numbers: Int32Array.from(inputs, ({ index }) => index) },
      { numbers: Int32Array.of(output) },
      kind === 0 ? null : { byte: kind },
      kind === 0 ? null : { table: options },
    ]);
  }
}

/** The size behind a convolution. @throws when TensorFlow would pad it in another way */
function samePadded(
  node: OnnxNode,
  sides: readonly [number, number],
  kernel: readonly [number, number],
  stride: number,
): [number, number] {
  const { padding, size } = slidingWindow(node, [...sides], [...kernel]);
  const isSame = sides.every((side, axis) => size[axis] === Math.ceil(side / stride));
  if (padding === 'EXPLICIT' || !isSame) throw new Error(`${node.name}: padding`);
  return size as [number, number];
}

function symmetric(scales: Float32Array, axis: number): Quantization {
  return { scales, zeroPoints: new BigInt64Array(scales.length), axis };
}

/** @param order for each axis of the result, the axis of `values` */
function transpose<T extends Elements>(
  values: T,
  dims: readonly number[],
  order: readonly number[],
): T {
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((a, b) => a * b, 1));
  const result = values.slice() as T;
  const [a = 1, b = 1, c = 1, d = 1] = order.map((axis) => dims[axis] as number);
  const [sa = 0, sb = 0, sc = 0, sd = 0] = order.map((axis) => strides[axis] as number);
  let to = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        for (let l = 0; l < d; l++) {
          result[to++] = values[i * sa + j * sb + k * sc + l * sd] as number;
        }
      }
    }
  }
  return result;
}
