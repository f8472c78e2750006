import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeadlandError } from '../../../src/base/errors.js';
import type { Frame } from '../../../src/camera/camera.js';
import { FrameStage } from '../../../src/camera/stage/frame-stage.js';
import type { CameraQuality } from '../../../src/camera/stage/quality-watch.js';
import { paintJpeg, pixelsIn } from '../pictures.js';
import { makeJpeg, pictureSettings, until } from '../support.js';

const LIMITS = { maxBytes: 8_388_608, maxPixels: 10_000_000 };

const LEFT_HALF = { crop: { left: 0, top: 0, width: 0.5, height: 1 } };

function stageWith(settings: Record<string, unknown>, receive?: (frame: Frame) => unknown) {
  const frames: Frame[] = [];
  const refused: HeadlandError[] = [];
  const measured: CameraQuality[] = [];
  const stage = new FrameStage(pictureSettings(settings), LIMITS, {
    onFrame: (frame) => {
      frames.push(frame);
      return receive?.(frame);
    },
    onRefused: (_frame, error) => refused.push(error),
    onQuality: (quality) => measured.push(quality),
  });
  return { stage, frames, refused, measured };
}

let sequence = 0;
function frameOf(jpeg: Uint8Array): Frame {
  sequence += 1;
  return {
    camera: 'front',
    region: null,
    sequence,
    capturedAtMs: 1_000 * sequence,
    jpeg,
    group: `g${sequence}`,
    references: [{ label: 'weed' }],
    origin: '/photos/1.jpg',
  };
}

