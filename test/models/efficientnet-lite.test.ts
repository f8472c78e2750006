import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { efficientNetLiteToOnnx } from '../../src/models/torch/efficientnet-lite.js';
import { encodeModel, fixture, tinyCard } from '../backbone/support.js';
import { seededState, uniform } from './seeded-lite.js';

const cases = JSON.parse(readFileSync(fixture('seeded-lite.json'), 'utf8')) as {
  architecture: 'efficientnet-lite0' | 'efficientnet-lite2';
  inputSize: number;
}[];
const oracle = new Float32Array(Uint8Array.from(readFileSync(fixture('seeded-lite.f32'))).buffer);

for (const [row, { architecture, inputSize }] of cases.entries()) {
  test(`${architecture} with made-up weights at ${inputSize} px gives PyTorch's features`, async (t) => {
    const model = encodeModel(
      efficientNetLiteToOnnx(seededState(architecture), architecture, inputSize),
    );
    const card = tinyCard({
      inputSize,
      featureSize: 1280,
      normalisation: { mean: [127, 127, 127], std: [128, 128, 128] },
    });
    const engine = await OnnxEngine.create({ card, model, checksum: '', threads: 1 });
    t.after(() => engine.close());
    const noise = uniform(999, inputSize * inputSize * 3);
    const features = await engine.embed({
      width: inputSize,
      height: inputSize,
      data: Uint8Array.from(noise, (u) => Math.trunc(u * 128 + 128)),
    });
    let greatest = 0;
    for (let i = 0; i < 1280; i++) {
      const difference = Math.abs(features[i]! - oracle[row * 1280 + i]!);
      greatest = Math.max(greatest, difference);
    }
    t.diagnostic(`greatest difference ${greatest}`);
    assert.ok(greatest <= 1e-3, `greatest difference ${greatest}`);
  });
}

test('the same weights give the same bytes', () => {
  const build = () =>
    encodeModel(
      efficientNetLiteToOnnx(seededState('efficientnet-lite0'), 'efficientnet-lite0', 65),
    );
  assert.ok(Buffer.from(build()).equals(build()));
});

test('weights of another architecture are refused by the parameter that tells', () => {
  const lite0 = seededState('efficientnet-lite0');
  const lite2 = seededState('efficientnet-lite2');
  const invalid = (part: RegExp) => (error: unknown) =>
    isHeadlandError(error, 'HL_MODEL_STATE_INVALID') && part.test(error.message);
  assert.throws(
    () => efficientNetLiteToOnnx(lite0, 'efficientnet-lite1', 240),
    invalid(/_blocks\.3/),
  );
  assert.throws(
    () => efficientNetLiteToOnnx(lite2, 'efficientnet-lite1', 240),
    invalid(/_blocks\./),
  );
  lite0.delete('_bn1.running_var');
  assert.throws(
    () => efficientNetLiteToOnnx(lite0, 'efficientnet-lite0', 224),
    invalid(/_bn1\.running_var is missing/),
  );
  const broken = seededState('efficientnet-lite0');
  broken.get('_conv_head.weight')!.data[7] = Number.NaN;
  assert.throws(
    () => efficientNetLiteToOnnx(broken, 'efficientnet-lite0', 224),
    invalid(/_conv_head\.weight is not finite/),
  );
  const more = seededState('efficientnet-lite0');
  more.set('_blocks.16._project_conv.weight', { shape: [0], data: new Float32Array() });
  assert.throws(
    () => efficientNetLiteToOnnx(more, 'efficientnet-lite0', 224),
    invalid(/more than 16 blocks/),
  );
});
