import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Labelling } from '../../../src/agent/learning/labelling.js';
import { type RecentFrame, RecentFrames } from '../../../src/agent/seeing/recent-frames.js';
import type { ErrorCode } from '../../../src/base/errors.js';
import { LookAlikes } from '../../../src/samples/look-alikes.js';
import { BACKBONE, FEATURES, openRobot, recentFrame } from '../support.js';

function labelling(t: Parameters<typeof openRobot>[0]) {
  const { state } = openRobot(t);
  const recent = new RecentFrames({ maxFrames: 10, maxBytes: 1_000_000 });
  const part = new Labelling(
    state.task().samples,
    recent,
    new LookAlikes(state.task().samples, {
      groupWindowMs: 30_000,
      backboneChecksum: () => BACKBONE,
    }),
  );
  /** The frame, as it is in memory. */
  const seen = (frame: RecentFrame): RecentFrame => {
    recent.add(frame);
    return frame;
  };
  const featuresOf = (id: string, checksum = BACKBONE): number[] | null => {
    const [features] = state.task().samples.features([id], checksum, '', 0).get(id) ?? [];
    return features ? [...features] : null;
  };
  return { part, seen, featuresOf, samples: state.task().samples };
}

describe('labelling', () => {
  test('keeps a frame with its label, its picture, its origin and its features', (t) => {
    const { part, seen, featuresOf, samples } = labelling(t);
    const origin = 'row/1.jpg';
    const { frameId, frame } = seen(recentFrame({ sequence: 7, group: 'pass 3', origin }));
    const { sample } = part.labelFrame(frameId, ' weed ', 'mqtt');
    assert.deepEqual(samples.get(sample.id), sample);
    assert.deepEqual(
      [sample.label, sample.labelSource, sample.group, sample.source, sample.origin],
      ['weed', 'mqtt', 'pass 3', 'main', origin],
    );
    assert.equal(sample.capturedAtMs, frame.capturedAtMs);
    assert.deepEqual(new Uint8Array(samples.picture(sample.id)!), frame.jpeg);
    assert.deepEqual(featuresOf(sample.id), new Array(FEATURES).fill(0.5));
  });

  test('puts a frame into the group that the person names, else of the frame, else of the camera', (t) => {
    const { part, seen } = labelling(t);
    const named = seen(recentFrame({ sequence: 1, group: 'by the clock' }));
    const timed = seen(recentFrame({ sequence: 2, group: 'by the clock' }));
    const plain = seen(recentFrame({ sequence: 3 }));
    assert.equal(part.labelFrame(named.frameId, 'weed', 'cli', 'row 1').sample.group, 'row 1');
    assert.equal(part.labelFrame(timed.frameId, 'weed', 'cli').sample.group, 'by the clock');
    assert.equal(part.labelFrame(plain.frameId, 'weed', 'cli').sample.group, 'main');
  });

  test('corrects a label, and gives one to what waits', (t) => {
    const { part, seen, samples } = labelling(t);
    const waiting = part.keepWaiting(seen(recentFrame({ sequence: 1 })));
    assert.deepEqual([waiting.label, samples.counts().waiting], [null, 1]);
    part.labelSample(waiting.id, 'weed', 'console');
    part.labelSample(waiting.id, 'crop', 'cli');
    assert.deepEqual(
      samples.labelHistory(waiting.id).map(({ oldLabel, newLabel, source }) => {
        return [oldLabel, newLabel, source];
      }),
      [
        [null, 'weed', 'console'],
        ['weed', 'crop', 'cli'],
      ],
    );
  });

  test('takes a frame that was kept already for the same sample', (t) => {
    const { part, seen, samples } = labelling(t);
    const frame = seen(recentFrame());
    const kept = part.keepWaiting(frame);
    const { sample: labelled } = part.labelFrame(frame.frameId, 'weed', 'mqtt');
    assert.deepEqual([labelled.id, labelled.label], [kept.id, 'weed']);
    assert.equal(samples.counts().total, 1);
  });

  test('names the features after the backbone that made them, not after the one that runs now', (t) => {
    const { part, seen, featuresOf } = labelling(t);
    const other = 'c'.repeat(64);
    const before = seen(recentFrame({ sequence: 1 }));
    const after = seen(recentFrame({ sequence: 2 }, {}, { backboneChecksum: other }));
    const [old, young] = [before, after].map(
      ({ frameId }) => part.labelFrame(frameId, 'weed', 'mqtt').sample,
    );
    assert.deepEqual([!!featuresOf(old!.id), !!featuresOf(old!.id, other)], [true, false]);
    assert.deepEqual([!!featuresOf(young!.id), !!featuresOf(young!.id, other)], [false, true]);
  });

  test('refuses by name, and then nothing is kept', (t) => {
    const { part, seen, samples } = labelling(t);
    const { frameId } = seen(recentFrame());
    const infinite = new Float32Array(FEATURES).fill(Number.POSITIVE_INFINITY);
    const broken = seen(recentFrame({ sequence: 2 }, {}, { features: infinite }));
    const refusals: [ErrorCode, () => unknown][] = [
      ['HL_FRAME_GONE', () => part.labelFrame('boot-main-99', 'weed', 'mqtt')],
      ['HL_LABEL_INVALID', () => part.labelFrame(frameId, 'unknown', 'mqtt')],
      ['HL_LABEL_INVALID', () => part.labelFrame(frameId, 'a/b', 'mqtt')],
      ['HL_SAMPLE_UNKNOWN', () => part.labelSample('nothing', 'weed', 'mqtt')],
      ['HL_FEATURES_INVALID', () => part.labelFrame(broken.frameId, 'weed', 'mqtt')],
      ['HL_FEATURES_INVALID', () => part.keepWaiting(broken)],
    ];
    for (const [code, refused] of refusals) assert.throws(refused, { code });
    assert.deepEqual([samples.counts().total, samples.labelRevision()], [0, 0]);
  });
});
