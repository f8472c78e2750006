import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { CHECK_NAMES } from '../../../src/agent/doctor/every-check.js';
import { CameraPictures } from '../../../src/agent/seeing/camera-pictures.js';
import { configSchema } from '../../../src/config/schema.js';
import { ask } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { SettingsPage } from '../settings/page.js';

describe('the robot behind its page', { timeout: TEST_HANG_MS }, () => {
  test('runs the checks, one run at a time, and keeps their report over a restart', async (t) => {
    const page = await SettingsPage.open(t, { console: { port: await freePort() } });
    assert.deepEqual((await page.get('doctor')).finishedAtMs, null);
    assert.equal((await page.post('doctor')).status, 202);
    const twice = await page.post('doctor');
    assert.deepEqual([twice.status, twice.json.error.code], [409, 'HL_DOCTOR_RUNNING']);
    const seen = new Set<string>();
    const report = await page.until('doctor', ({ check, running }) => {
      if (check !== null) seen.add(check);
      return !running;
    });
    assert.deepEqual(
      report.checks.map(({ name }: { name: string }) => name),
      CHECK_NAMES,
    );
    assert.ok(seen.size > 0, 'its progress was seen');
    const cameras = report.checks.find(({ name }: { name: string }) => name === 'cameras');
    assert.equal(cameras.findings[0].subject, 'main');
    await page.post('restart');
    await page.until('settings', () => true);
    const after = await page.until('doctor', ({ finishedAtMs }) => finishedAtMs !== null);
    assert.deepEqual(after.checks, report.checks);
  });

  test('tells its log in words, and what has happened, also before a restart', async (t) => {
    const cameras = [{ driver: 'replay', path: '/nowhere', name: 'lost' }];
    const page = await SettingsPage.open(t, { cameras, console: { port: await freePort() } });
    const { records, newest } = await page.get('log');
    const ready = records.find(({ message }: { message: string }) => message === 'ready');
    assert.match(ready.facts, /cameras=1/);
    assert.ok(newest >= ready.sequence);
    const alarms = await page.until('events?kind=camera', ({ events }) => events.length > 0);
    assert.match(alarms.events[0].message.text, /\/nowhere/);
    assert.equal(alarms.events[0].message.key, 'event.alarm_raised');
    const late = await page.get(`log?after=${newest}`);
    assert.ok(late.records.every(({ sequence }: { sequence: number }) => sequence > newest));
    await page.post('restart');
    await page.daemon.logged(({ msg }) => msg === 'starting again');
    const kept = await page.until('events?kind=change', ({ events }) => events.length === 2);
    assert.match(kept.events[1].message.text, /^headland .* has started$/);
  });

  test('shows whole pictures, and divides them in another way without saving it', async (t) => {
    const crop = { left: 0.5, top: 0, width: 0.5, height: 1 };
    const page = await SettingsPage.open(t, { console: { port: await freePort() } });
    await page.until('cameras/main/regions', () => true);
    const still = await ask(`${page.url}/api/robot/cameras/main/still.jpg`);
    const whole = await sharp(still.bytes).metadata();
    assert.ok(Number(still.headers['x-headland-captured-at-ms']) > 1_600_000_000_000);
    const layout = { crop, regions: { columns: 2, rows: 1 }, masks: [] };
    const { json } = await page.post('cameras/main/preview', layout);
    assert.deepEqual(
      json.pictures.map(({ region }: { region: string }) => region),
      ['1', '2'],
    );
    const cut = await sharp(Buffer.from(json.pictures[0].base64, 'base64')).metadata();
    assert.deepEqual([cut.width, cut.height], [whole.width / 4, whole.height]);
    const before = await page.get('cameras/main/regions');
    assert.deepEqual([before.crop, before.regions], [null, []]);
    const wrong = { ...layout, crop: { ...crop, left: 0.9 } };
    const refused = await page.post('cameras/main/preview', wrong);
    assert.match(refused.json.error.message, /left \+ width must not exceed 1/);

    const { checksum } = before;
    const written = await page.post('cameras/main/regions', { checksum, ...layout });
    assert.equal(written.status, 200, JSON.stringify(written.json));
    await page.settled();
    const after = await page.get('cameras/main/regions');
    assert.deepEqual(
      after.boxes.map(({ name, left }: { name: string; left: number }) => [name, left]),
      [
        ['1', 0],
        ['2', 0.5],
      ],
    );
    assert.equal((await ask(`${page.url}/api/robot/cameras/none/still.jpg`)).status, 404);
  });

  test('lists alert rules with what they can be made of, and refuses a test without an output', async (t) => {
    const rules = [{ name: 'stop', on: ['camera_lost'], holdMs: 0 }];
    const settings = { alerts: { rules }, cameras: [{ driver: 'replay', path: '/nowhere' }] };
    const page = await SettingsPage.open(t, settings);
    const { rules: listed, choices } = await page.until(
      'alerts',
      (body) => body.rules[0].raised.length > 0,
    );
    assert.deepEqual(
      [listed[0].name, listed[0].raised[0].condition, listed[0].raised[0].acknowledged],
      ['stop', 'camera_lost', false],
    );
    assert.deepEqual(choices.cameras, [{ name: 'main', regions: [] }]);
    assert.equal((await page.post('alerts/acknowledge', {})).json.acknowledged, 1);
    const none = await page.post('outputs/horn/test', { seconds: 1 });
    assert.deepEqual([none.status, none.json.error.code], [404, 'HL_OUTPUT_UNKNOWN']);
    const long = await page.post('outputs/horn/test', { seconds: 11 });
    assert.equal(long.status, 400);
    const command = await page.post('alerts/stop/test');
    assert.equal(command.json.error.code, 'HL_ALERT_RULE_UNKNOWN');
  });

  test('serves twelve cameras at once', async (t) => {
    const page = await SettingsPage.open(t, { console: { port: await freePort() } });
    const path = page.rig.photosDir;
    const cameras = Array.from({ length: 12 }, (_, index) => {
      return { driver: 'replay', name: `c${index + 1}`, path, intervalMs: 500 };
    });
    const { json } = await page.change({ path: ['cameras'], value: cameras });
    assert.equal(json.effect, 'reload', JSON.stringify(json));
    await page.settled();
    const status = async () =>
      (await ask(`${page.url}/api/status`)).json as {
        cameras: { name: string; framesPerSecond: number; framesTotal: number }[];
      };
    for (;;) {
      const { cameras: now } = await status();
      assert.equal(now.length, 12);
      if (now.every(({ framesTotal, framesPerSecond }) => framesTotal > 2 && framesPerSecond > 0))
        break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
});

test('cameras of this machine are told apart from those of the settings', async () => {
  const { cameras } = configSchema.parse({
    cameras: [
      { driver: 'ffmpeg', name: 'front', input: '/dev/video2' },
      { driver: 'rpicam', name: 'boom', cameraIndex: 1 },
    ],
  });
  const running = cameras.map((config) => ({ config, supervisor: { latest: null } }));
  const found = [
    { settings: { driver: 'rpicam', cameraIndex: 0 }, description: 'CSI camera 0' },
    { settings: { driver: 'rpicam', cameraIndex: 1 }, description: 'CSI camera 1' },
    { settings: { driver: 'ffmpeg', input: '/dev/video2' }, description: 'UVC' },
  ] as const;
  const pictures = new CameraPictures(running, configSchema.parse({}), async () => [...found]);
  assert.deepEqual(
    (await pictures.found()).map(({ camera }) => camera),
    [null, 'boom', 'front'],
  );
});
