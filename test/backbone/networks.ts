import type {
  OnnxAttribute,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValueInfo,
} from '../../src/backbone/engines/onnx-proto.js';
import { uniform } from '../models/seeded-lite.js';

/** Side of the pictures of every network here. */
export const SIDE = 32;
const CLASSES = 7;

/** Writes small networks of the shapes that exporters produce, with made-up weights. */
export class NetworkBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializer: OnnxTensor[] = [];
  #seed = 1;
  #count = 0;

  add(opType: string, input: string[], attribute: OnnxAttribute[] = [], output?: string): string {
    const result = output ?? `${opType.toLowerCase()}_${this.#count++}`;
    this.nodes.push({ name: `node_${result}`, opType, input, output: [result], attribute });
    return result;
  }

  /** Made-up weights of about the deviation that keeps activations in range. */
  weights(name: string, dims: number[], scale = 1): string {
    const size = dims.reduce((a, b) => a * b, 1);
    const fanIn = dims.length > 1 ? size / (dims[0] as number) : 1;
    const values = Float32Array.from(uniform(this.#seed++, size), (u) =>
      dims.length > 1 ? u * scale * Math.sqrt(4 / fanIn) : u * scale,
    );
    return this.floats(name, dims, values);
  }

  floats(name: string, dims: number[], values: ArrayLike<number>): string {
    const rawData = new Uint8Array(Float32Array.from(values).buffer);
    this.initializer.push({ name, dims, dataType: 1, rawData });
    return name;
  }

  ints(name: string, dims: number[], values: number[]): string {
    this.initializer.push({ name, dims, dataType: 7, int64Data: values });
    return name;
  }

  conv(from: string, name: string, dims: number[], stride = 1, group = 1): string {
    const pad = ((dims[2] as number) - 1) >> 1;
    return this.add(
      'Conv',
      [from, this.weights(`${name}.w`, dims), this.weights(`${name}.b`, [dims[0] as number])],
      [ints('strides', [stride, stride]), ints('pads', [pad, pad, pad, pad]), int('group', group)],
      name,
    );
  }

  layerNorm(from: string, name: string, size: number): string {
    const ones = this.floats(`${name}.w`, [size], new Float32Array(size).fill(1.1));
    return this.add(
      'LayerNormalization',
      [from, ones, this.weights(`${name}.b`, [size], 0.1)],
      [int('axis', -1)],
      name,
    );
  }

  model(input: OnnxValueInfo, outputs: OnnxValueInfo[]): OnnxModel {
    return {
      irVersion: 8,
      opsetImport: [{ domain: '', version: 17 }],
      metadataProps: [],
      graph: {
        name: 'made up',
        node: this.nodes,
        initializer: this.initializer,
        valueInfo: [],
        input: [input],
        output: outputs,
      },
    };
  }
}

export const int = (name: string, i: number): OnnxAttribute => ({ name, type: 2, i });
export const ints = (name: string, values: number[]): OnnxAttribute => ({
  name,
  type: 7,
  ints: values,
});

