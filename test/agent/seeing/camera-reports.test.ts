import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { CameraReports, cameraQualityMessage } from '../../../src/agent/seeing/camera-reports.js';
import { PictureMask } from '../../../src/camera/stage/picture-mask.js';
import { type CameraQuality, QualityWatch } from '../../../src/camera/stage/quality-watch.js';
import type { CameraQualityBody, EventBody } from '../../../src/telemetry/contract/messages.js';
import { pictureSettings } from '../../camera/support.js';
import { recordedLog } from '../../recorder.js';
import { outgoing } from '../support.js';

const LIMITS = { maxBytes: 1_000_000, maxPixels: 1_000_000 };

function plain(level: number): Promise<Uint8Array> {
  const background = { r: level, g: level, b: level };
  return sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

/** A fine chequer: sharp and of middle brightness. */
function chequer(): Promise<Uint8Array> {
  const [width, height] = [64, 48];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return (((pixel % width) >> 2) + (Math.floor(pixel / width) >> 2)) % 2 ? 170 : 60;
  });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
}

/** A camera whose pictures are measured, and everything that is said about it. */
function watched() {
  const { log, lines } = recordedLog();
  const said = { quality: [] as CameraQualityBody[], events: [] as EventBody[] };
  const reports = new CameraReports(
    {
      cameraQuality: (body) => said.quality.push(body),
      event: (body) => said.events.push(body),
    },
    log,
  );
  const changes: boolean[] = [];
  const { quality: settings } = pictureSettings();
  const watch = new QualityWatch(settings, new PictureMask([]), LIMITS, (quality) =>
    changes.push(reports.measured('front', quality)),
  );
  let nowMs = 0;
  /** As often as it takes until one condition is believed. */
  const show = async (picture: Uint8Array): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      nowMs += settings.intervalMs;
      await watch.observe(picture, 1_700_000_000_000 + nowMs, nowMs);
    }
  };
  return { show, said, changes, lines };
}

describe('reports of cameras', () => {
  test('name what is the matter once, with advice, and when it is over', async () => {
    const { show, said, changes, lines } = watched();
    await show(await chequer());
    assert.equal(said.events.length, 0, 'a camera that begins well is no event');
    for (const picture of [
      await plain(2),
      await plain(255),
      Uint8Array.of(1, 2),
      await chequer(),
    ]) {
      await show(picture);
    }
    const conditions = ['dark', 'overexposed', 'garbage', 'good'];
    assert.deepEqual(
      said.events.map(({ details }) => details.condition),
      conditions,
    );
    assert.deepEqual(
      said.events.map(({ details }) => details.before),
      ['good', 'dark', 'overexposed', 'garbage'],
    );
    for (const event of said.events) {
      assert.equal(outgoing('event', event).kind, 'camera');
      assert.match(event.message, /^camera front: its pictures/);
      assert.equal(event.severity, event.details.condition === 'good' ? 'info' : 'warning');
    }
    assert.deepEqual(
      lines.all.map(({ level, condition }) => [level, condition]),
      conditions.map((condition) => [condition === 'good' ? 30 : 40, condition]),
    );
    assert.equal(changes.filter(Boolean).length, 1 + conditions.length);
    assert.equal(said.quality.length, changes.length, 'every measurement is said');
  });

  test('a camera that begins badly is an event', async () => {
    const { show, said } = watched();
    await show(await plain(2));
    assert.deepEqual(said.events[0]?.details, { camera: 'front', condition: 'dark', before: null });
  });

  test('measurements go out as the contract has them', async () => {
    const { show, said } = watched();
    await show(await chequer());
    await show(Uint8Array.of(0));
    for (const body of said.quality) outgoing('camera_quality', body);
    const [good] = said.quality;
    assert.equal(good?.condition, 'good');
    assert.ok(good.mean_luma! > 0.2 && good.mean_luma! < 0.7, String(good.mean_luma));
    assert.equal(good.sharpness, Number(good.sharpness?.toPrecision(3)), 'three digits');
    const garbage = said.quality.at(-1)!;
    assert.deepEqual(
      [garbage.condition, garbage.mean_luma, garbage.saturation, garbage.sharpness],
      ['garbage', null, null, null],
    );
    const unknown: CameraQuality = {
      condition: null,
      measuredAtMs: 0,
      measured: null,
      usualSharpness: 0.012_345,
    };
    const { condition, usual_sharpness, captured_at } = outgoing(
      'camera_quality',
      cameraQualityMessage('front', unknown),
    );
    assert.deepEqual(
      [condition, usual_sharpness, captured_at],
      [null, 0.0123, '1970-01-01T00:00:00.000Z'],
    );
  });
});
