import {
  invalidOnnx,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '../../backbone/engines/onnx-proto.js';

/** How the window of a convolution or pooling moves over an image; pairs are [height, width]. */
export interface Window {
  strides: number[];
  dilations: number[];
  /** SAME and VALID as in TensorFlow; EXPLICIT: by {@link pads}. */
  padding: 'SAME' | 'VALID' | 'EXPLICIT';
  /** [top, left, bottom, right] */
  pads: number[];
  /** Size of the result. */
  size: number[];
}

/** An attribute of one or several integers. */
export function integersOf(node: OnnxNode, name: string, absent: number[]): number[] {
  const attribute = node.attribute.find((a) => a.name === name);
  if (attribute === undefined) return absent;
  if (attribute.type === 7) return (attribute.ints ?? []).map(toNumber);
  return [toNumber(attribute.i ?? 0)];
}

export function floatOf(node: OnnxNode, name: string, absent: number): number {
  const attribute = node.attribute.find((a) => a.name === name);
  return attribute === undefined ? absent : (attribute.f ?? 0);
}

/** @throws HeadlandError HL_MODEL_ONNX_INVALID when it is not float32. */
export function floatTensor(tensor: OnnxTensor): { shape: number[]; values: Float32Array } {
  const shape = tensor.dims.map(toNumber);
  if (tensor.dataType !== 1) throw invalidOnnx(`tensor "${tensor.name}" is not float32`);
  const { rawData } = tensor;
  // A copy, because the bytes in the file are not aligned.
  const values = rawData?.length
    ? new Float32Array(Uint8Array.from(rawData).buffer)
    : Float32Array.from(tensor.floatData ?? []);
  if (values.length !== shape.reduce((a, b) => a * b, 1)) {
    throw invalidOnnx(`tensor "${tensor.name}" has ${values.length} values`);
  }
  return { shape, values };
}

/** O x I x h x w to h x w x I x O. */
export function transposedFilter(kernel: { shape: number[]; values: Float32Array }): Float32Array {
  const [outputs, inputs, height, width] = kernel.shape as [number, number, number, number];
  const places = height * width;
  const filter = new Float32Array(kernel.values.length);
  for (let o = 0, from = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let place = 0; place < places; place++, from++) {
        filter[(place * inputs + i) * outputs + o] = kernel.values[from] as number;
      }
    }
  }
  return filter;
}

/**
 * @param sides of the input.
 * @param kernel of the window.
 */
export function slidingWindow(node: OnnxNode, sides: number[], kernel: number[]): Window {
  const strides = integersOf(node, 'strides', [1, 1]);
  const dilations = integersOf(node, 'dilations', [1, 1]);
  const reach = kernel.map((side, i) => (side - 1) * (dilations[i] as number) + 1);
  const same = sides.map((side, i) => {
    const stride = strides[i] as number;
    const total = (Math.ceil(side / stride) - 1) * stride + (reach[i] as number) - side;
    const before = Math.floor(Math.max(total, 0) / 2);
    return [before, Math.max(total, 0) - before] as const;
  });
  const samePads = [same[0]?.[0], same[1]?.[0], same[0]?.[1], same[1]?.[1]] as number[];
  const pads = readPads(node, samePads);
  const size = sides.map((side, i) => {
    const covered = side + (pads[i] as number) + (pads[i + 2] as number) - (reach[i] as number);
    return Math.floor(covered / (strides[i] as number)) + 1;
  });
  const isSame = pads.join() === samePads.join();
  const padding = pads.every((pad) => pad === 0) ? 'VALID' : isSame ? 'SAME' : 'EXPLICIT';
  return { strides, dilations, padding, pads, size };
}

function readPads(node: OnnxNode, same: number[]): number[] {
  const auto = node.attribute.find(({ name }) => name === 'auto_pad')?.s;
  switch (auto ? Buffer.from(auto).toString('latin1') : 'NOTSET') {
    case 'SAME_UPPER':
      return same;
    case 'SAME_LOWER':
      return [2, 3, 0, 1].map((i) => same[i] as number);
    case 'VALID':
      return [0, 0, 0, 0];
    default:
      return integersOf(node, 'pads', [0, 0, 0, 0]);
  }
}
