import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { loadCard } from '../../src/backbone/card-folders.js';
import { Embedder } from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { pullModel } from '../../src/models/pull-model.js';
import { parseMirrors } from '../../src/models/sources/plan.js';
import { verifyModel } from '../../src/models/verify-model.js';
import { temporaryFolder } from '../temporary-folder.js';
import { fixture, pullOptions, sharedDir } from './support.js';

const about = JSON.parse(readFileSync(fixture('lite0-photos.json'), 'utf8')) as {
  fit: 'squash' | 'crop';
  photos: { photo: string; rgbSha256: string }[];
};

test('EfficientNet-Lite0 from its package gives PyTorch features on ten photos', async (t) => {
  const grocery = sharedDir('data/grocery');
  if (grocery === null) return t.skip('../shared/data/grocery is absent');
  const cacheDir = temporaryFolder(t);
  const card = await loadCard('efficientnet-lite0', null);
  const mirrors = parseMirrors(process.env.HEADLAND_MODEL_MIRRORS);
  try {
    await pullModel(card, pullOptions(cacheDir, { mirrors, downloadTimeoutMs: 120_000 }));
  } catch (error) {
    // Without a network there is nothing to test; any other failure is one.
    if (!isHeadlandError(error, 'HL_MODEL_UNAVAILABLE')) throw error;
    const tried = error.details.tried as { code: string }[];
    if (tried.some(({ code }) => code !== 'HL_MODEL_SOURCE_FAILED')) throw error;
    return t.skip(`no source can be reached: ${error.message}`);
  }
  assert.equal((await verifyModel(card, cacheDir)).golden, true);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  t.after(() => backbone.close());
  const embedder = new Embedder(backbone, {
    fit: about.fit,
    maxBytes: 8_388_608,
    maxPixels: 25_000_000,
  });
  const oracle = new Float32Array(
    Uint8Array.from(readFileSync(fixture('lite0-photos.f32'))).buffer,
  );
  let greatest = 0;
  for (const [row, { photo, rgbSha256 }] of about.photos.entries()) {
    const { image, features } = await embedder.embedPicture(readFileSync(join(grocery, photo)));
    if (createHash('sha256').update(image.data).digest('hex') !== rgbSha256) {
      const say = `the decoder makes other pixels of ${photo} than those PyTorch was given`;
      // Elsewhere another SIMD path may round another way; here it means that decoding changed.
      if (process.platform === 'linux' && process.arch === 'x64') {
        assert.fail(`${say}: run fixtures/write_oracles.py again`);
      }
      return t.skip(say);
    }
    for (let i = 0; i < features.length; i++) {
      const wanted = oracle[row * features.length + i]!;
      greatest = Math.max(greatest, Math.abs(features[i]! - wanted));
    }
  }
  t.diagnostic(`greatest difference ${greatest}`);
  assert.ok(greatest <= 1e-3, `greatest difference ${greatest}`);
});
