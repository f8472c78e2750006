import {
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  toNumber,
} from '../../backbone/engines/onnx-proto.js';
import { HeadlandError } from '../../base/errors.js';
import { floatOf, integersOf } from './onnx-read.js';

type Triple = [number, number, number];

/**
 * (value - mean) / std on 0..255 values, in the order R, G, B; for a BGR network, B comes first
 * after it.
 */
export interface Normalisation {
  mean: Triple;
  std: Triple;
  channelOrder: 'RGB' | 'BGR';
}

/** Normalisations of well-known networks, on 0..255 values. */
const PRESETS: Record<string, { normalisation: Normalisation; of: string }> = {
  imagenet: {
    normalisation: fromUnit([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    of: 'torchvision, most of timm, the ONNX model zoo',
  },
  tensorflow: {
    normalisation: same(127.5, 127.5),
    of: '-1..1: Keras and TensorFlow networks except ResNet, VGG and DenseNet; some of timm',
  },
  unit: { normalisation: same(0, 255), of: '0..1' },
  none: { normalisation: same(0, 1), of: '0..255: the graph normalises itself' },
  clip: {
    normalisation: fromUnit(
      [0.481_454_66, 0.457_827_5, 0.408_210_73],
      [0.268_629_54, 0.261_302_58, 0.275_777_11],
    ),
    of: 'OpenAI CLIP and its descendants',
  },
  caffe: {
    normalisation: { mean: [123.68, 116.779, 103.939], std: [1, 1, 1], channelOrder: 'BGR' },
    of: 'mean subtracted, BGR: ResNet50 and VGG of Keras',
  },
};

/** Every preset with the networks that use it, for a question or a help text. */
export function describePresets(): string[] {
  return Object.entries(PRESETS).map(([name, { of }]) => `${name} (${of})`);
}

/**
 * Reads `imagenet` or another preset, or numbers as `MEAN,MEAN,MEAN/STD,STD,STD` for R, G, B.
 * Numbers apply to values 0..1 when no deviation is above 1, else to 0..255.
 * @throws HeadlandError HL_MODEL_NORMALISATION_INVALID
 */
export function parseNormalisation(text: string): Normalisation {
  const preset = Object.hasOwn(PRESETS, text) ? PRESETS[text] : undefined;
  if (preset) return preset.normalisation;
  const [mean = [], std = [], ...others] = text
    .split('/')
    .map((part) => part.split(',').map((number) => (number.trim() === '' ? NaN : Number(number))));
  const isTriple = (values: number[]): values is Triple =>
    values.length === 3 && values.every(Number.isFinite);
  if (others.length === 0 && isTriple(mean) && isTriple(std) && std.every((s) => s > 0)) {
    return std.every((s) => s <= 1) ? fromUnit(mean, std) : { mean, std, channelOrder: 'RGB' };
  }
  throw new HeadlandError(
    'HL_MODEL_NORMALISATION_INVALID',
    `"${text}" is neither a known normalisation nor three means and three deviations`,
    {
      remedy:
        `Give --normalise one of ${Object.keys(PRESETS).join(', ')}, ` +
        'or numbers for R, G, B: --normalise 0.485,0.456,0.406/0.229,0.224,0.225.',
      details: { text },
    },
  );
}

/** A zero crossing between these is the mean of images; the span is in deviations. */
const BYTE_MEAN: [number, number] = [80, 160];
const UNIT_MEAN: [number, number] = [80 / 255, 160 / 255];
const SPAN: [number, number] = [1.5, 7];
const UINT8 = 2;

/**
 * Whether a graph normalises images itself: the arithmetic after its input moves the mean of images
 * to 0 and their range to a few deviations. A graph that takes bytes, or divides by 255, does so
 * too.
 * @returns The normalisation still to be done before it; null where the graph does none.
 */
export function normalisationInGraph(
  graph: OnnxGraph,
  { name, elemType }: { name: string; elemType: number },
): Normalisation | null {
  if (elemType === UINT8) return same(0, 1);
  const affine = affineAfter(graph, name);
  if (affine === null) return null;
  const within = (value: number, [low, high]: [number, number]) => value >= low && value <= high;
  const every = (test: (scale: number, zero: number) => boolean) =>
    affine.scale.every((s, c) => test(s, -(affine.offset[c] as number) / s));
  if (every((s, zero) => within(255 * s, SPAN) && within(zero, BYTE_MEAN))) return same(0, 1);
  if (every((s, zero) => Math.abs(255 * s - 1) < 0.01 && Math.abs(zero) < 1)) return same(0, 1);
  if (every((s, zero) => within(s, SPAN) && within(zero, UNIT_MEAN))) return same(0, 255);
  return null;
}

/** y = scale · x + offset of each channel, as far as the graph computes it; null: not at all. */
function affineAfter(
  graph: OnnxGraph,
  input: string,
): { scale: number[]; offset: number[] } | null {
  let scale = [1, 1, 1];
  let offset = [0, 0, 0];
  let seen = false;
  for (let name = input; ; ) {
    const readers = graph.node.filter((node) => node.input.includes(name));
    const node = readers[0];
    if (node === undefined || readers.length > 1) break;
    const step = affineOf(graph, node, name);
    if (step === null) break;
    seen ||= !['Cast', 'Identity', 'Transpose'].includes(node.opType);
    scale = scale.map((s, c) => s * (step.scale[c] as number));
    offset = offset.map((o, c) => o * (step.scale[c] as number) + (step.offset[c] as number));
    name = node.output[0] as string;
  }
  return seen && scale.every((s) => Number.isFinite(s) && s > 0) ? { scale, offset } : null;
}

/** Null for a node that does more than scale and shift channels. */
function affineOf(
  graph: OnnxGraph,
  node: OnnxNode,
  input: string,
): { scale: number[]; offset: number[] } | null {
  const one = [1, 1, 1];
  const zero = [0, 0, 0];
  if (node.opType === 'Cast' || node.opType === 'Identity') return { scale: one, offset: zero };
  if (node.opType === 'Transpose' && integersOf(node, 'perm', []).length === 4) {
    return { scale: one, offset: zero };
  }
  const constants = node.input.filter((n) => n !== input).map((n) => channelValues(graph, n));
  if (node.opType === 'BatchNormalization') {
    const [gamma, beta, mean, variance] = constants;
    if (!gamma || !beta || !mean || !variance) return null;
    const epsilon = floatOf(node, 'epsilon', 1e-5);
    const scale = gamma.map((g, c) => g / Math.sqrt((variance[c] as number) + epsilon));
    return {
      scale,
      offset: beta.map((b, c) => b - (mean[c] as number) * (scale[c] as number)),
    };
  }
  const [values] = constants;
  if (!values || constants.length !== 1) return null;
  const first = node.input[0] === input;
  switch (node.opType) {
    case 'Add':
      return { scale: one, offset: values };
    case 'Mul':
      return { scale: values, offset: zero };
    case 'Sub':
      return first ? { scale: one, offset: values.map((v) => -v) } : null;
    case 'Div':
      return first ? { scale: values.map((v) => 1 / v), offset: zero } : null;
    default:
      return null;
  }
}

/** A constant of one number, or of one per channel, as three numbers; null for any other. */
function channelValues(graph: OnnxGraph, name: string): number[] | null {
  const tensor: OnnxTensor | undefined =
    graph.initializer.find((t) => t.name === name) ??
    graph.node
      .find((n) => n.opType === 'Constant' && n.output[0] === name)
      ?.attribute.find((a) => a.name === 'value')?.t;
  if (tensor === undefined) return null;
  const values = realValues(tensor);
  const sides = tensor.dims.map(toNumber).filter((side) => side > 1);
  if (values?.length === 1) return [0, 1, 2].map(() => values[0] as number);
  return values?.length === 3 && sides.join() === '3' ? values : null;
}

function realValues({ dataType, rawData, floatData }: OnnxTensor): number[] | null {
  if (!rawData?.length) return dataType === 1 ? [...(floatData ?? [])] : null;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const read = { 1: view.getFloat32, 11: view.getFloat64 }[dataType];
  const size = dataType === 1 ? 4 : 8;
  if (read === undefined) return null;
  return Array.from({ length: rawData.byteLength / size }, (_, i) =>
    read.call(view, i * size, true),
  );
}

function fromUnit(mean: Triple, std: Triple): Normalisation {
  const times = (values: Triple): Triple => [255 * values[0], 255 * values[1], 255 * values[2]];
  return { mean: times(mean), std: times(std), channelOrder: 'RGB' };
}

function same(mean: number, std: number): Normalisation {
  return { mean: [mean, mean, mean], std: [std, std, std], channelOrder: 'RGB' };
}
