import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelCard } from '../../src/backbone/cards.js';
import { OnnxCodec, type OnnxNode, toNumber } from '../../src/backbone/onnx-proto.js';

/**
 * Describes a converted backbone for peers that do not read ONNX: its layers in order and its
 * weights in one file of floats. Only what the EfficientNet-Lite and MobileNet families use.
 */
export function describeNetwork(model: Uint8Array, card: ModelCard, dir: string) {
  const { graph } = new OnnxCodec().decode(model);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const constant = (name: string) => {
    const tensor = constants.get(name)!;
    const entry = { offset, shape: tensor.dims.map(toNumber) };
    chunks.push(tensor.rawData!);
    offset += tensor.rawData!.length / 4;
    return entry;
  };
  const layers = graph.node.map((node) => {
    const [first, second, third] = node.input as [string, string, string];
    const layer = { op: node.opType, output: node.output[0] };
    if (node.opType !== 'Conv') {
      const inputs = node.input.filter((name) => !constants.has(name));
      return { ...layer, inputs };
    }
    return {
      ...layer,
      inputs: [first],
      weights: constant(second),
      bias: constant(third),
      stride: integers(node, 'strides', [1, 1])[0],
      pads: integers(node, 'pads', [0, 0, 0, 0]),
      group: Number(toNumber(node.attribute.find(({ name }) => name === 'group')?.i ?? 1)),
    };
  });
  const weights = join(dir, 'weights.f32');
  writeFileSync(weights, Buffer.concat(chunks));
  return {
    ...{ layers, weights, input: graph.input[0]!.name },
    ...{ size: card.inputSize, feature_size: card.featureSize },
    ...{ mean: card.normalisation.mean, std: card.normalisation.std },
  };
}

function integers(node: OnnxNode, attribute: string, otherwise: number[]): number[] {
  return node.attribute.find(({ name }) => name === attribute)?.ints?.map(toNumber) ?? otherwise;
}
