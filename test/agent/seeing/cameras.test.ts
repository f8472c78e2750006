import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import sharp from 'sharp';
import { parse } from 'yaml';
import { TEST_HANG_MS } from '../../liveness.js';
import { Person, Rig } from '../daemon.js';

const LOWER_HALF = [
  [0, 0.5],
  [1, 0.5],
  [1, 1],
  [0, 1],
];

/** Brightest channel of any pixel in the lower half, without the row in which JPEG mixes halves. */
async function brightestBelow(picture: Uint8Array): Promise<number> {
  const { width, height } = await sharp(picture).metadata();
  const top = height / 2 + 4;
  const below = sharp(picture).extract({ left: 0, top, width, height: height - top });
  const { channels } = await sharp(await below.png().toBuffer()).stats();
  return Math.max(...channels.map(({ max }) => max));
}

test('two cameras at once, each with its own cut and mask, which nothing gets past', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const rig = await Rig.create(t);
  const settings = parse(readFileSync(rig.configFile, 'utf8'));
  const [replay] = settings.cameras;
  rig.writeConfig({
    ...settings,
    cameras: [
      { ...replay, name: 'left', masks: [LOWER_HALF], quality: { intervalMs: 1_000 } },
      {
        ...replay,
        name: 'right',
        quality: { intervalMs: 1_000 },
        crop: { left: 0.25, top: 0, width: 0.5, height: 1 },
      },
    ],
  });
  const daemon = await rig.start();
  const person = await Person.connect(t, daemon.mqttUrl);
  for (const camera of ['left', 'right']) {
    await person.until(
      ({ topic, body }) => topic === 'headland/r1/prediction' && body.camera === camera,
    );
    const { body: quality } = await person.until(
      ({ topic, body }) => topic === 'headland/r1/camera/quality' && body.camera === camera,
    );
    assert.equal(quality.condition, 'good', JSON.stringify(quality));
    assert.ok(quality.mean_luma > 0.2 && quality.sharpness > 0);
  }

  const seen = async (camera: string): Promise<Buffer> => {
    const { data } = await person.command('snapshot', { camera, include_picture: true });
    assert.equal(data.camera, camera);
    return Buffer.from(data.picture_base64, 'base64');
  };
  const [left, right] = [await seen('left'), await seen('right')];
  assert.deepEqual(await sizeOf(left), [48, 40]);
  assert.ok((await brightestBelow(left)) < 24);
  assert.deepEqual(await sizeOf(right), [24, 40]);
  assert.ok((await brightestBelow(right)) > 60);

  const { data: status } = await person.command('status');
  assert.deepEqual(
    status.cameras.map(
      (camera: { name: string; phase: string; quality: { condition: string } }) => [
        camera.name,
        camera.phase,
        camera.quality.condition,
      ],
    ),
    [
      ['left', 'running', 'good'],
      ['right', 'running', 'good'],
    ],
  );
  await daemon.stop();

  const store = rig.openSamples(t);
  const stored = store.list({ limit: 1_000 });
  assert.deepEqual([...new Set(stored.map(({ source }) => source))].sort(), ['left', 'right']);
  for (const { id, source } of stored) {
    if (source === 'left') assert.ok((await brightestBelow(store.picture(id)!)) < 24, id);
  }
});

async function sizeOf(picture: Uint8Array): Promise<[number, number]> {
  const { width, height } = await sharp(picture).metadata();
  return [width, height];
}
