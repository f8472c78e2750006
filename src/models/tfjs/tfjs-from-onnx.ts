import { FEATURES } from '../../backbone/backbone.js';
import {
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '../../backbone/engines/onnx-proto.js';
import { attr, GraphBuilder, windowAttributes } from '../../backbone/engines/tfjs-graph.js';
import { invalidTfjs, type TfjsModel } from '../../backbone/engines/tfjs-model.js';
import type { HeadlandError } from '../../base/errors.js';
import { listIn } from '../../base/values/list-in.js';
import {
  floatOf,
  floatTensor,
  integersOf,
  slidingWindow,
  transposedFilter,
  type Window,
} from '../onnx/onnx-read.js';

/** A tensor of the ONNX graph in the new graph. */
interface Value {
  /** Its node in the new graph. */
  node: string;
  /** Shape without the batch: [channels, height, width], or [size]. */
  shape: number[];
}

type Four = [number, number, number, number];

/** Neutral element of a maximum. */
const LOWEST = -3e38;
const ACTIVATIONS: Record<string, string> = { Relu: 'Relu', Sigmoid: 'Sigmoid', Tanh: 'Tanh' };
const ARITHMETIC: Record<string, string> = { Add: 'AddV2', Sub: 'Sub', Mul: 'Mul', Div: 'RealDiv' };

/**
 * Converts a convolutional ONNX network to a TensorFlow.js graph model with the same weights: input
 * 1 x S x S x 3 instead of 1 x 3 x S x S, output {@link FEATURES}. Convolution, bias and ReLU
 * become one fused node. ONNX paddings are kept: where TensorFlow's SAME differs (it puts the odd
 * pixel at the end), a node of its own pads the input.
 * @throws HeadlandError HL_MODEL_TFJS_INVALID for an operator that is not in the list.
 */
export function onnxToTfjs({ graph }: OnnxModel): TfjsModel {
  return new Translation(graph).run();
}

class Translation {
  private readonly builder = new GraphBuilder();
  private readonly values = new Map<string, Value>();
  private readonly constants: Map<string, OnnxTensor>;
  private readonly readers = new Map<string, OnnxNode[]>();

  constructor(private readonly graph: OnnxModel['graph']) {
    this.constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const node of graph.node) {
      for (const name of node.input) {
        listIn(this.readers, name).push(node);
      }
    }
  }

  run(): TfjsModel {
    const [input] = this.graph.input;
    const sides = input?.type?.tensorType?.shape?.dim.map((d) => toNumber(d.dimValue ?? 0)) ?? [];
    const [, channels = 0, height = 0, width = 0] = sides;
    const node = this.builder.placeholder('image', [1, height, width, channels]);
    this.values.set(input?.name as string, { node, shape: [channels, height, width] });
    for (const step of this.graph.node) this.translate(step);
    const features = this.value(FEATURES);
    this.builder.add('Identity', [features.node], {}, FEATURES);
    return {
      format: 'graph-model',
      topology: { node: this.builder.nodes },
      weights: this.builder.weights,
      signature: undefined,
      metadata: {},
    };
  }

  private translate(node: OnnxNode): void {
    const output = node.output[0] as string;
    // An activation that is fused into its convolution.
    if (this.values.has(output)) return;
    this.values.set(output, this.computed(node));
  }

  private computed(node: OnnxNode): Value {
    const { opType } = node;
    const x = node.input[0] as string;
    const activation = ACTIVATIONS[opType];
    if (activation) return this.like(this.value(x), activation, [], node.name);
    if (opType in ARITHMETIC) return this.arithmetic(node);
    switch (opType) {
      case 'Conv':
        return this.convolution(node);
      case 'Clip':
        return this.clip(node);
      case 'BatchNormalization':
        return this.batchNorm(node);
      case 'GlobalAveragePool':
        return this.mean(node);
      case 'MaxPool':
        return this.maxPool(node);
      case 'Flatten':
        return this.flatten(node);
      case 'Concat':
        return this.concatenation(node);
      case 'Identity':
      case 'Dropout':
        return this.value(x);
      default:
        throw this.unsupported(node, 'it has no translation');
    }
  }

  private convolution(node: OnnxNode): Value {
    const [x, weights, bias] = node.input as [string, string, string?];
    const input = this.image(node, x);
    const kernel = this.constant(node, weights);
    const [outputs, perGroup, kernelHeight, kernelWidth] = kernel.shape as Four;
    const channels = input.shape[0] as number;
    const [group = 1] = integersOf(node, 'group', [1]);
    const depthwise = group > 1;
    if (depthwise && (group !== channels || perGroup !== 1)) {
      throw this.unsupported(node, `it has ${group} groups of ${perGroup} channels`);
    }
    const window = slidingWindow(node, input.shape.slice(1), [kernelHeight, kernelWidth]);
    // O x I/g x h x w becomes h x w x I x O, or h x w x channel x outputs of the channel.
    const sides = depthwise ? [channels, outputs / channels] : [perGroup, outputs];
    const filterShape = [kernelHeight, kernelWidth, ...sides];
    const filter = this.builder.constant(weights, filterShape, transposedFilter(kernel));
    const biases = bias ? this.constant(node, bias).values : new Float32Array(outputs);
    const [fused, output] = this.activationAfter(node.output[0] as string);
    const name = this.builder.add(
      depthwise ? 'FusedDepthwiseConv2dNative' : '_FusedConv2D',
      [
        this.padded(node, input, window, 0),
        filter,
        this.builder.constant(bias ?? `${node.name}/bias`, [outputs], biases),
      ],
      {
        ...windowAttributes(window),
        dilations: attr.ints([1, ...window.dilations, 1]),
        fused_ops: attr.texts(['BiasAdd', ...fused]),
        num_args: attr.int(1),
      },
      node.name || node.output[0],
    );
    const value = { node: name, shape: [outputs, ...window.size] };
    this.values.set(output, value);
    return value;
  }

  /**
   * The ReLU that is the only reader of a tensor, and its output; else none and the tensor itself.
   */
  private activationAfter(tensor: string): [fused: string[], output: string] {
    const [reader, ...others] = this.readers.get(tensor) ?? [];
    if (reader === undefined || others.length > 0 || tensor === FEATURES) return [[], tensor];
    const output = reader.output[0] as string;
    if (reader.opType === 'Relu') return [['Relu'], output];
    if (reader.opType === 'Clip' && this.bounds(reader).join() === '0,6') {
      return [['Relu6'], output];
    }
    return [[], tensor];
  }

  private clip(node: OnnxNode): Value {
    const [low, high] = this.bounds(node);
    let value = this.value(node.input[0] as string);
    if (low === 0 && high === 6) return this.like(value, 'Relu6', [], node.name);
    for (const [op, bound] of [
      ['Maximum', low],
      ['Minimum', high],
    ] as const) {
      if (!Number.isFinite(bound)) continue;
      const constant = this.builder.constant(`${node.name}/bound`, [], Float32Array.of(bound));
      value = this.like(value, op, [constant], node.name);
    }
    return value;
  }

  private bounds(node: OnnxNode): [number, number] {
    const bound = (index: number, name: string, open: number): number => {
      const tensor = node.input[index];
      if (tensor) return this.constant(node, tensor).values[0] as number;
      return floatOf(node, name, open);
    };
    return [bound(1, 'min', Number.NEGATIVE_INFINITY), bound(2, 'max', Number.POSITIVE_INFINITY)];
  }

  private arithmetic(node: OnnxNode): Value {
    const operands = node.input.map((name) => this.values.get(name));
    const shape = operands
      .flatMap((operand) => (operand ? [operand.shape] : []))
      .reduce((a, b) => (b.length > a.length || product(b) > product(a) ? b : a), []);
    const names = node.input.map((name, i) => {
      const operand = operands[i];
      if (operand) return operand.node;
      const { shape: sides, values } = this.constant(node, name);
      if (values.length === 1) return this.builder.constant(name, [], values);
      // Along the channels, which are last in the new graph.
      const own = sides.filter((side) => side > 1);
      if (own.length !== 1 || own[0] !== shape[0]) {
        throw this.unsupported(node, `its constant is ${sides.join(' x ')}`);
      }
      return this.builder.constant(name, [own[0] as number], values);
    });
    return {
      node: this.builder.add(ARITHMETIC[node.opType] as string, names, {}, node.name),
      shape,
    };
  }

  private batchNorm(node: OnnxNode): Value {
    const [x, ...parts] = node.input as [string, string, string, string, string];
    const [gamma, beta, mean, variance] = parts.map((part) => this.constant(node, part).values) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const epsilon = floatOf(node, 'epsilon', 1e-5);
    const factor = gamma.map((g, c) => g / Math.sqrt((variance[c] as number) + epsilon));
    const offset = beta.map((b, c) => b - (mean[c] as number) * (factor[c] as number));
    const constant = (name: string, values: Float32Array) =>
      this.builder.constant(`${node.name}/${name}`, [values.length], values);
    const scaled = this.like(this.value(x), 'Mul', [constant('factor', factor)], node.name);
    return this.like(scaled, 'AddV2', [constant('offset', offset)], node.name);
  }

  private mean(node: OnnxNode): Value {
    const { node: x, shape } = this.image(node, node.input[0] as string);
    return { node: this.builder.mean(x, true), shape: [shape[0] as number, 1, 1] };
  }

  private maxPool(node: OnnxNode): Value {
    const input = this.image(node, node.input[0] as string);
    const kernel = integersOf(node, 'kernel_shape', []);
    const window = slidingWindow(node, input.shape.slice(1), kernel);
    if (integersOf(node, 'ceil_mode', [0])[0] === 1) throw this.unsupported(node, 'ceil_mode');
    const padded = this.padded(node, input, window, LOWEST);
    const attributes = { ksize: attr.ints([1, ...kernel, 1]), ...windowAttributes(window) };
    const name = this.builder.add('MaxPool', [padded], attributes, node.name);
    return { node: name, shape: [input.shape[0] as number, ...window.size] };
  }

  private flatten(node: OnnxNode): Value {
    const value = this.value(node.input[0] as string);
    if (integersOf(node, 'axis', [1])[0] !== 1) throw this.unsupported(node, 'its axis is not 1');
    if (value.shape.length === 1) return value;
    const size = product(value.shape);
    let { node: x } = value;
    if (size !== value.shape[0]) {
      // The order of ONNX: channel, row, column.
      const order = this.builder.constant(`${node.name}/order`, [4], Int32Array.of(0, 3, 1, 2));
      x = this.builder.add('Transpose', [x, order], { Tperm: attr.int32 }, node.name);
    }
    const shape = this.builder.constant(`${node.name}/shape`, [2], Int32Array.of(-1, size));
    const name = this.builder.add('Reshape', [x, shape], { Tshape: attr.int32 }, node.name);
    return { node: name, shape: [size] };
  }

  /** Concatenation of vectors. */
  private concatenation(node: OnnxNode): Value {
    const parts = node.input.map((name) => this.value(name));
    if (parts.some(({ shape }) => shape.length !== 1)) {
      throw this.unsupported(node, 'it joins tensors that are not vectors');
    }
    const axis = this.builder.constant(`${node.name}/axis`, [], Int32Array.of(1));
    const inputs = [...parts.map((part) => part.node), axis];
    const attributes = { N: attr.int(parts.length), Tidx: attr.int32 };
    return {
      node: this.builder.add('ConcatV2', inputs, attributes, node.name),
      shape: [parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0)],
    };
  }

  /**
   * The input of a window, padded by a node of its own where TensorFlow's padding differs from
   * ONNX.
   */
  private padded(node: OnnxNode, input: Value, window: Window, value: number): string {
    if (window.padding !== 'EXPLICIT') return input.node;
    const [top, left, bottom, right] = window.pads as Four;
    const pads = Int32Array.of(0, 0, top, bottom, left, right, 0, 0);
    const inputs = [
      input.node,
      this.builder.constant(`${node.name}/pads`, [4, 2], pads),
      this.builder.constant(`${node.name}/pad_value`, [], Float32Array.of(value)),
    ];
    return this.builder.add('PadV2', inputs, { Tpaddings: attr.int32 }, `${node.name}/pad`);
  }

  private like(x: Value, op: string, others: string[], wish: string): Value {
    return { node: this.builder.add(op, [x.node, ...others], {}, wish), shape: x.shape };
  }

  private value(name: string): Value {
    const value = this.values.get(name);
    if (value === undefined) throw invalidTfjs(`nothing in the ONNX graph computes "${name}"`);
    return value;
  }

  private image(node: OnnxNode, name: string): Value {
    const value = this.value(name);
    if (value.shape.length !== 3) throw this.unsupported(node, 'its input is not an image');
    return value;
  }

  private constant(node: OnnxNode, name: string): { shape: number[]; values: Float32Array } {
    const tensor = this.constants.get(name);
    if (tensor === undefined) throw this.unsupported(node, `"${name}" is not a constant`);
    return floatTensor(tensor);
  }

  private unsupported(node: OnnxNode, why: string): HeadlandError {
    return invalidTfjs(`ONNX operator ${node.opType} (${node.name}): ${why}`, {
      remedy:
        'Run the network with the ONNX engine ("engine": "onnx" in the card), or use another one.',
    });
  }
}

function product(sides: readonly number[]): number {
  return sides.reduce((a, b) => a * b, 1);
}
