import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openTfjs } from '../../src/backbone/engines/tfjs-library.js';
import { silentLog } from '../../src/base/log.js';
import { decodePicture } from '../../src/vision/decode.js';
import { headland, Person, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { drawPicture } from '../training/fixture.js';

/** Loads an exported folder and says what is on pictures of every class. */
async function answers(dir: string): Promise<string[]> {
  const { tf } = await openTfjs(silentLog());
  const json = JSON.parse(readFileSync(join(dir, 'model.json'), 'utf8'));
  const [{ paths, weights: weightSpecs }] = json.weightsManifest;
  const data = Buffer.concat(paths.map((path: string) => readFileSync(join(dir, path))));
  const weightData = Uint8Array.from(data).buffer;
  const model = await tf.loadGraphModel({
    load: async () => ({ ...json, weightSpecs, weightData }),
  });
  const { labels, preprocessing } = json.userDefinedMetadata.headland;
  const found: string[] = [];
  for (const label of ['crop', 'weed', 'stone']) {
    const limits = { maxBytes: 1e6, maxPixels: 1e6 };
    const { data: pixels } = await decodePicture(await drawPicture(label, 500), {
      sizePixels: preprocessing.size,
      fit: preprocessing.fit,
      ...limits,
    });
    const best = tf.tidy(() => {
      const size = preprocessing.size;
      const input = tf.tensor4d(Float32Array.from(pixels), [1, size, size, 3]);
      const output = model.execute({ [preprocessing.input]: input }, 'probabilities');
      return tf.argMax(output as typeof input, 1).dataSync()[0] as number;
    });
    found.push(labels[best]);
  }
  model.dispose();
  return found;
}

describe('TensorFlow.js from the command line', { concurrency: false }, () => {
  test('a TensorFlow.js backbone learns, serves in the daemon and is exported', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t, {}, 'tfjs');
    const at = ['--config', rig.configFile];
    assert.equal(headland('models', 'verify', ...at).status, 0);
    headland('import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at, '--json');
    const trained = headland('train', ...at, '--json');
    assert.equal(trained.status, 0, trained.stderr);

    const folder = join(rig.dir, 'weeds');
    const exported = headland('export', folder, '--format', 'tfjs', ...at, '--json');
    assert.equal(exported.status, 0, exported.stderr);
    const result = JSON.parse(exported.stdout);
    assert.equal(result.format, 'tfjs');
    assert.ok(result.max_difference <= 1e-5, exported.stdout);
    assert.deepEqual(await answers(folder), ['crop', 'weed', 'stone']);

    const again = headland('export', folder, '--format', 'tfjs', ...at, '--json');
    assert.equal(again.status, 1);
    assert.equal(JSON.parse(again.stdout).error.code, 'HL_EXPORT_NOT_EMPTY');
    const onnx = headland('export', join(rig.dir, 'weeds.onnx'), ...at, '--json');
    assert.equal(JSON.parse(onnx.stdout).error.code, 'HL_EXPORT_FORMAT');
    assert.ok(!existsSync(join(rig.dir, 'weeds.onnx')));

    const daemon = await rig.start();
    const ready = await daemon.logged((line) => line.msg === 'backbone ready');
    assert.match(String(ready.engine), /^tfjs: tfjs-/);
    const person = await Person.connect(t, daemon.mqttUrl);
    const { body } = await person.until(
      ({ topic, body: { label } }) => topic === 'headland/r1/prediction' && label === 'crop',
    );
    assert.equal(body.head_version, 1);
    const { body: info } = await person.until(({ topic }) => topic === 'headland/r1/info');
    assert.equal(info.engine, ready.engine);
    assert.equal((await daemon.stop()).code, 0);
  });

  test('an ONNX backbone is exported as a TensorFlow.js graph with the same answers', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const rig = await Rig.create(t);
    const at = ['--config', rig.configFile];
    headland('import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at, '--json');
    assert.equal(headland('train', ...at, '--json').status, 0);
    const folder = join(rig.dir, 'weeds');
    const exported = headland('export', folder, '--format', 'tfjs', ...at);
    assert.equal(exported.status, 0, exported.stderr);
    assert.match(exported.stdout, /N x \d+ x \d+ x 3, RGB 0\.\.255/);
    assert.ok(readdirSync(folder).includes('model.json'));
    assert.deepEqual(await answers(folder), ['crop', 'weed', 'stone']);
  });
});
