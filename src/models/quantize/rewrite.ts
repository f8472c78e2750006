import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
} from '../../backbone/engines/onnx-proto.js';
import type { IntegerKernels } from './kernels.js';
import type { PlannedConvolution, QuantizationPlan } from './quantization-plan.js';
import type { Quantizer } from './ranges.js';
import { quantizeBias, quantizeWeights, roundingShift, type WeightRule } from './weights.js';

export interface RewriteOptions {
  plan: QuantizationPlan;
  /** One for each tensor of the plan. */
  quantizers: ReadonlyMap<string, Quantizer>;
  /** Mean of each input channel of the convolutions. */
  channelMeans: ReadonlyMap<string, Float64Array>;
  /** Sums of the kernels, which decide how large weights may be. */
  kernels: IntegerKernels;
  /** Storage of activations: the same levels, counted from 0 or from -128. */
  activations: 'uint8' | 'int8';
}

const FLOAT = 1;
const UINT8 = 2;
const INT8 = 3;
const INT32 = 6;

/**
 * Writes a graph with QuantizeLinear and DequantizeLinear pairs (QDQ, ONNX opset 13) around the
 * planned layers. ONNX Runtime turns this form into its integer kernels, and every other runtime
 * can read it. A fused Relu or Clip is dropped, because the limits of the levels have the same
 * effect.
 */
export function rewriteQuantized(model: OnnxModel, options: RewriteOptions): OnnxModel {
  return new Rewriter(model, options).rewrite();
}

class Rewriter {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: OnnxTensor[] = [];
  private readonly graph: OnnxGraph;

  constructor(
    private readonly model: OnnxModel,
    private readonly options: RewriteOptions,
  ) {
    this.graph = model.graph;
  }

  rewrite(): OnnxModel {
    const { plan } = this.options;
    const layers = new Map(plan.layers.map((layer) => [layer.node, layer]));
    const produced = new Set(plan.layers.map((layer) => layer.output));
    // A tensor that 8-bit layers read but other nodes compute gets its own pair.
    const entering = new Set(plan.tensors.filter((name) => !produced.has(name)));
    const renamed = (name: string) => (entering.has(name) ? `${name}.dequantized` : name);
    for (const { name } of this.graph.input) if (entering.has(name)) this.pair(name, renamed(name));
    for (const node of this.graph.node) {
      if (plan.fused.has(node)) continue;
      const layer = layers.get(node);
      if (layer === undefined) {
        this.nodes.push(node);
        for (const output of node.output) {
          if (entering.has(output)) this.pair(output, renamed(output));
        }
        continue;
      }
      const raw = `${layer.output}.raw`;
      const input =
        layer.kind === 'sum'
          ? layer.inputs.map(renamed)
          : [renamed(layer.input), ...this.constants(layer)];
      this.nodes.push({ ...node, input, output: [raw] });
      this.pair(raw, layer.output, layer.output);
    }
    const used = new Set(this.nodes.flatMap((node) => node.input));
    const kept = this.graph.initializer.filter(({ name }) => used.has(name));
    const initializer = [...kept, ...this.initializers];
    return {
      ...this.model,
      graph: { ...this.graph, node: this.nodes, initializer, valueInfo: [] },
    };
  }

  /** `from` quantized and dequantized, as `to`. */
  private pair(from: string, to: string, tensor = from): void {
    const quantizer = this.options.quantizers.get(tensor) as Quantizer;
    const signed = this.options.activations === 'int8';
    const scale = this.constant(`${tensor}.scale`, [], FLOAT, Float32Array.of(quantizer.scale));
    const zeroPoint = signed
      ? this.constant(`${tensor}.zero`, [], INT8, Int8Array.of(quantizer.zeroPoint - 128))
      : this.constant(`${tensor}.zero`, [], UINT8, Uint8Array.of(quantizer.zeroPoint));
    const levels = `${tensor}.levels`;
    this.add('QuantizeLinear', [from, scale, zeroPoint], levels);
    this.add('DequantizeLinear', [levels, scale, zeroPoint], to);
  }

  /**
   * Weights and bias as levels, dequantized in the graph; the engine folds them into its kernel.
   */
  private constants(layer: PlannedConvolution): string[] {
    const { kernels, quantizers, channelMeans } = this.options;
    const name = layer.output;
    const channels = layer.weightDims[0] as number;
    const { scale } = quantizers.get(layer.input) as Quantizer;
    // One input channel for each output: its own kernel, not a matrix product.
    const depthwise = layer.weightDims[1] === 1 && layer.groups === channels;
    const weights = quantizeWeights(layer.weights, {
      dims: layer.weightDims,
      rule: weightRule(depthwise ? kernels.depthwise : kernels.dense),
      inputScale: scale,
      bias: layer.bias,
    });
    const means = channelMeans.get(layer.input);
    const shift = means ? roundingShift(layer.weights, weights, means, layer.groups) : null;
    const bias = Float32Array.from(
      { length: channels },
      (_, c) => (layer.bias?.[c] ?? 0) + (shift?.[c] ?? 0),
    );
    const levels = quantizeBias(bias, scale, weights.scales);
    return [
      this.dequantized(`${name}.weights`, layer.weightDims, INT8, weights),
      this.dequantized(`${name}.bias`, [channels], INT32, levels),
    ];
  }

  private dequantized(
    name: string,
    dims: number[],
    type: typeof INT8 | typeof INT32,
    { values, scales }: { values: Int8Array | Int32Array; scales: Float32Array },
  ): string {
    const zeros = type === INT8 ? new Int8Array(scales.length) : new Int32Array(scales.length);
    const inputs = [
      this.constant(`${name}.levels`, dims, type, values),
      this.constant(`${name}.scale`, [scales.length], FLOAT, scales),
      this.constant(`${name}.zero`, [scales.length], type, zeros),
    ];
    this.add('DequantizeLinear', inputs, name, [{ name: 'axis', type: 2, i: 0 }]);
    return name;
  }

  private add(
    opType: string,
    input: string[],
    output: string,
    attribute: OnnxAttribute[] = [],
  ): void {
    const name = `${output}/${opType}`;
    this.nodes.push({ name, opType, input, output: [output], attribute });
  }

  private constant(
    name: string,
    dims: number[],
    dataType: number,
    values: Float32Array | Int8Array | Uint8Array | Int32Array,
  ): string {
    // raw_data is little-endian by definition; every platform of Node is.
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name, dims, dataType, rawData });
    return name;
  }
}

function weightRule(kernel: IntegerKernels['dense']): WeightRule {
  return kernel === 'exact' ? 'full-range' : 'pairs-limited';
}
