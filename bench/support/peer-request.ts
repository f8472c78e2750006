import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxCodec, toNumber } from '../../src/backbone/engines/onnx-proto.js';
import type { ModelCard } from '../../src/backbone/model-card.js';
import { sha256Hex } from '../../src/base/hash.js';
import { integersOf } from '../../src/models/onnx/onnx-read.js';
import type { RgbImage } from '../../src/vision/image.js';
import { runScript } from './peer-process.js';
import { userCacheDir } from './places.js';

/** What a peer is to do. */
interface PeerWork {
  card: ModelCard;
  /** Folder for what is handed over. */
  work: string;
  /** ONNX, fp32. */
  model: Uint8Array;
  /** JPEG files to classify. */
  files: readonly string[];
  /** To calibrate 8 bits on, S x S each. */
  pictures: readonly RgbImage[];
  headWeights: Float32Array;
}

/**
 * Describes a converted backbone for peers that do not read ONNX: its layers in order and its
 * weights in one file of floats. Only what the EfficientNet-Lite and MobileNet families use.
 */
function describeNetwork(model: Uint8Array, card: ModelCard, dir: string) {
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
      stride: integersOf(node, 'strides', [1, 1])[0],
      pads: integersOf(node, 'pads', [0, 0, 0, 0]),
      group: integersOf(node, 'group', [1])[0],
    };
  });
  const weights = join(dir, 'weights.f32');
  writeFileSync(weights, Buffer.concat(chunks));
  return {
    layers,
    weights,
    input: graph.input[0]!.name,
    size: card.inputSize,
    feature_size: card.featureSize,
    mean: card.normalisation.mean,
    std: card.normalisation.std,
  };
}

/** Writes what the peers need; LiteRT files are made once where TensorFlow is installed. */
export function writePeerRequest({
  card,
  work,
  model,
  files,
  pictures,
  headWeights,
}: PeerWork): string {
  const onnx = join(work, 'fp32.onnx');
  const headFile = join(work, 'head.f32');
  writeFileSync(onnx, model);
  writeFileSync(headFile, headWeights);
  const kept = join(userCacheDir(), 'bench-litert');
  mkdirSync(kept, { recursive: true });
  const litert = ['fp32', 'int8'].map((kind) =>
    join(kept, `${sha256Hex(model).slice(0, 16)}-${kind}.tflite`),
  ) as [string, string];
  const network = describeNetwork(model, card, work);
  const request = join(work, 'request.json');
  writeFileSync(
    request,
    JSON.stringify({
      ...network,
      onnx,
      head: headFile,
      pictures: files,
      'litert-fp32': litert[0],
      'litert-int8': litert[1],
    }),
  );
  if (!litert.every((file) => existsSync(file))) {
    const calibration = join(work, 'pictures.u8');
    writeFileSync(calibration, Buffer.concat(pictures.map(({ data }) => data)));
    runScript('to_tflite.py', [request, calibration, ...litert]);
  }
  return request;
}
