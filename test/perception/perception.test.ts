import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadCard } from '../../src/backbone/card-folders.js';
import { Embedder } from '../../src/backbone/embedder.js';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { silentLog } from '../../src/base/log.js';
import { drawPicture, someHead } from '../training/fixture.js';
import { startPerception } from './support.js';

describe('Perception', () => {
  test('sees what training sees, bit by bit, from several cameras at full speed', async (t) => {
    const { perception, answers, settings } = await startPerception(t);
    const pictures = await Promise.all(
      Array.from({ length: 60 }, (_, i) => drawPicture(['crop', 'weed', 'stone'][i % 3]!, i)),
    );
    const cameras = ['left', 'front', 'right'];
    await Promise.all(
      cameras.map(async (camera, first) => {
        for (let i = first; i < pictures.length; i += cameras.length) {
          await perception.submit({ camera, region: null, jpeg: pictures[i]! });
        }
      }),
    );
    assert.equal(answers.length, pictures.length);
    const backbone = await openBackbone({
      card: await loadCard('tiny', settings.cardsDir),
      cacheDir: settings.cacheDir,
      threads: 1,
      log: silentLog(),
    });
    t.after(() => backbone.close());
    const embedder = new Embedder(backbone, {
      fit: settings.fit,
      maxBytes: settings.maxPictureBytes,
      maxPixels: settings.maxPicturePixels,
    });
    assert.equal(perception.backbone?.checksum, embedder.checksum);
    for (const { frame, perceived } of answers) {
      const { features } = await embedder.embedPicture(frame.jpeg);
      assert.deepEqual(perceived?.features, features);
    }
    assert.deepEqual(
      cameras.map((camera) => perception.dropped(camera)),
      [0, 0, 0],
    );
  });

  test('the newest frame of a camera takes the place of one that waits', async (t) => {
    const { perception, answers } = await startPerception(t);
    const jpegs = await Promise.all(Array.from({ length: 50 }, (_, i) => drawPicture('crop', i)));
    await Promise.all(
      jpegs.map((jpeg) => perception.submit({ camera: 'main', region: null, jpeg })),
    );
    assert.equal(answers.length + perception.dropped('main'), jpegs.length);
    assert.ok(perception.dropped('main') > 0);
    assert.equal(answers.at(-1)?.frame.jpeg, jpegs.at(-1));
  });

  test('frames of two regions of a camera do not replace each other', async (t) => {
    const { perception, answers } = await startPerception(t);
    const jpeg = await drawPicture('crop', 1);
    const regions = ['1', '2', '3'];
    const frames = regions.map((region) => ({ camera: 'main', region, jpeg }));
    await Promise.all(frames.map((frame) => perception.submit(frame)));
    assert.deepEqual(
      answers.map(({ frame }) => frame.region),
      regions,
    );
    assert.equal(perception.dropped('main'), 0);
    await Promise.all([...frames, ...frames, ...frames].map((frame) => perception.submit(frame)));
    assert.ok(perception.dropped('main') > 0, 'counted for the camera');
  });

  test('a limit of the rate holds frames back until it is lifted', async (t) => {
    const { perception, answers } = await startPerception(t);
    const [first, second, third] = await Promise.all(
      Array.from({ length: 3 }, (_, i) => drawPicture('crop', i)),
    );
    perception.limitRate(0.01);
    await perception.submit({ camera: 'main', region: null, jpeg: first! });
    const replaced = perception.submit({ camera: 'main', region: null, jpeg: second! });
    const last = perception.submit({ camera: 'main', region: null, jpeg: third! });
    await replaced;
    assert.equal(answers.length, 1);
    perception.limitRate(null);
    await last;
    assert.deepEqual(
      answers.map(({ frame }) => frame.jpeg),
      [first, third],
    );
  });

  test('requested frames begin whatever the limit, and no newer frame replaces one', async (t) => {
    const { perception, answers } = await startPerception(t);
    const [first, waiting, asked, askedToo, newer] = await Promise.all(
      Array.from({ length: 5 }, (_, i) => drawPicture('crop', i)),
    );
    const frame = (camera: string, jpeg: Uint8Array) => ({ camera, region: null, jpeg });
    const requested = (camera: string, jpeg: Uint8Array) => {
      return perception.submit({ ...frame(camera, jpeg), requested: true });
    };
    perception.limitRate(0.01);
    await perception.submit(frame('main', first!));
    const held = perception.submit(frame('rear', waiting!));
    // The first is being decoded when the second comes, which therefore waits.
    const both = [requested('left', asked!), requested('main', askedToo!)];
    await perception.submit(frame('main', newer!));
    assert.equal(perception.dropped('main'), 1);
    await Promise.all(both);
    assert.deepEqual(
      answers.map(({ frame: { jpeg } }) => jpeg),
      [first, asked, askedToo],
    );
    perception.limitRate(null);
    await held;
    assert.equal(answers.length, 4);
  });

  test('refuses what is no picture or too large, and goes on', async (t) => {
    const { perception, answers } = await startPerception(t, { maxPictureBytes: 2_048 });
    const good = await drawPicture('crop', 1);
    assert.ok(good.length < 2_048);
    const large = new Uint8Array(2_049);
    large.set(good);
    for (const jpeg of [new Uint8Array(), Buffer.from('dear diary'), large, good]) {
      await perception.submit({ camera: 'main', region: null, jpeg });
    }
    assert.deepEqual(
      answers.map(({ error }) => error?.code ?? null),
      ['HL_PICTURE_INVALID', 'HL_PICTURE_INVALID', 'HL_PICTURE_TOO_LARGE', null],
    );
  });

  test('a head that cannot decide is refused, and the one before goes on', async (t) => {
    const { perception, answers } = await startPerception(t);
    const jpeg = await drawPicture('crop', 1);
    const decidedBy = async () => {
      await perception.submit({ camera: 'main', region: null, jpeg });
      return answers.at(-1)?.perceived?.answers[0]?.decision.headVersion;
    };
    const head = { ...someHead(1), backboneChecksum: perception.backbone!.checksum };
    await perception.swapHead('main', { version: 1, head });
    assert.equal(await decidedBy(), 1);
    const refused = [
      { ...head, backboneChecksum: 'f'.repeat(64) },
      { ...head, featureSize: 7, weights: new Float32Array(2 * 7) },
    ];
    const codes = ['HL_HEAD_BACKBONE_MISMATCH', 'HL_FEATURES_MISMATCH'];
    for (const [index, other] of refused.entries()) {
      const swap = perception.swapHead('main', { version: 2, head: other });
      await assert.rejects(swap, { code: codes[index] });
      assert.equal(perception.serving('main')?.version, 1);
      assert.equal(await decidedBy(), 1);
    }
    await Promise.all([
      perception.swapHead('main', { version: 3, head }),
      perception.swapHead('main', { version: 4, head }),
    ]);
    assert.equal(perception.serving('main')?.version, 4);
    assert.equal(await decidedBy(), 4);
    await perception.swapHead('main', null);
    assert.equal(await decidedBy(), null);
    await perception.stop();
    await assert.rejects(perception.swapHead('main', { version: 5, head }), {
      code: 'HL_PERCEPTION_CRASHED',
    });
  });

  test('stops with frames in every stage, and settles them', async (t) => {
    const { perception } = await startPerception(t);
    const jpeg = await drawPicture('crop', 1);
    const settled = ['a', 'b', 'c', 'd'].map((camera) =>
      perception.submit({ camera, region: null, jpeg }),
    );
    await perception.stop();
    await Promise.all(settled);
    assert.equal(perception.busyForMs, 0);
  });
});