/** Sizes that are words are left open. */
export function info(name: string, dims: (number | string)[], elemType = 1): OnnxValueInfo {
  const dim = dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

const NCHW = ['batch', 3, SIDE, SIDE];

/** As the ONNX model zoo's ResNet50 v1: BatchNorm, bottlenecks, weights listed as inputs, Gemm. */
export function resnetLike(
  input = info('data', ['N', 3, SIDE, SIDE]),
  classes = CLASSES,
): OnnxModel {
  const b = new NetworkBuilder();
  const norm = (from: string, name: string, size: number) =>
    b.add('BatchNormalization', [
      from,
      b.floats(`${name}.gamma`, [size], new Float32Array(size).fill(1.2)),
      b.weights(`${name}.beta`, [size], 0.2),
      b.weights(`${name}.mean`, [size], 0.1),
      b.floats(`${name}.var`, [size], new Float32Array(size).fill(0.9)),
    ]);
  const layer = (from: string, name: string, dims: number[], stride = 1) =>
    norm(b.conv(from, name, dims, stride), name, dims[0] as number);
  let x = b.add('Relu', [layer('data', 'stem', [8, 3, 7, 7], 2)]);
  x = b.add(
    'MaxPool',
    [x],
    [ints('kernel_shape', [3, 3]), ints('strides', [2, 2]), ints('pads', [1, 1, 1, 1])],
  );
  for (const [i, [from, inner, to, stride]] of [
    [8, 4, 16, 1],
    [16, 8, 32, 2],
  ].entries()) {
    const name = `stage${i}`;
    let y = b.add('Relu', [layer(x, `${name}.a`, [inner!, from!, 1, 1], stride)]);
    y = b.add('Relu', [layer(y, `${name}.b`, [inner!, inner!, 3, 3])]);
    y = layer(y, `${name}.c`, [to!, inner!, 1, 1]);
    x = b.add('Relu', [b.add('Add', [y, layer(x, `${name}.short`, [to!, from!, 1, 1], stride)])]);
  }
  x = b.add('Flatten', [b.add('GlobalAveragePool', [x])], [int('axis', 1)], 'flatten_170');
  b.add(
    'Gemm',
    [x, b.weights('dense0.w', [classes, 32]), b.weights('dense0.b', [classes])],
    [int('transB', 1)],
    'dense0_fwd',
  );
  const model = b.model(input, [info('dense0_fwd', ['N', classes])]);
  const listed = model.graph.initializer.map(({ name, dims }) => info(name, dims as number[]));
  model.graph.input.push(...listed);
  return model;
}

/** As tf2onnx writes a Keras classifier: NHWC, turned at once, MatMul, Add and Softmax. */
export function kerasLike(normalising = false): OnnxModel {
  const b = new NetworkBuilder();
  let x = 'input_1';
  if (normalising) {
    x = b.add('Mul', [x, b.floats('rescale', [], [1 / 127.5])]);
    x = b.add('Add', [x, b.floats('offset', [], [-1])]);
  }
  x = b.add('Transpose', [x], [ints('perm', [0, 3, 1, 2])]);
  x = b.add('Clip', [
    b.conv(x, 'c1', [8, 3, 3, 3], 2),
    b.floats('zero', [], [0]),
    b.floats('six', [], [6]),
  ]);
  x = b.add('Relu', [b.conv(x, 'c2', [12, 8, 3, 3], 2)]);
  x = b.add('ReduceMean', [x], [ints('axes', [2, 3]), int('keepdims', 0)], 'mean');
  x = b.add('MatMul', [x, b.weights('dense.w', [12, CLASSES])]);
  x = b.add('Add', [x, b.weights('dense.b', [CLASSES])]);
  b.add('Softmax', [x], [], 'predictions');
  return b.model(info('input_1', ['unk', SIDE, SIDE, 3]), [info('predictions', ['unk', CLASSES])]);
}

/**
 * A vision transformer with a class token as torch exports it: the token is gathered behind the
 * last LayerNorm. Or without a head: all tokens come out.
 */
export function vitLike(head: boolean, classToken = true): OnnxModel {
  const b = new NetworkBuilder();
  const width = 16;
  const patches = 16;
  const tokens = patches + (classToken ? 1 : 0);
  const patch = b.add(
    'Conv',
    ['pixel_values', b.weights('patch.w', [width, 3, 8, 8]), b.weights('patch.b', [width])],
    [ints('strides', [8, 8])],
  );
  let x = b.add('Reshape', [patch, b.ints('flat', [3], [1, width, patches])]);
  x = b.add('Transpose', [x], [ints('perm', [0, 2, 1])]);
  if (classToken) x = b.add('Concat', [b.weights('cls', [1, 1, width]), x], [int('axis', 1)]);
  x = b.add('Add', [x, b.weights('positions', [1, tokens, width], 0.3)]);
  for (let i = 0; i < 2; i++) {
    const n = b.layerNorm(x, `block${i}.norm1`, width);
    const [q, k, v] = ['q', 'k', 'v'].map((part) =>
      b.add('Add', [
        b.add('MatMul', [n, b.weights(`block${i}.${part}.w`, [width, width])]),
        b.weights(`block${i}.${part}.b`, [width]),
      ]),
    ) as [string, string, string];
    const keys = b.add('Transpose', [k], [ints('perm', [0, 2, 1])]);
    const scores = b.add('Mul', [
      b.add('MatMul', [q, keys]),
      b.floats(`block${i}.scale`, [], [0.25]),
    ]);
    const mixed = b.add('MatMul', [b.add('Softmax', [scores], [int('axis', -1)]), v]);
    x = b.add('Add', [x, mixed]);
    const inner = b.add('MatMul', [
      b.layerNorm(x, `block${i}.norm2`, width),
      b.weights(`block${i}.up`, [width, 32]),
    ]);
    const gelu = b.add('Mul', [inner, b.add('Sigmoid', [inner])]);
    x = b.add('Add', [x, b.add('MatMul', [gelu, b.weights(`block${i}.down`, [32, width])])]);
  }
  x = b.layerNorm(x, 'last_hidden_state', width);
  const pictures = info('pixel_values', NCHW);
  if (!head) return b.model(pictures, [info('last_hidden_state', ['batch', tokens, width])]);
  x = b.add('Gather', [x, b.ints('first', [], [0])], [int('axis', 1)], 'cls_token');
  b.add(
    'Gemm',
    [x, b.weights('head.w', [CLASSES, width]), b.weights('head.b', [CLASSES])],
    [int('transB', 1)],
    'logits',
  );
  return b.model(pictures, [info('logits', ['batch', CLASSES])]);
}

/** ConvNeXt: LayerNorm over channels that are turned last and back, and again behind the pooling. */
export function convNextLike(): OnnxModel {
  const b = new NetworkBuilder();
  const width = 12;
  let x = b.add(
    'Conv',
    ['x', b.weights('stem.w', [width, 3, 4, 4]), b.weights('stem.b', [width])],
    [ints('strides', [4, 4])],
  );
  const channelsLast = (from: string) => b.add('Transpose', [from], [ints('perm', [0, 2, 3, 1])]);
  const channelsFirst = (from: string) => b.add('Transpose', [from], [ints('perm', [0, 3, 1, 2])]);
  x = channelsFirst(b.layerNorm(channelsLast(x), 'stem.norm', width));
  let y = channelsLast(b.conv(x, 'depthwise', [width, 1, 7, 7], 1, width));
  y = b.layerNorm(y, 'block.norm', width);
  y = b.add('MatMul', [y, b.weights('up', [width, 24])]);
  y = b.add('Mul', [y, b.add('Sigmoid', [y])]);
  y = b.add('MatMul', [y, b.weights('down', [24, width])]);
  x = b.add('Add', [x, channelsFirst(y)]);
  x = b.add('Flatten', [b.add('GlobalAveragePool', [x])], [int('axis', 1)]);
  x = b.layerNorm(x, 'head.norm', width);
  b.add(
    'Gemm',
    [x, b.weights('fc.w', [CLASSES, width]), b.weights('fc.b', [CLASSES])],
    [int('transB', 1)],
    'logits',
  );
  return b.model(info('x', NCHW), [info('logits', ['batch', CLASSES])]);
}

/** SqueezeNet: a convolution classifies every place, and its answers are averaged. */
export function squeezeLike(): OnnxModel {
  const b = new NetworkBuilder();
  const squeezed = b.add('Relu', [b.conv('image', 'fire', [10, 3, 3, 3], 2)], [], 'fire_relu');
  const dropped = b.add('Dropout', [squeezed]);
  const places = b.add('Relu', [b.conv(dropped, 'classes', [CLASSES, 10, 1, 1])]);
  const pooled = b.add('GlobalAveragePool', [places]);
  b.add('Softmax', [b.add('Flatten', [pooled], [int('axis', 1)])], [], 'probabilities');
  return b.model(info('image', NCHW), [info('probabilities', ['batch', CLASSES])]);
}

/** MobileNetV4, DenseNet: pooled, then convolutions of 1 x 1, the last of which classifies. */
export function pooledConvLike(): OnnxModel {
  const b = new NetworkBuilder();
  const x = b.add('Relu', [b.conv('image', 'body', [10, 3, 3, 3], 2)]);
  const head = b.add(
    'Relu',
    [b.conv(b.add('GlobalAveragePool', [x]), 'conv_head', [14, 10, 1, 1])],
    [],
    'head_relu',
  );
  b.conv(head, 'classifier', [CLASSES, 14, 1, 1]);
  return b.model(info('image', NCHW), [info('classifier', ['batch', CLASSES, 1, 1])]);
}

/** Without a head: the last feature map comes out, channels first or last. */
export function headless(last: 'map' | 'pooled' | 'channels-last'): OnnxModel {
  const b = new NetworkBuilder();
  let x = b.add('Relu', [b.conv('image', 'body', [10, 3, 3, 3], 4)], [], 'map');
  if (last === 'pooled') x = b.add('GlobalAveragePool', [x], [], 'pooled');
  if (last === 'channels-last')
    x = b.add('Transpose', [x], [ints('perm', [0, 2, 3, 1])], 'map_last');
  return b.model(info('image', NCHW), [info(x, [])]);
}

/** All weights, the input and the output in half precision. */
export function halved(model: OnnxModel): OnnxModel {
  const half = structuredClone(model);
  for (const tensor of half.graph.initializer) {
    if (tensor.dataType !== 1 || !tensor.rawData) continue;
    const values = new Float32Array(Uint8Array.from(tensor.rawData).buffer);
    tensor.dataType = 10;
    tensor.rawData = new Uint8Array(Uint16Array.from(values, toHalf).buffer);
  }
  for (const value of [...half.graph.input, ...half.graph.output]) {
    const type = value.type?.tensorType;
    if (type?.elemType === 1) type.elemType = 10;
  }
  return half;
}

/** Nearest float16 of a number well within its range; halves go away from zero. */
function toHalf(value: number): number {
  if (value === 0) return 0;
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = Math.round((size / 2 ** exponent) * 1_024);
  return sign | (steps < 1_024 ? steps : ((exponent + 15) << 10) + (steps - 1_024));
}
