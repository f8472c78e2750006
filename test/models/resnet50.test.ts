import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { loadCard } from '../../src/backbone/card-folders.js';
import { drawCheckPicture } from '../../src/backbone/check-picture.js';
import { type ModelCard, parseCard } from '../../src/backbone/model-card.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { pullModel } from '../../src/models/pull-model.js';
import { resnetLike, SIDE } from '../backbone/networks.js';
import { encodeModel, identity, pullOptions } from '../backbone/support.js';
import { temporaryFolder } from '../temporary-folder.js';

const FILE = 'resnet50-v1-12.onnx';

/** The card that comes along, for a small network of the same shape. */
async function smallCard(bytes: Uint8Array): Promise<ModelCard> {
  const card = await loadCard('resnet50', null);
  const sources = card.sources.map((source) => ({ ...source, ...identity(bytes) }));
  return parseCard({ ...card, inputSize: SIDE, featureSize: 32, sources }, 'test');
}

test('the card names a mirror, several addresses and one checksum', async () => {
  const { sources, tap } = await loadCard('resnet50', null);
  assert.equal(tap, 'auto');
  assert.equal(new Set(sources.map(({ sha256, bytes }) => `${sha256} ${bytes}`)).size, 1);
  assert.equal(sources[0]?.kind === 'mirror' && sources[0].file, FILE);
  const addresses = sources.flatMap((source) => (source.kind === 'https' ? [source.url] : []));
  assert.ok(new Set(addresses.map((url) => new URL(url).host)).size >= 2);
  for (const url of addresses) assert.ok(url.endsWith(`/${FILE}`), url);
});

test('from a mirror it is tapped before its last layer, wherever that is', async (t) => {
  const dir = temporaryFolder(t);
  const cacheDir = join(dir, 'cache');
  const bytes = encodeModel(resnetLike());
  await mkdir(join(dir, 'mirror'));
  await writeFile(join(dir, 'mirror', FILE), bytes);
  const card = await smallCard(bytes);
  const mirrors = [join(dir, 'mirror')];
  await pullModel(card, pullOptions(cacheDir, { mirrors, allowDownload: false }));
  const log = silentLog();
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log });
  t.after(() => backbone.close());
  const features = await backbone.embed(drawCheckPicture(SIDE));
  assert.equal(features.length, 32);
  // Of a ReLU: the features, not the answers behind them.
  assert.ok(features.every((value) => value >= 0));
  assert.ok(features.some((value) => value > 0));
});

test('another file under its name is refused, whatever offers it', async (t) => {
  const dir = temporaryFolder(t);
  await writeFile(join(dir, FILE), encodeModel(resnetLike()));
  const card = await loadCard('resnet50', null);
  const limits = { allowDownload: false, maxBytes: 500_000_000 };
  const options = pullOptions(join(dir, 'cache'), { mirrors: [dir], ...limits });
  await assert.rejects(pullModel(card, options), (error) => {
    assert.ok(isHeadlandError(error, 'HL_MODEL_UNAVAILABLE'));
    const tried = error.details.tried as { source: string; code: string }[];
    const here = tried.filter(({ source }) => source === `mirror ${join(dir, FILE)}`);
    assert.deepEqual(
      here.map(({ code }) => code),
      ['HL_MODEL_CHECKSUM'],
      'a mirror is asked once for a file that several addresses have',
    );
    return true;
  });
});
