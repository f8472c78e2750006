import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { drawCheckPicture, drawConstantPicture } from '../../src/backbone/check-picture.js';
import { OnnxEngine } from '../../src/backbone/engines/engine-onnx.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { convertModel } from '../../src/models/convert-model.js';
import { HANG_MS } from '../liveness.js';
import { temporaryFolder } from '../temporary-folder.js';
import { encodeModel, TINY_FEATURES, TINY_SIZE, tinyCard, tinyClassifier } from './support.js';

const card = tinyCard();
const model = convertModel(encodeModel(tinyClassifier()), card);

test('calls that overlap get each their own features', async (t) => {
  const engine = await OnnxEngine.create({ card, model, checksum: 'c', threads: 1 });
  t.after(() => engine.close());
  const pictures = [10, 90, 200].map((value) => drawConstantPicture(TINY_SIZE, value));
  const together = await Promise.all(pictures.map((picture) => engine.embed(picture)));
  for (const [i, picture] of pictures.entries()) {
    assert.deepEqual(together[i], await engine.embed(picture));
  }
  assert.notDeepEqual(together[0], together[1]);
  assert.equal(together[0]?.length, TINY_FEATURES);
});

test('channels are told apart and normalised each by its own numbers', async (t) => {
  const own = tinyCard({ normalisation: { mean: [10, 20, 30], std: [1, 2, 4] } });
  const engine = await OnnxEngine.create({ card: own, model, checksum: 'c', threads: 1 });
  t.after(() => engine.close());
  const plain = tinyCard({ normalisation: { mean: [0, 0, 0], std: [1, 1, 1] } });
  const reference = await OnnxEngine.create({ card: plain, model, checksum: 'c', threads: 1 });
  t.after(() => reference.close());
  const fill = (r: number, g: number, b: number) => {
    const picture = drawConstantPicture(TINY_SIZE, 0);
    for (let i = 0; i < picture.data.length; i += 3) picture.data.set([r, g, b], i);
    return picture;
  };
  // (13 - 10) / 1 = 3, (24 - 20) / 2 = 2, (34 - 30) / 4 = 1
  assert.deepEqual(await engine.embed(fill(13, 24, 34)), await reference.embed(fill(3, 2, 1)));
  assert.notDeepEqual(await reference.embed(fill(3, 2, 1)), await reference.embed(fill(1, 2, 3)));
});

test('a picture of another size is refused, and the next one is served', async (t) => {
  const engine = await OnnxEngine.create({ card, model, checksum: 'c', threads: 1 });
  t.after(() => engine.close());
  await assert.rejects(engine.embed(drawCheckPicture(TINY_SIZE + 1)), (error) =>
    isHeadlandError(error, 'HL_BACKBONE_INPUT_SIZE'),
  );
  assert.ok((await engine.embed(drawCheckPicture(TINY_SIZE))).every(Number.isFinite));
});

test('features that are not finite are refused', async (t) => {
  const broken = tinyClassifier();
  const bias = broken.graph.initializer[1]!;
  bias.rawData = new Uint8Array(
    new Float32Array(TINY_FEATURES).fill(Number.POSITIVE_INFINITY).buffer,
  );
  const engine = await OnnxEngine.create({
    card,
    model: convertModel(encodeModel(broken), card),
    checksum: 'c',
    threads: 1,
  });
  t.after(() => engine.close());
  await assert.rejects(engine.embed(drawCheckPicture(TINY_SIZE)), (error) =>
    isHeadlandError(error, 'HL_BACKBONE_OUTPUT_INVALID'),
  );
});

test('a closed engine says so; closing waits for what is under way', async () => {
  const engine = await OnnxEngine.create({ card, model, checksum: 'c', threads: 1 });
  const underWay = engine.embed(drawCheckPicture(TINY_SIZE));
  await engine.close();
  await engine.close();
  assert.equal((await underWay).length, TINY_FEATURES);
  await assert.rejects(engine.embed(drawCheckPicture(TINY_SIZE)), (error) =>
    isHeadlandError(error, 'HL_BACKBONE_CLOSED'),
  );
});

test('a file that is no model is refused', async () => {
  await assert.rejects(
    OnnxEngine.create({ card, model: Buffer.from('nonsense'), checksum: 'c', threads: 1 }),
    (error) => isHeadlandError(error, 'HL_MODEL_ONNX_INVALID'),
  );
});

for (const ending of ['close', 'leave', 'exit', 'terminate']) {
  test(`main thread and two workers at once, then ${ending}: the process ends cleanly`, async (t) => {
    const path = join(temporaryFolder(t), 'model.onnx');
    await writeFile(path, model);
    const script = fileURLToPath(new URL('./engine-process.js', import.meta.url));
    for (let round = 0; round < 2; round++) {
      const run = spawnSync(process.execPath, [script, path, ending], {
        encoding: 'utf8',
        timeout: HANG_MS,
      });
      assert.deepEqual([run.status, run.signal, run.stderr], [0, null, '']);
      assert.match(run.stdout, /^1 onnxruntime-node 1\.\d+\.\d+ cpu\n$/);
    }
  });
}
