import { FEATURES } from '../../backbone/backbone.js';
import type {
  OnnxAttribute,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
} from '../../backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { HeadlandError } from '../../base/errors.js';
import { tensorInfo } from '../onnx/prune.js';
import type { StateTensor } from './state-dict.js';

type Architecture = NonNullable<ModelCard['architecture']>;

/** [width factor, depth factor] of each member of the family. */
const SCALING: Record<Architecture, [width: number, depth: number]> = {
  'efficientnet-lite0': [1.0, 1.0],
  'efficientnet-lite1': [1.0, 1.1],
  'efficientnet-lite2': [1.1, 1.2],
  'efficientnet-lite3': [1.2, 1.4],
  'efficientnet-lite4': [1.4, 1.8],
};

/** [repeats, kernel, stride, expansion, output channels] of each stage, unscaled. */
const STAGES = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 6, 24],
  [2, 5, 2, 6, 40],
  [3, 3, 2, 6, 80],
  [3, 5, 1, 6, 112],
  [4, 5, 2, 6, 192],
  [1, 3, 1, 6, 320],
] as const;

const STEM_CHANNELS = 32;
const HEAD_CHANNELS = 1280;
const BATCH_NORM_EPSILON = 1e-3;

/**
 * Builds an EfficientNet-Lite up to its pooled features as ONNX (opset 13), with BatchNorm folded
 * into the convolutions and TensorFlow's SAME padding (more on the right and bottom). Architecture:
 * tensorflow/tpu `models/official/efficientnet/lite` and its paper (Tan & Le, "EfficientNet", ICML
 * 2019); parameter names as in github.com/lukemelas/EfficientNet-PyTorch.
 * @param state Every parameter's shape is checked against the architecture.
 * @param inputSize Side of the square input, pixels; paddings depend on it.
 * @throws HeadlandError HL_MODEL_STATE_INVALID
 */
export function efficientNetLiteToOnnx(
  state: ReadonlyMap<string, StateTensor>,
  architecture: Architecture,
  inputSize: number,
): OnnxModel {
  return new LiteBuilder(state, architecture, inputSize).build();
}

class LiteBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: OnnxTensor[] = [
    floatTensor('zero', [], Float32Array.of(0)),
    floatTensor('six', [], Float32Array.of(6)),
  ];
  /** Input tensor of the next layer, its channels and its side in pixels. */
  private current = 'input';
  private channels = 3;
  private side: number;

  constructor(
    private readonly state: ReadonlyMap<string, StateTensor>,
    private readonly architecture: Architecture,
    private readonly inputSize: number,
  ) {
    this.side = inputSize;
  }

  build(): OnnxModel {
    const [width, depth] = SCALING[this.architecture];
    this.convolution('_conv_stem', '_bn0', { kernel: 3, stride: 2, to: STEM_CHANNELS });
    this.relu6();
    let block = 0;
    STAGES.forEach(([repeats, kernel, stride, expansion, channels], stage) => {
      const scaled = stage > 0 && stage < STAGES.length - 1;
      const count = scaled ? Math.ceil(repeats * depth) : repeats;
      const to = scaleChannels(channels, width);
      for (let i = 0; i < count; i++) {
        const prefix = `_blocks.${block++}`;
        this.invertedResidual(prefix, { kernel, stride: i === 0 ? stride : 1, expansion, to });
      }
    });
    this.refuseFurtherBlocks(block);
    this.convolution('_conv_head', '_bn1', { kernel: 1, stride: 1, to: HEAD_CHANNELS });
    this.relu6();
    this.add('GlobalAveragePool', 'pool', []);
    this.add('Flatten', FEATURES, [{ name: 'axis', type: 2, i: 1 }]);
    return {
      irVersion: 7,
      producerName: 'headland',
      opsetImport: [{ domain: '', version: 13 }],
      metadataProps: [],
      graph: {
        name: this.architecture,
        node: this.nodes,
        initializer: this.initializers,
        input: [tensorInfo('input', [1, 3, this.inputSize, this.inputSize])],
        output: [tensorInfo(FEATURES, [1, HEAD_CHANNELS])],
        valueInfo: [],
      },
    };
  }

  private invertedResidual(
    prefix: string,
    block: { kernel: number; stride: number; expansion: number; to: number },
  ): void {
    const entrance = this.current;
    const from = this.channels;
    if (block.expansion !== 1) {
      this.convolution(`${prefix}._expand_conv`, `${prefix}._bn0`, {
        kernel: 1,
        stride: 1,
        to: from * block.expansion,
      });
      this.relu6();
    }
    this.convolution(`${prefix}._depthwise_conv`, `${prefix}._bn1`, {
      kernel: block.kernel,
      stride: block.stride,
      to: this.channels,
      depthwise: true,
    });
    this.relu6();
    this.convolution(`${prefix}._project_conv`, `${prefix}._bn2`, {
      kernel: 1,
      stride: 1,
      to: block.to,
    });
    if (block.stride === 1 && from === block.to) {
      const output = `${prefix}.sum`;
      this.nodes.push(node('Add', output, [this.current, entrance], []));
      this.current = output;
    }
  }

  /** w' = w * gamma / sqrt(variance + eps), b' = beta - mean * gamma / sqrt(variance + eps) */
  private convolution(
    name: string,
    norm: string,
    layer: { kernel: number; stride: number; to: number; depthwise?: boolean },
  ): void {
    const { kernel, stride, to, depthwise = false } = layer;
    const shape = [to, depthwise ? 1 : this.channels, kernel, kernel];
    const weight = this.parameter(`${name}.weight`, shape);
    const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
      (part) => this.parameter(`${norm}.${part}`, [to]),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const folded = new Float32Array(weight.length);
    const bias = new Float32Array(to);
    const perChannel = weight.length / to;
    for (let c = 0; c < to; c++) {
      const factor = (gamma[c] as number) / Math.sqrt((variance[c] as number) + BATCH_NORM_EPSILON);
      bias[c] = (beta[c] as number) - (mean[c] as number) * factor;
      for (let i = c * perChannel; i < (c + 1) * perChannel; i++) {
        folded[i] = (weight[i] as number) * factor;
      }
    }
    this.initializers.push(floatTensor(`${name}.w`, shape, folded));
    this.initializers.push(floatTensor(`${name}.b`, [to], bias));
    const [before, after, side] = samePadding(this.side, kernel, stride);
    const attributes = [
      intsAttribute('kernel_shape', [kernel, kernel]),
      intsAttribute('strides', [stride, stride]),
      intsAttribute('pads', [before, before, after, after]),
      { name: 'group', type: 2, i: depthwise ? to : 1 },
    ];
    this.nodes.push(node('Conv', name, [this.current, `${name}.w`, `${name}.b`], attributes));
    this.current = name;
    this.channels = to;
    this.side = side;
  }

  private relu6(): void {
    const output = `${this.current}.relu6`;
    this.nodes.push(node('Clip', output, [this.current, 'zero', 'six'], []));
    this.current = output;
  }

  private add(opType: string, output: string, attributes: OnnxAttribute[]): void {
    this.nodes.push(node(opType, output, [this.current], attributes));
    this.current = output;
  }

  private parameter(name: string, shape: number[]): Float32Array {
    const tensor = this.state.get(name);
    if (tensor === undefined) throw this.invalid(`parameter ${name} is missing`);
    if (tensor.shape.join() !== shape.join()) {
      throw this.invalid(
        `parameter ${name} is ${tensor.shape.join(' x ')}, not ${shape.join(' x ')}`,
      );
    }
    if (!tensor.data.every(Number.isFinite)) throw this.invalid(`parameter ${name} is not finite`);
    return tensor.data;
  }

  private refuseFurtherBlocks(count: number): void {
    const further = [...this.state.keys()].find((name) => name.startsWith(`_blocks.${count}.`));
    if (further) throw this.invalid(`it has more than ${count} blocks (${further})`);
  }

  private invalid(why: string): HeadlandError {
    return new HeadlandError(
      'HL_MODEL_STATE_INVALID',
      `the weights are not those of ${this.architecture}: ${why}`,
      { remedy: 'Correct "architecture" in the model card.', details: { why } },
    );
  }
}

/** Rounds to a multiple of 8, never below 90 % of the argument (the family's `round_filters`). */
function scaleChannels(channels: number, factor: number): number {
  if (factor === 1) return channels;
  const wish = channels * factor;
  const rounded = Math.max(8, Math.floor((wish + 4) / 8) * 8);
  return rounded < 0.9 * wish ? rounded + 8 : rounded;
}

/** TensorFlow's SAME: the output is ceil(side / stride); the odd pixel is padded at the end. */
function samePadding(
  side: number,
  kernel: number,
  stride: number,
): [before: number, after: number, outputSide: number] {
  const outputSide = Math.ceil(side / stride);
  const total = Math.max((outputSide - 1) * stride + kernel - side, 0);
  const before = Math.floor(total / 2);
  return [before, total - before, outputSide];
}

function node(
  opType: string,
  output: string,
  input: string[],
  attribute: OnnxAttribute[],
): OnnxNode {
  return { name: output, opType, input, output: [output], attribute };
}

function intsAttribute(name: string, ints: number[]): OnnxAttribute {
  return { name, type: 7, ints };
}

function floatTensor(name: string, dims: number[], data: Float32Array): OnnxTensor {
  // raw_data is little-endian by definition; every platform of Node is.
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType: 1, rawData };
}
