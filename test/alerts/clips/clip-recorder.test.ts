import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { ClipFolder } from '../../../src/alerts/clips/clip-folder.js';
import { ClipRecorder, type SavedClip } from '../../../src/alerts/clips/clip-recorder.js';
import type { HeadlandError } from '../../../src/base/errors.js';
import { configSchema } from '../../../src/config/schema.js';
import { needsTool } from '../../camera/support.js';
import { temporaryFolder } from '../../temporary-folder.js';

const picture = await sharp({
  create: { width: 64, height: 48, channels: 3, background: 'green' },
})
  .jpeg()
  .toBuffer();
const DATE = new Date(Date.UTC(2026, 4, 4));
const MAIN = { camera: 'main', region: null };

/** Clips of a second before and half a second after. */
function recorder(path: string, clips: object = {}, more: object = {}) {
  const clip = { beforeSeconds: 1, afterSeconds: 0.5 };
  const { alerts } = configSchema.parse({
    alerts: {
      rules: [{ name: 'weeds', labels: ['weed'], clip, ...more }],
      clips: { minIntervalMs: 0, ...clips },
    },
  });
  const folder = new ClipFolder(
    path,
    { maxBytes: alerts.clips.maxBytes, minFreeBytes: 0 },
    () => null,
  );
  folder.open();
  const saved: SavedClip[] = [];
  const failures: HeadlandError[] = [];
  const part = new ClipRecorder({
    settings: alerts,
    folder,
    onSaved: (each) => void saved.push(each),
    onFailure: (error) => void failures.push(error),
  });
  return { part, rule: alerts.rules[0]!, saved, failures };
}

describe('clips', () => {
  test('hold the seconds before the alert and after it', async (t) => {
    if (!needsTool(t, 'ffprobe')) return;
    const path = temporaryFolder(t);
    const { part, rule, saved } = recorder(path);
    for (let atMs = 0; atMs <= 3_000; atMs += 100) {
      part.add(MAIN, picture, atMs);
      if (atMs === 2_000) {
        const file = part.start(rule, MAIN, atMs, DATE);
        assert.equal(file, '000001-20260504T000000Z-weeds-main.avi');
      }
    }
    await part.close();
    const [clip, ...others] = saved;
    assert.deepEqual(others, []);
    // From 1.0 s to 2.5 s.
    assert.deepEqual([clip?.rule, clip?.frames, clip?.durationMs], ['weeds', 16, 1_520]);
    assert.deepEqual(readdirSync(path), [clip?.file]);
    const { stdout } = spawnSync('ffprobe', [
      ...'-v error -count_frames -of csv=p=0 -show_entries stream=nb_read_frames'.split(' '),
      join(path, clip!.file),
    ]);
    assert.equal(stdout.toString().trim(), '16');
  });

  test('of a lost camera show what it saw last', async (t) => {
    const { part, rule, saved } = recorder(temporaryFolder(t));
    for (let atMs = 0; atMs <= 2_000; atMs += 100) part.add(MAIN, picture, atMs);
    for (let atMs = 2_000; atMs <= 20_000; atMs += 1_000)
      part.add({ camera: 'rear', region: null }, picture, atMs);
    assert.ok(part.start(rule, MAIN, 20_000, DATE));
    part.tick(20_501);
    await part.close();
    assert.deepEqual(
      saved.map(({ frames }) => frames),
      [11],
    );
  });

  test('are one for the alerts of a time, and keep their distance', async (t) => {
    const { part, rule, saved } = recorder(temporaryFolder(t), { minIntervalMs: 5_000 });
    part.add(MAIN, picture, 0);
    const first = part.start(rule, MAIN, 0, DATE);
    assert.equal(part.start(rule, MAIN, 400, DATE), first);
    part.tick(501);
    assert.equal(part.start(rule, MAIN, 4_999, DATE), null);
    const second = part.start(rule, MAIN, 5_000, DATE);
    assert.match(second ?? '', /^000002-/);
    await part.close();
    assert.deepEqual(
      saved.map(({ file }) => file),
      [first, second],
    );
  });

  test('are of the region of the alert, or of the first one of a camera that has regions', async (t) => {
    const { part, rule } = recorder(temporaryFolder(t));
    for (const region of ['left', 'right']) part.add({ camera: 'boom', region }, picture, 0);
    assert.match(
      part.start(rule, { camera: 'boom', region: 'right' }, 0, DATE) ?? '',
      /boom-right/,
    );
    assert.match(part.start(rule, { camera: 'boom', region: null }, 0, DATE) ?? '', /boom-left/);
    assert.equal(part.start(rule, { camera: 'front', region: null }, 0, DATE), null, 'no frames');
    await part.close();
  });

  test('take no frames of cameras that no rule with a clip watches, nor other pictures', async (t) => {
    const { part } = recorder(temporaryFolder(t), {}, { camera: 'main' });
    part.add({ camera: 'rear', region: null }, picture, 0);
    part.add(MAIN, await sharp(picture).png().toBuffer(), 0);
    assert.equal(part.bytes, 0);
    part.add(MAIN, picture, 0);
    assert.equal(part.bytes, picture.byteLength);
  });

  test('that find no frame in memory any more are a failure, not a silence', async (t) => {
    const { part, rule, saved, failures } = recorder(temporaryFolder(t), { ringMaxBytes: 65_536 });
    part.add(MAIN, picture, 0);
    assert.ok(part.start(rule, MAIN, 0, DATE));
    part.add({ camera: 'rear', region: null }, padded(65_536), 10);
    await part.close();
    assert.deepEqual(saved, []);
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['HL_CLIP_UNWRITABLE'],
    );
  });

  test('never keep more frames in memory than they may, whatever comes', (t) => {
    const path = temporaryFolder(t);
    const frame = fc.record({
      camera: fc.constantFrom('a', 'b', 'c'),
      bytes: fc.integer({ min: picture.byteLength, max: 40_000 }),
      waitMs: fc.integer({ min: 0, max: 400 }),
      alert: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
        const { part, rule } = recorder(path, { ringMaxBytes: 65_536 });
        let nowMs = 0;
        for (const { camera, bytes, waitMs, alert } of frames) {
          nowMs += waitMs;
          part.add({ camera, region: null }, padded(bytes), nowMs);
          assert.ok(part.bytes <= 65_536, `${part.bytes}`);
          if (alert) part.start(rule, { camera, region: null }, nowMs, DATE);
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** The picture with bytes after its end. */
function padded(bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  data.set(picture);
  return data;
}
