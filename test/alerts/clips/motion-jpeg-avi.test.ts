import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { jpegSize, motionJpegAvi } from '../../../src/alerts/clips/motion-jpeg-avi.js';
import { needsTool } from '../../camera/support.js';
import { temporaryFolder } from '../../temporary-folder.js';

/** A JPEG of noise around a grey; its length is odd or even as it comes. */
function grey(level: number, width = 64, height = 48): Promise<Buffer> {
  const background = { r: level, g: level, b: level };
  return sharp({ create: { width, height, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

test('ffmpeg reads every frame of a clip, each with its picture and at its time', async (t) => {
  if (!needsTool(t, 'ffprobe')) return;
  const timesMs = [5_000, 5_100, 5_200, 5_340, 8_000, 8_020];
  const levels = [0, 50, 100, 150, 200, 250];
  const frames = await Promise.all(
    levels.map(async (level, index) => ({ jpeg: await grey(level), atMs: timesMs[index]! })),
  );
  const video = motionJpegAvi(frames);
  assert.ok(video);
  assert.deepEqual([video.frames, video.durationMs], [6, 3_040]);
  const file = join(temporaryFolder(t), 'clip.avi');
  writeFileSync(file, Buffer.concat(video.parts));

  const probe = spawnSync('ffprobe', [
    // Warnings are about single JPEGs: ffprobe has one also for those of sharp alone.
    ...'-v error -select_streams v -of json -show_entries stream=codec_name,width,height:frame=pts_time,key_frame'.split(
      ' ',
    ),
    file,
  ]);
  assert.equal(probe.stderr.toString(), '', 'no complaint');
  const { streams, frames: shown } = JSON.parse(probe.stdout.toString());
  assert.equal(streams[0].codec_name, 'mjpeg');
  assert.deepEqual([streams[0].width, streams[0].height], [64, 48]);
  assert.deepEqual(
    shown.map((frame: { pts_time: string }) => Math.round(1_000 * Number(frame.pts_time))),
    timesMs.map((ms) => ms - 5_000),
  );

  const pixels = spawnSync('ffmpeg', [
    ...'-v error -i'.split(' '),
    file,
    ...'-fps_mode passthrough -vf scale=1:1 -pix_fmt gray -f rawvideo -'.split(' '),
  ]);
  assert.equal(pixels.stderr.toString(), '');
  assert.equal(pixels.stdout.length, 6);
  for (const [index, level] of levels.entries())
    assert.ok(Math.abs(pixels.stdout[index]! - level) < 12, `${pixels.stdout[index]} of ${level}`);
});

test('every entry of the index points at the chunk that it describes, at an even place', async () => {
  const jpegs = await Promise.all([1, 60, 120].map((level) => grey(level)));
  const frames = jpegs.flatMap((jpeg, n) => [
    { jpeg, atMs: 100 * n },
    { jpeg: jpeg.subarray(0, -1), atMs: 100 * n + 20 },
  ]);
  const video = motionJpegAvi(frames)!;
  const bytes = Buffer.concat(video.parts);
  assert.equal(video.bytes, bytes.length);
  assert.ok(
    frames.every(({ jpeg }) => video.parts.includes(jpeg)),
    'no picture is copied',
  );
  assert.equal(bytes.readUInt32LE(4), bytes.length - 8);
  const movie = bytes.indexOf('movi');
  const index = bytes.indexOf('idx1');
  assert.equal(index, movie - 4 + bytes.readUInt32LE(movie - 4) + 4, 'the list ends there');
  const entries = bytes.readUInt32LE(index + 4) / 16;
  assert.equal(entries, 12);
  for (let entry = 0; entry < entries; entry++) {
    const at = index + 8 + 16 * entry;
    const chunk = movie + bytes.readUInt32LE(at + 8);
    assert.equal(chunk % 2, 0);
    assert.equal(bytes.toString('latin1', chunk, chunk + 4), '00dc');
    assert.equal(bytes.readUInt32LE(chunk + 4), bytes.readUInt32LE(at + 12));
  }
});

test('a clip can be sought by its index', async (t) => {
  if (!needsTool(t, 'ffmpeg')) return;
  const frames = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => ({ jpeg: await grey(5 * n), atMs: 100 * n })),
  );
  const file = join(temporaryFolder(t), 'clip.avi');
  writeFileSync(file, Buffer.concat(motionJpegAvi(frames)!.parts));
  const { stdout } = spawnSync('ffmpeg', [
    ...'-v error -ss 4.0 -i'.split(' '),
    file,
    ...'-frames:v 1 -vf scale=1:1 -pix_fmt gray -f rawvideo -'.split(' '),
  ]);
  assert.ok(Math.abs(stdout[0]! - 200) < 12, `${stdout[0]} of 200`);
});

test('a camera that was lost for a day leaves a pause of a few seconds in its clip', async () => {
  const jpeg = await grey(9);
  const timesMs = [0, 100, 86_400_000, 86_400_100];
  const video = motionJpegAvi(timesMs.map((atMs) => ({ jpeg, atMs })));
  assert.deepEqual([video?.frames, video?.durationMs], [4, 5_220]);
});

test('pictures that are no JPEG or of another size are left out, and nothing makes no clip', async () => {
  const png = await sharp(await grey(9))
    .png()
    .toBuffer();
  const frames = [png, await grey(1), await grey(2, 32), await grey(3)].map((jpeg, index) => {
    return { jpeg, atMs: 100 * index };
  });
  assert.equal(motionJpegAvi(frames)?.frames, 2);
  assert.equal(motionJpegAvi([{ jpeg: png, atMs: 0 }]), null);
  assert.equal(motionJpegAvi([]), null);
});

test('the size of a JPEG is that of its frame header, progressive or not', async () => {
  const progressive = await sharp(await grey(9, 33, 17))
    .jpeg({ progressive: true })
    .toBuffer();
  assert.deepEqual(jpegSize(progressive), { width: 33, height: 17 });
  assert.deepEqual(jpegSize(await grey(9, 33, 17)), { width: 33, height: 17 });
});

test('damaged pictures have no size, or one, and never throw', async () => {
  const jpeg = await grey(77);
  fc.assert(
    fc.property(fc.nat(jpeg.length), fc.uint8Array({ maxLength: 40 }), (at, noise) => {
      const damaged = Uint8Array.from(jpeg);
      damaged.set(noise.subarray(0, damaged.length - at), at);
      jpegSize(damaged);
      jpegSize(damaged.subarray(0, at));
      jpegSize(noise);
    }),
  );
});
