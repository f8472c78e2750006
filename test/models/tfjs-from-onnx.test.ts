import assert from 'node:assert/strict';
import test from 'node:test';
import { drawCheckPicture, drawConstantPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { TfjsBackbone } from '../../src/backbone/engines/engine-tfjs.js';
import type { OnnxModel } from '../../src/backbone/engines/onnx-proto.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { convertModel } from '../../src/models/convert-model.js';
import { tensorInfo } from '../../src/models/onnx/prune.js';
import { encodeModel, TINY_SIZE, tensor, tinyCard, tinyClassifier } from '../backbone/support.js';
import { distance, openBackends } from '../backbone/tfjs-support.js';

/** A network of everything that ONNX says otherwise than TensorFlow. */
function contrary(): OnnxModel {
  const series = (count: number, phase: number) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(0.9 * i + phase) / 2);
  const ints = (name: string, values: number[]) => ({ name, type: 7, ints: values });
  const node = (
    opType: string,
    input: string[],
    output: string,
    attribute: OnnxModel['graph']['node'][number]['attribute'] = [],
  ) => ({ name: output, opType, input, output: [output], attribute });
  return {
    irVersion: 7,
    opsetImport: [{ domain: '', version: 13 }],
    metadataProps: [],
    graph: {
      name: 'contrary',
      node: [
        // On an even side, SAME would pad one pixel at the end only.
        node('Conv', ['image', 'a.w', 'a.b'], 'a', [
          ints('strides', [2, 2]),
          ints('pads', [1, 1, 1, 1]),
        ]),
        node('Relu', ['a'], 'a.relu'),
        node('MaxPool', ['a.relu'], 'b', [
          ints('kernel_shape', [3, 3]),
          ints('strides', [2, 2]),
          ints('pads', [1, 1, 1, 1]),
        ]),
        // Two outputs a channel.
        node('Conv', ['b', 'c.w'], 'c', [
          { name: 'group', type: 2, i: 4 },
          ints('pads', [2, 0, 1, 1]),
          ints('dilations', [1, 1]),
        ]),
        node('BatchNormalization', ['c', 'n.g', 'n.b', 'n.m', 'n.v'], 'n'),
        node('Clip', ['n', 'low', 'high'], 'clip'),
        node('Sigmoid', ['n'], 'gate'),
        node('Mul', ['clip', 'gate'], 'gated'),
        node('Mul', ['gated', 'per.channel'], 'scaled'),
        node('Sub', ['half', 'scaled'], 'turned'),
        node('Flatten', ['turned'], 'flat', [{ name: 'axis', type: 2, i: 1 }]),
      ],
      initializer: [
        tensor('a.w', [4, 3, 3, 3], series(108, 1)),
        tensor('a.b', [4], series(4, 2)),
        tensor('c.w', [8, 1, 3, 3], series(72, 3)),
        tensor('n.g', [8], series(8, 4)),
        tensor('n.b', [8], series(8, 5)),
        tensor('n.m', [8], series(8, 6)),
        tensor(
          'n.v',
          [8],
          series(8, 7).map((v) => 1 + v),
        ),
        tensor('low', [], Float32Array.of(-0.25)),
        tensor('high', [], Float32Array.of(1.5)),
        tensor('per.channel', [1, 8, 1, 1], series(8, 8)),
        tensor('half', [], Float32Array.of(0.5)),
      ],
      input: [tensorInfo('image', [1, 3, TINY_SIZE, TINY_SIZE])],
      output: [tensorInfo('flat', [1, 120])],
      valueInfo: [],
    },
  };
}

test('paddings, channel order and constants of ONNX keep their meaning', async (t) => {
  const file = encodeModel(contrary());
  const onnxCard = tinyCard({ tap: null, featureSize: 120 });
  const reference = await OnnxEngine.create({
    card: onnxCard,
    model: convertModel(file, onnxCard),
    checksum: 'c',
    threads: 1,
  });
  t.after(() => reference.close());
  const card = tinyCard({ tap: null, featureSize: 120, engine: 'tfjs', layout: 'NHWC-RGB' });
  const model = convertModel(file, card);
  assert.ok(Buffer.from(model).equals(convertModel(file, card)), 'the same bytes again');
  for (const { backend } of await openBackends()) {
    const options = { card, model, checksum: 'c', log: silentLog(), backends: [backend] };
    const engine = await TfjsBackbone.create(options);
    for (const picture of [drawCheckPicture(TINY_SIZE), drawConstantPicture(TINY_SIZE, 7)]) {
      const off = distance(await engine.embed(picture), await reference.embed(picture));
      assert.ok(off <= 1e-5, `${backend} is ${off} off`);
    }
    await engine.close();
  }
});

test('an operator without a translation is named', () => {
  const odd = tinyClassifier();
  odd.graph.node[1]!.opType = 'Erf';
  const card = tinyCard({ engine: 'tfjs', layout: 'NHWC-RGB' });
  assert.throws(
    () => convertModel(encodeModel(odd), card),
    (error: Error) => isHeadlandError(error, 'HL_MODEL_TFJS_INVALID') && /Erf/.test(error.message),
  );
});
