import type { OnnxModel, OnnxNode, OnnxTensor } from '../../backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../backbone/model-card.js';

const FLOAT = 1;
const UINT8 = 2;

/**
 * The network with inner tensors as its outputs and decoded pixels as its input. `pixels` is the
 * name of the input, 1 x S x S x 3, uint8; the card's normalisation is inside.
 */
export function tapTensors(
  model: OnnxModel,
  tensors: readonly string[],
  card: ModelCard,
): { tapped: OnnxModel; pixels: string } {
  const { graph } = model;
  const inner = graph.input[0]?.name as string;
  const named = (part: string) => `${inner}.${part}`;
  const pixels = named('pixels');
  const node = (opType: string, input: string[], output: string): OnnxNode => {
    return { name: output, opType, input, output: [output], attribute: [] };
  };
  const cast = node('Cast', [pixels], named('float'));
  cast.attribute.push({ name: 'to', type: 2, i: FLOAT });
  const planes = node('Transpose', [named('float')], named('planes'));
  planes.attribute.push({ name: 'perm', type: 7, ints: [0, 3, 1, 2] });
  const constant = (part: string, values: readonly number[]): OnnxTensor => {
    const rawData = new Uint8Array(Float32Array.from(values).buffer);
    return { name: named(part), dims: [1, 3, 1, 1], dataType: FLOAT, rawData };
  };
  const nodes = [
    cast,
    planes,
    node('Sub', [named('planes'), named('mean')], named('centred')),
    node('Div', [named('centred'), named('std')], inner),
  ];
  const { mean, std } = card.normalisation;
  const shape = { dim: [1, card.inputSize, card.inputSize, 3].map((dimValue) => ({ dimValue })) };
  const tapped = {
    ...model,
    graph: {
      ...graph,
      node: [...nodes, ...graph.node],
      initializer: [...graph.initializer, constant('mean', mean), constant('std', std)],
      input: [{ name: pixels, type: { tensorType: { elemType: UINT8, shape } } }],
      output: tensors.map((name) => ({ name, type: { tensorType: { elemType: FLOAT } } })),
    },
  };
  return { tapped, pixels };
}
