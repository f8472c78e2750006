import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { prepareBackbone } from '../../../src/agent/seeing/prepare-backbone.js';
import { removeCachedModel } from '../../../src/backbone/cache.js';
import { sha256Hex } from '../../../src/base/hash.js';
import type { PullProgress } from '../../../src/models/pull-model.js';
import { recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { installBackbone } from '../../training/fixture.js';
import { robotConfig } from '../support.js';

/** A robot with nothing in its cache, whose card names `tiny.onnx`, in its own folder or on a mirror. */
async function robot(t: Parameters<typeof temporaryFolder>[0]) {
  const dir = temporaryFolder(t);
  const cardsDir = await installBackbone(dir, 'tiny', 1);
  const config = robotConfig(dir, {
    paths: { stateDir: dir, cacheDir: join(dir, 'empty') },
    models: { backbone: 'tiny', cardsDir, allowDownload: false },
  });
  const { log, lines } = recordedLog();
  const progress: PullProgress[] = [];
  const prepare = (environment: NodeJS.ProcessEnv = {}, name?: string) =>
    prepareBackbone(
      config,
      { log, environment, onProgress: (step) => progress.push(step) },
      ...(name === undefined ? [] : [name]),
    );
  /** From now on the card's file is to be had on mirrors only. */
  const onMirrorsOnly = (): void => {
    const card = JSON.parse(readFileSync(join(cardsDir, 'tiny.json'), 'utf8'));
    card.sources = card.sources.map((source: object) => ({
      ...source,
      kind: 'mirror',
      file: 'tiny.onnx',
    }));
    writeFileSync(join(cardsDir, 'tiny.json'), JSON.stringify(card));
  };
  const mirror = (name: string, content: 'intact' | 'damaged'): string => {
    const folder = join(dir, name);
    mkdirSync(folder);
    copyFileSync(join(cardsDir, 'tiny.onnx'), join(folder, 'tiny.onnx'));
    if (content === 'damaged') writeFileSync(join(folder, 'tiny.onnx'), 'no model');
    return folder;
  };
  return { dir, cardsDir, config, lines, progress, prepare, onMirrorsOnly, mirror };
}

describe('prepareBackbone', () => {
  test('fetches the configured backbone once; then it is there', async (t) => {
    const { progress, prepare } = await robot(t);
    const { path, checksum } = await prepare();
    assert.equal(sha256Hex(readFileSync(path)), checksum);
    assert.ok(progress.length > 0);
    progress.length = 0;
    assert.deepEqual((await prepare()).checksum, checksum);
    assert.equal(progress.length, 0, 'nothing is fetched again');
  });

  test('replaces a damaged one', async (t) => {
    const { lines, prepare } = await robot(t);
    const { path, checksum } = await prepare();
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    assert.equal((await prepare()).checksum, checksum);
    assert.equal(sha256Hex(readFileSync(path)), checksum);
    assert.match(JSON.stringify(lines.all), /HL_MODEL_CHECKSUM/);
  });

  test('asks the mirrors of the environment before those of the configuration', async (t) => {
    const { dir, config, mirror, onMirrorsOnly, prepare, progress } = await robot(t);
    config.models.mirrors.push(mirror('configured', 'intact'));
    onMirrorsOnly();
    const environment = mirror('environment', 'intact');
    await prepare({ HEADLAND_MODEL_MIRRORS: environment });
    assert.deepEqual(
      [...new Set(progress.map(({ source }) => source.includes(environment)))],
      [true],
    );
    await removeCachedModel(config.paths.cacheDir, 'tiny');
    const damaged = mirror('damaged', 'damaged');
    await prepare({ HEADLAND_MODEL_MIRRORS: `${join(dir, 'nowhere')}, ${damaged}` });
    assert.match(progress.at(-1)!.source, /configured/);
  });

  test('names every source that it tried, and leaves the cache as it was', async (t) => {
    const { cardsDir, prepare } = await robot(t);
    renameSync(join(cardsDir, 'tiny.onnx'), join(cardsDir, 'gone.onnx'));
    await assert.rejects(
      prepare(),
      (error: Error & { code?: string }) =>
        error.code === 'HL_MODEL_UNAVAILABLE' && error.message.includes('tiny.onnx'),
    );
  });

  test('finds another one by name, also among those that were added to the robot', async (t) => {
    const { dir, cardsDir, prepare } = await robot(t);
    const added = join(dir, 'backbones');
    mkdirSync(added);
    const card = JSON.parse(readFileSync(join(cardsDir, 'tiny.json'), 'utf8'));
    writeFileSync(join(added, 'mine.json'), JSON.stringify({ ...card, name: 'mine' }));
    assert.match((await prepare({}, 'mine')).path, /mine/);
    await assert.rejects(prepare({}, 'nobodys'), { code: 'HL_MODEL_CARD_UNKNOWN' });
    await assert.rejects(prepare({}, 'tiny-int8'), { code: 'HL_MODEL_NOT_QUANTIZED' });
  });
});