describe('FrameStage', () => {
  it('hands the very frame on, at once, when nothing is configured', async () => {
    const { stage, frames } = stageWith({});
    const frame = frameOf(await makeJpeg(1));
    stage.submit(frame);
    assert.equal(frames[0], frame);
  });

  it('changes the picture and nothing else of a frame', async () => {
    const { stage, frames } = stageWith(LEFT_HALF);
    const frame = frameOf(await makeJpeg(1));
    await stage.submit(frame);
    assert.deepEqual({ ...frames[0]!, jpeg: null }, { ...frame, jpeg: null });
    assert.equal((await pixelsIn(frames[0]!.jpeg)).width, 32);
  });

  it('works on one frame, lets the newest wait and drops what it replaces', async () => {
    const { stage, frames } = stageWith(LEFT_HALF);
    const jpeg = await makeJpeg(1);
    const sent = Array.from({ length: 6 }, () => frameOf(jpeg));
    await Promise.all(sent.map((frame) => stage.submit(frame)));
    assert.deepEqual(
      frames.map((frame) => frame.sequence),
      [sent[0]!.sequence, sent[5]!.sequence],
    );
    assert.equal(stage.droppedFrames, 4);
  });

  it('lets a source that waits show every picture', async () => {
    let taking = 0;
    const { stage, frames } = stageWith(LEFT_HALF, async () => {
      taking += 1;
      assert.equal(taking, 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      taking -= 1;
    });
    const jpeg = await makeJpeg(1);
    for (let i = 0; i < 5; i += 1) await stage.submit(frameOf(jpeg));
    assert.deepEqual([frames.length, stage.droppedFrames], [5, 0]);
  });

  it('refuses a damaged picture and takes the next one', async () => {
    const { stage, frames, refused } = stageWith(LEFT_HALF);
    const jpeg = await makeJpeg(1);
    await stage.submit(frameOf(jpeg.subarray(0, jpeg.length / 2)));
    await stage.submit(frameOf(jpeg));
    assert.deepEqual(
      refused.map(({ code }) => code),
      ['HL_PICTURE_INVALID'],
    );
    assert.equal(frames.length, 1);
  });

  it('leaves still frames out, counts them, and compares what is cut and masked', async () => {
    const { stage, frames } = stageWith({
      ...LEFT_HALF,
      onlyWhenMoving: { keepAliveMs: 3_600_000 },
    });
    const [one, other] = [await makeJpeg(1), await makeJpeg(2)];
    for (const jpeg of [one, one, one, other]) await stage.submit(frameOf(jpeg));
    assert.deepEqual([frames.length, stage.stillFrames], [2, 2]);
  });

  it('hands pictures on untouched when they only have to move', async () => {
    const { stage, frames } = stageWith({ onlyWhenMoving: {} });
    const jpeg = await makeJpeg(1);
    await stage.submit(frameOf(jpeg));
    assert.equal(frames[0]!.jpeg, jpeg);
  });

  it('measures without holding a frame up, also pictures that are refused', async () => {
    const { stage, measured } = stageWith({ ...LEFT_HALF, quality: { intervalMs: 1 } });
    const jpeg = await makeJpeg(1);
    let shown = 0;
    await until(() => {
      if (measured.length > 0) return true;
      shown += 1;
      void stage.submit(frameOf(jpeg.subarray(0, jpeg.length / 2)));
      return false;
    }, 'a measurement');
    assert.ok(shown >= 3);
    assert.equal(stage.quality?.condition, 'garbage');
  });

  it('gives a region what is known of it, and nothing that is known of the whole image only', async () => {
    const { stage, frames } = stageWith({ regions: { columns: 3, rows: 1 } });
    const references = [
      { label: 'weed' },
      { region: '1', task: 'way', label: 'free' },
      { region: '2', task: 'weeds', label: 'crop' },
    ];
    await stage.submit({ ...frameOf(await makeJpeg(1)), references });
    assert.deepEqual(
      frames.map((frame) => [frame.region, frame.references]),
      [
        ['1', [references[1]]],
        ['2', [references[2]]],
        ['3', []],
      ],
    );
  });

  it('makes a frame of each region, and leaves out those in which nothing moved', async () => {
    const { stage, frames, measured } = stageWith({
      regions: { columns: 2, rows: 1 },
      onlyWhenMoving: { keepAliveMs: 3_600_000 },
      quality: { intervalMs: 1 },
    });
    assert.deepEqual(stage.regions, ['1', '2']);
    const [still, moved] = await Promise.all(
      [0, 1].map((phase) =>
        paintJpeg(128, 64, (x, y) => {
          const squares = (x >> 3) + (y >> 3) + (x < 64 ? 0 : phase);
          const level = squares % 2 === 0 ? 60 : 200;
          return [level, level, level];
        }),
      ),
    );
    const [first, second] = [frameOf(still!), frameOf(moved!)];
    await stage.submit(first);
    await stage.submit(second);
    assert.deepEqual(
      frames.map(({ camera, region, sequence, group }) => [camera, region, sequence, group]),
      [
        ['front', '1', first.sequence, first.group],
        ['front', '2', first.sequence, first.group],
        ['front', '2', second.sequence, second.group],
      ],
    );
    assert.equal(stage.stillFrames, 1);
    assert.equal((await pixelsIn(frames[0]!.jpeg)).width, 64);
    await until(() => {
      void stage.submit(frameOf(still!));
      return measured.length > 0;
    }, 'a measurement of the whole picture');
  });

  it('hands nothing on after it was closed', async () => {
    const { stage, frames } = stageWith(LEFT_HALF);
    const jpeg = await makeJpeg(1);
    const last = [stage.submit(frameOf(jpeg)), stage.submit(frameOf(jpeg))];
    stage.close();
    await Promise.all(last);
    await stage.submit(frameOf(jpeg));
    assert.equal(frames.length, 0);
  });
});

describe('a requested frame', () => {
  it('passes although nothing moves in it', async () => {
    const { stage, frames } = stageWith({ onlyWhenMoving: { keepAliveMs: 3_600_000 } });
    const jpeg = await makeJpeg(1);
    await stage.submit(frameOf(jpeg));
    await stage.submit(frameOf(jpeg));
    assert.deepEqual([frames.length, stage.stillFrames], [1, 1]);
    await stage.submit({ ...frameOf(jpeg), requested: true });
    assert.deepEqual([frames.length, stage.stillFrames], [2, 1]);
    assert.equal(frames[1]!.requested, true);
  });

  it('is not replaced by newer frames while it waits', async () => {
    const { stage, frames } = stageWith(LEFT_HALF);
    const jpeg = await makeJpeg(1);
    const [working, requested, newer] = [frameOf(jpeg), frameOf(jpeg), frameOf(jpeg)];
    const all = [
      stage.submit(working),
      stage.submit({ ...requested, requested: true }),
      stage.submit(newer),
    ];
    await Promise.all(all);
    assert.deepEqual(
      frames.map((frame) => frame.sequence),
      [working.sequence, requested.sequence],
    );
    assert.equal(stage.droppedFrames, 1);
  });
});
