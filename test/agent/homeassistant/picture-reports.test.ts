import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { PictureReports } from '../../../src/agent/reporting/picture-reports.js';
import { silentLog } from '../../../src/base/log.js';
import type { RepeatedWork } from '../../../src/base/timers/scheduler.js';
import type { WholePicture } from '../../../src/camera/supervisor.js';
import { isNear, paintJpeg, pixelsIn } from '../../camera/pictures.js';
import { robotConfig } from '../support.js';

const RED = [200, 20, 20] as const;
const BLUE = [20, 20, 200] as const;
const BLACK = [0, 0, 0] as const;
const PICTURED = { homeAssistant: { enabled: true, pictureIntervalMs: 1_000 } };

/** Cameras that show what the test gives them, and what was sent of it. */
function reports(cameras: Record<string, unknown>[], mqtt: Record<string, unknown> = PICTURED) {
  const config = robotConfig('/nowhere', {
    cameras: cameras.map((camera) => ({ driver: 'simulated', ...camera })),
    mqtt,
  });
  const shown = config.cameras.map((settings) => {
    const supervisor = {
      latest: null as WholePicture | null,
      framesTotal: 0,
      state: () => ({ framesTotal: supervisor.framesTotal }),
    };
    return { config: settings, supervisor };
  });
  const telemetry = {
    connected: true,
    isSlow: false,
    sent: [] as { camera: string; jpeg: Uint8Array }[],
    picture(camera: string, jpeg: Uint8Array): boolean {
      if (!telemetry.isSlow) telemetry.sent.push({ camera, jpeg });
      return !telemetry.isSlow;
    },
  };
  const work: RepeatedWork[] = [];
  const repeats = {
    every(each: RepeatedWork) {
      work.push(each);
      return { stop: async () => {} };
    },
  };
  const made = new PictureReports({ config, cameras: shown, telemetry, repeats, log: silentLog() });
  made.start();
  const show = (picture: Uint8Array, index = 0): void => {
    const { supervisor } = shown[index]!;
    supervisor.latest = { picture, capturedAtMs: 0 };
    supervisor.framesTotal += 1;
  };
  return { work, telemetry, show, send: () => made.send() };
}

const leftRed = (width: number, height: number) =>
  paintJpeg(width, height, (x) => (x < width / 2 ? RED : BLUE));

describe('pictures for Home Assistant', () => {
  test('none is made unless the settings ask for it', () => {
    for (const homeAssistant of [{}, { enabled: true }, { pictureIntervalMs: 1_000 }]) {
      assert.deepEqual(reports([{}], { homeAssistant }).work, []);
    }
    const [work] = reports([{}]).work;
    assert.equal(work?.intervalMs, 1_000);
  });

  test('what the camera crops and masks is in no picture, and its regions are not cut', async () => {
    const { telemetry, show, send } = reports([
      {
        crop: { left: 0, top: 0, width: 1, height: 0.5 },
        masks: [
          [
            [0, 0],
            [0.5, 0],
            [0.5, 1],
            [0, 1],
          ],
        ],
        regions: { columns: 2, rows: 1 },
      },
    ]);
    show(await leftRed(400, 400));
    await send();
    const [{ jpeg } = { jpeg: new Uint8Array() }] = telemetry.sent;
    const { width, height } = await sharp(jpeg).metadata();
    assert.deepEqual([width, height], [400, 200]);
    const { at } = await pixelsIn(jpeg);
    assert.ok(isNear(at(50, 100), BLACK), 'masked');
    assert.ok(isNear(at(350, 100), BLUE), 'not masked');
  });

  test('a picture is small, a JPEG and without EXIF', async () => {
    const { telemetry, show, send } = reports([{}, { name: 'rear' }]);
    // Noise is what a JPEG saves least of, and a smaller picture of it would be even.
    const noise = randomBytes(640 * 640 * 3);
    const raw = { raw: { width: 640, height: 640, channels: 3 } } as const;
    show(
      await sharp(noise, raw)
        .withExif({ IFD0: { Artist: 'somebody' } })
        .png()
        .toBuffer(),
    );
    show(
      await sharp(Buffer.from(await leftRed(64, 48)))
        .withExif({ IFD0: { Artist: 'somebody' } })
        .jpeg()
        .toBuffer(),
      1,
    );
    await send();
    assert.deepEqual(
      telemetry.sent.map(({ camera }) => camera),
      ['main', 'rear'],
    );
    for (const { jpeg } of telemetry.sent) {
      assert.ok(jpeg.length <= 131_072, `${jpeg.length} bytes`);
      const { format, width, exif } = await sharp(jpeg).metadata();
      assert.deepEqual([format, exif], ['jpeg', undefined]);
      assert.ok(width <= 640);
    }
    assert.equal((await sharp(telemetry.sent[1]!.jpeg).metadata()).width, 64, 'not enlarged');
    show(await leftRed(1_280, 960));
    await send();
    assert.equal((await sharp(telemetry.sent[2]!.jpeg).metadata()).width, 640);
  });

  test('only a new picture is sent, and one that did not go out goes with the next run', async () => {
    const { telemetry, show, send } = reports([{}]);
    await send();
    assert.equal(telemetry.sent.length, 0, 'there is none yet');
    show(await leftRed(64, 48));
    telemetry.connected = false;
    await send();
    telemetry.connected = true;
    telemetry.isSlow = true;
    await send();
    telemetry.isSlow = false;
    await send();
    await send();
    assert.equal(telemetry.sent.length, 1);
    show(await leftRed(64, 48));
    await send();
    assert.equal(telemetry.sent.length, 2);
  });

  test('a damaged picture of one camera keeps none of another back', async () => {
    const { telemetry, show, send } = reports([{}, { name: 'rear' }]);
    show(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 1, 2, 3));
    show(await leftRed(64, 48), 1);
    await send();
    assert.deepEqual(
      telemetry.sent.map(({ camera }) => camera),
      ['rear'],
    );
  });
});
