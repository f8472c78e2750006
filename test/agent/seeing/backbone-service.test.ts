import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BackboneService } from '../../../src/agent/seeing/backbone-service.js';
import { perceptionSettings } from '../../../src/agent/seeing/perception-settings.js';
import {
  modelFile,
  readCachedModel,
  removeCachedModel,
  writeCachedModel,
} from '../../../src/backbone/cache.js';
import { loadCard } from '../../../src/backbone/card-folders.js';
import type { HeadlandError } from '../../../src/base/errors.js';
import { Perception } from '../../../src/perception/perception.js';
import { TEST_HANG_MS } from '../../liveness.js';
import type { TestFrame } from '../../perception/support.js';
import { Recorder, recordedAlarms, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { drawPicture, installBackbone } from '../../training/fixture.js';
import { FEATURES, robotConfig } from '../support.js';

/** A robot with the backbone `tiny` in its cache, and a perception that has not started. */
async function robot(
  t: Parameters<typeof temporaryFolder>[0],
  settings: { models?: object; inference?: object } = {},
) {
  const dir = temporaryFolder(t);
  const cardsDir = await installBackbone(dir, 'tiny', 1);
  const config = robotConfig(dir, {
    models: { backbone: 'tiny', cardsDir, allowDownload: false, ...settings.models },
    inference: settings.inference ?? {},
  });
  const { log, lines } = recordedLog();
  const answers = new Recorder<{ features: number } | { error: HeadlandError }>();
  const perception = new Perception<TestFrame>(
    perceptionSettings(config),
    {
      onPerceived: (_, { features }) => answers.add({ features: features.length }),
      onRefused: (_, error) => answers.add({ error }),
      onFailure: (error) => answers.end(error),
      onHeadLost: (_task, error) => answers.end(error),
    },
    log,
  );
  t.after(() => perception.stop());
  const { alarms, said } = recordedAlarms();
  const service = new BackboneService({ config, environment: {}, alarms, log });
  t.after(() => service.stop());
  const start = () => service.start(perception);
  const fetched = (): boolean =>
    lines.all.some(({ msg }) => msg.startsWith('fetching the backbone'));
  return {
    dir,
    cardsDir,
    cacheDir: config.paths.cacheDir,
    perception,
    answers,
    lines,
    start,
    said,
    fetched,
  };
}

describe('the backbone of the daemon', { timeout: TEST_HANG_MS }, () => {
  test('opens the backbone in the cache and fetches nothing', async (t) => {
    const { perception, answers, start, fetched } = await robot(t);
    const { name, featureSize, insteadOf } = await start();
    assert.deepEqual([name, featureSize, insteadOf], ['tiny', FEATURES, null]);
    assert.equal(fetched(), false);
    await perception.submit({ camera: 'main', region: null, jpeg: await drawPicture('crop', 1) });
    assert.deepEqual(answers.all, [{ features: FEATURES }]);
  });

  test('fetches a backbone that is missing', async (t) => {
    const { cacheDir, start, fetched, said } = await robot(t);
    await removeCachedModel(cacheDir, 'tiny');
    assert.equal((await start()).name, 'tiny');
    assert.deepEqual([fetched(), said], [true, []], 'a cache that was never filled is no alarm');
  });

  test('fetches a backbone that is damaged', async (t) => {
    const { cacheDir, cardsDir, start, fetched, said } = await robot(t);
    const file = join(cacheDir, 'backbones', 'tiny', modelFile(await loadCard('tiny', cardsDir)));
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    assert.equal((await start()).name, 'tiny');
    assert.equal(fetched(), true);
    assert.deepEqual(said, ['raised backbone warning HL_MODEL_CHECKSUM', 'cleared backbone']);
  });

  test('passes on what fetching cannot mend', async (t) => {
    const unknown = await robot(t, { models: { backbone: 'nobodys' } });
    await assert.rejects(unknown.start(), { code: 'HL_MODEL_CARD_UNKNOWN' });
    assert.equal(unknown.fetched(), false);
    const nowhere = await robot(t);
    await removeCachedModel(nowhere.cacheDir, 'tiny');
    writeFileSync(join(nowhere.cardsDir, 'tiny.onnx'), 'no model');
    await assert.rejects(nowhere.start(), { code: 'HL_MODEL_UNAVAILABLE' });
  });

  test('takes the 32-bit one while the 8-bit one has not been made', async (t) => {
    const { perception, start } = await robot(t, { models: { backbone: 'tiny-int8' } });
    const { name, insteadOf } = await start();
    assert.deepEqual([name, insteadOf], ['tiny', 'tiny-int8']);
    assert.equal(perception.unfit?.code, 'HL_MODEL_NOT_QUANTIZED');
  });

  test('fetches the 32-bit one where the 8-bit one does not fit this machine', async (t) => {
    const models = { backbone: 'tiny-int8' };
    const { cacheDir, cardsDir, perception, start, fetched } = await robot(t, { models });
    const { model, checksum, source, sourceSha256 } = await readCachedModel(
      await loadCard('tiny', cardsDir),
      cacheDir,
    );
    // A variant that computed something else where it was made.
    const golden = { features: new Array<number>(FEATURES).fill(1e3), maxRelativeError: 0.01 };
    await writeCachedModel(await loadCard('tiny-int8', cardsDir), cacheDir, {
      model,
      checksum,
      source,
      sourceSha256,
      variantGolden: golden,
      quantization: {},
    });
    await removeCachedModel(cacheDir, 'tiny');
    const { name, insteadOf } = await start();
    assert.deepEqual([name, insteadOf], ['tiny', 'tiny-int8']);
    assert.equal(perception.unfit?.code, 'HL_MODEL_INT8_DIFFERS');
    assert.equal(fetched(), true);
  });

  test('gives perception the limits and the fit of the configuration', async (t) => {
    const inference = { maxPictureBytes: 1_024, fit: 'crop' };
    const { perception, answers, start } = await robot(t, { inference });
    const cropped = await start();
    await perception.submit({ camera: 'main', region: null, jpeg: new Uint8Array(2_000) });
    const [answer] = answers.all;
    assert.equal(answer && 'error' in answer && answer.error.code, 'HL_PICTURE_TOO_LARGE');
    const squashed = await robot(t);
    assert.notEqual((await squashed.start()).checksum, cropped.checksum, 'other features');
  });
});
