import {
  OnnxCodec,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '../../src/backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import type { KernelSums } from '../../src/models/quantize/kernels.js';
import type { RgbImage } from '../../src/vision/image.js';

/** A tensor of the graph; what was dequantized still knows its levels. */
interface Value {
  dims: number[];
  values: Float64Array;
  quantized: { levels: Float64Array; scales: Float64Array; zeroPoint: number } | null;
}

/** What VPMADDUBSW makes of two products. */
const saturated = (sum: number) => Math.max(-32_768, Math.min(32_767, sum));

/**
 * Features that a graph of QuantizeLinear and DequantizeLinear pairs gives in integer arithmetic of
 * its own, without ONNX Runtime. `saturating` adds the products of convolutions with several input
 * channels by twos in 16 bits, as x86-64 without VNNI does.
 */
export function referenceFeatures(
  model: Uint8Array,
  card: ModelCard,
  picture: RgbImage,
  sums: KernelSums,
): Float32Array {
  const { graph } = new OnnxCodec().decode(model);
  const tensors = new Map<string, Value>(
    graph.initializer.map((tensor) => [tensor.name, constantOf(tensor)]),
  );
  const { mean, std } = card.normalisation;
  const places = picture.width * picture.height;
  tensors.set(graph.input[0]!.name, {
    dims: [1, 3, picture.height, picture.width],
    values: Float64Array.from({ length: 3 * places }, (_, i) => {
      const channel = Math.floor(i / places);
      return (picture.data[(i % places) * 3 + channel]! - mean[channel]!) / std[channel]!;
    }),
    quantized: null,
  });
  for (const node of graph.node) {
    const inputs = node.input.map((name) => tensors.get(name)!);
    tensors.set(node.output[0]!, compute(node, inputs, sums));
  }
  return Float32Array.from(tensors.get(graph.output[0]!.name)!.values);
}

function compute(node: OnnxNode, inputs: Value[], sums: KernelSums): Value {
  const [first, second, third] = inputs as [Value, Value, Value];
  const plain = (values: Float64Array, dims = first.dims) => ({ dims, values, quantized: null });
  switch (node.opType) {
    case 'QuantizeLinear':
      return plain(
        first.values.map((value) => quantize(value, second.values[0]!, third.values[0]!)),
      );
    case 'DequantizeLinear': {
      const scales = second.values;
      const zeroPoint = third.values[0]!;
      const perChannel = first.values.length / scales.length;
      const scaleAt = (i: number) => scales[Math.floor(i / perChannel)]!;
      return {
        dims: first.dims,
        values: first.values.map((level, i) => (level - zeroPoint) * scaleAt(i)),
        quantized: { levels: first.values, scales, zeroPoint },
      };
    }
    case 'Conv':
      return convolve(node, first, second, third, sums);
    case 'Clip':
      return plain(
        first.values.map((v) => Math.max(second.values[0]!, Math.min(third.values[0]!, v))),
      );
    case 'Add':
      return plain(first.values.map((value, i) => value + second.values[i]!));
    case 'GlobalAveragePool': {
      const channels = first.dims[1]!;
      const places = first.values.length / channels;
      const average = (_: unknown, c: number) =>
        first.values.subarray(c * places, (c + 1) * places).reduce((a, b) => a + b, 0) / places;
      return plain(Float64Array.from({ length: channels }, average), [1, channels, 1, 1]);
    }
    case 'Flatten':
      return plain(first.values, [1, first.values.length]);
    default:
      throw new Error(`the reference knows no ${node.opType}`);
  }
}

/** To unsigned 8 bits, halves to even. */
function quantize(value: number, scale: number, zeroPoint: number): number {
  const exact = Math.fround(value / scale);
  const up = Math.round(exact);
  const even = Math.abs(exact % 1) === 0.5 && up % 2 !== 0 ? up - 1 : up;
  return Math.max(0, Math.min(255, even + zeroPoint));
}

function convolve(node: OnnxNode, x: Value, w: Value, bias: Value, sums: KernelSums): Value {
  const ints = (name: string, open: number[]) => {
    return node.attribute.find((a) => a.name === name)?.ints?.map(toNumber) ?? open;
  };
  const [stride] = ints('strides', [1, 1]) as [number];
  const [pad] = ints('pads', [0, 0, 0, 0]) as [number];
  const groups = toNumber(node.attribute.find(({ name }) => name === 'group')?.i ?? 1);
  const [, channels, height, width] = x.dims as [number, number, number, number];
  const [outputs, inputs, kernel] = w.dims as [number, number, number];
  const size = (of: number) => Math.floor((of + 2 * pad - kernel) / stride) + 1;
  const [outHeight, outWidth] = [size(height), size(width)];
  const integer = x.quantized && w.quantized ? { x: x.quantized, w: w.quantized } : null;
  const data = integer ? integer.x.levels : x.values;
  const border = integer ? integer.x.zeroPoint : 0;
  const weights = integer ? integer.w.levels : w.values;
  const byTwos = integer !== null && sums === 'saturating' && inputs > 1;
  const valueAt = (channel: number, row: number, column: number): number => {
    const inside = row >= 0 && column >= 0 && row < height && column < width;
    return inside ? data[(channel * height + row) * width + column]! : border;
  };
  const values = new Float64Array(outputs * outHeight * outWidth);
  for (let at = 0; at < values.length; at++) {
    const output = Math.floor(at / (outHeight * outWidth));
    const y = Math.floor(at / outWidth) % outHeight;
    const x0 = (at % outWidth) * stride - pad;
    const firstChannel = Math.floor(output / (outputs / groups)) * (channels / groups);
    const products = new ProductSum(byTwos);
    let ofWeights = 0;
    for (let k = 0; k < inputs * kernel * kernel; k++) {
      const place = Math.floor(k / inputs);
      const input = k % inputs;
      const row = y * stride - pad + Math.floor(place / kernel);
      const value = valueAt(firstChannel + input, row, x0 + (place % kernel));
      const weight = weights[(output * inputs + input) * kernel * kernel + place]!;
      ofWeights += weight;
      products.add(value * weight);
    }
    const sum = products.total - border * ofWeights;
    const scale = integer ? integer.x.scales[0]! * integer.w.scales[output]! : 1;
    values[at] = sum * scale + bias.values[output]!;
  }
  return { dims: [1, outputs, outHeight, outWidth], values, quantized: null };
}

/** Adds products one by one, or by twos in 16 bits. */
class ProductSum {
  #sum = 0;
  /** The first of two. */
  #first: number | null = null;

  constructor(private readonly byTwos: boolean) {}

  add(product: number): void {
    if (!this.byTwos) {
      this.#sum += product;
    } else if (this.#first === null) {
      this.#first = product;
    } else {
      this.#sum += saturated(this.#first + product);
      this.#first = null;
    }
  }

  get total(): number {
    return this.#sum + (this.#first ?? 0);
  }
}

function constantOf(tensor: OnnxTensor): Value {
  const bytes = Uint8Array.from(tensor.rawData ?? []);
  const { buffer } = bytes;
  const typed = () => {
    switch (tensor.dataType) {
      case 1:
        return new Float32Array(buffer);
      case 2:
        return bytes;
      case 3:
        return new Int8Array(buffer);
      case 6:
        return new Int32Array(buffer);
      default:
        throw new Error(`the reference knows no type ${tensor.dataType}`);
    }
  };
  return { dims: tensor.dims.map(toNumber), values: Float64Array.from(typed()), quantized: null };
}
