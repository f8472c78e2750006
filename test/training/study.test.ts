import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTfjs } from '../../src/backbone/tfjs-engine.js';
import { isHeadlandError } from '../../src/errors.js';
import { silentLog } from '../../src/log.js';
import { studyPage } from '../../src/training/report-html-study.js';
import { runStudy, type StudyInput } from '../../src/training/study.js';
import type { StudyPhoto } from '../../src/training/study-split.js';
import { type StudyEstimate, studyTable } from '../../src/training/study-types.js';
import { decodePicture } from '../../src/vision/decode.js';
import { drawPicture } from './fixture.js';

const SIZE = 16;
const LIMIT = { timeout: 120_000 };

async function photos(perClass: number, groups: number): Promise<StudyPhoto[]> {
  const all: StudyPhoto[] = [];
  const decoding = { sizePixels: SIZE, fit: 'squash' as const, maxBytes: 1e6, maxPixels: 1e6 };
  for (const label of ['crop', 'stone']) {
    for (let i = 0; i < perClass; i++) {
      const image = await decodePicture(await drawPicture(label, i), decoding);
      all.push({ label, group: `${label}-${i % groups}`, image });
    }
  }
  return all;
}

async function study(changes: Partial<StudyInput> = {}) {
  const estimates: StudyEstimate[] = [];
  const taken: string[] = [];
  const input: StudyInput = {
    folder: '/photos',
    photos: await photos(20, 8),
    engine: await openTfjs(silentLog()),
    backbone: {
      name: 'mean colour',
      featureSize: 3,
      embed: async (index, view) => {
        const { data } = input.photos[index]!.image;
        const sums = [0, 0, 0];
        for (const [i, value] of data.entries()) sums[i % 3]! += value / 255;
        return Float32Array.from(sums, (sum) => sum / (SIZE * SIZE) + view * 0.001);
      },
    },
    augment: (image, index, round) => {
      taken.push(`${index}/${round}`);
      return image;
    },
    ...{ epochs: 2, sizePixels: SIZE, views: 1, seed: 3, budgetSeconds: 600 },
    onEstimate: (estimate) => estimates.push(estimate),
    onProgress: () => {},
    ...changes,
  };
  return { result: await runStudy(input), estimates, taken };
}

describe('a study', () => {
  it('runs four ways on the same groups, after saying how long it takes', LIMIT, async () => {
    const { result, estimates, taken } = await study();
    assert.equal(estimates.length, 1);
    assert.ok(estimates[0]!.seconds > 0 && estimates[0]!.epochs === 2);
    assert.deepEqual(
      result.rows.map((row) => [row.approach, row.state, row.points.length]),
      [
        ['backbone', 'done', 1],
        ['cnn', 'done', 2],
        ['cnn-augmented', 'done', 2],
        ['cnn-augmented-l2', 'done', 2],
      ],
    );
    const { training, heldOut } = result.photos;
    assert.equal(training + heldOut, 40);
    assert.ok(heldOut >= 8 && heldOut <= 12);
    assert.ok((result.rows[0]?.macroF1 ?? 0) >= 0.9, 'green and grey are easy by colour');
    const learnt = taken.filter((t) => !t.endsWith('/0'));
    assert.equal(learnt.length, 2 * 2 * training, 'every photo is augmented anew in each epoch');
    const page = studyPage(result);
    assert.match(page, /<svg/);
    assert.doesNotMatch(page, /(src|href)="|url\(|<script|NaN|undefined/);
    assert.equal(studyTable(result.rows).length, 5);
  });

  it('learns: a network from scratch tells colours apart after a few epochs', LIMIT, async () => {
    const { result } = await study({ epochs: 8, views: 0 });
    const plain = result.rows.find((row) => row.approach === 'cnn');
    assert.ok((plain?.accuracy ?? 0) >= 0.9, `${plain?.accuracy}`);
    assert.ok((plain?.trainingAccuracy ?? 0) >= 0.9);
  });

  it('runs fewer epochs where the budget is small', LIMIT, async () => {
    const { result, estimates } = await study({ epochs: 500, budgetSeconds: 1 });
    const { epochs } = estimates[0]!;
    assert.ok(epochs >= 1 && epochs < 500);
    assert.ok(result.rows.every((row) => row.points.length <= epochs));
  });

  it('gives what there is when it is interrupted', LIMIT, async () => {
    const abort = new AbortController();
    const { result } = await study({
      epochs: 50,
      signal: abort.signal,
      onProgress: (approach, done) => {
        if (approach === 'cnn' && done === 1) abort.abort();
      },
    });
    assert.equal(result.interrupted, true);
    assert.deepEqual(
      result.rows.map((row) => row.state),
      ['done', 'cut', 'not run', 'not run'],
    );
    assert.equal(result.rows[1]?.epochs, 1);
    assert.match(studyPage(result), /interrupted/);
    assert.match(studyTable(result.rows)[3]!.join(' '), /not run/);
  });

  it('refuses what cannot be split by groups', LIMIT, async () => {
    await assert.rejects(study({ photos: await photos(4, 2) }), (error) =>
      isHeadlandError(error, 'HL_STUDY_TOO_FEW_GROUPS'),
    );
    const one = (await photos(9, 9)).filter((photo) => photo.label === 'crop');
    await assert.rejects(study({ photos: one }), (error) =>
      isHeadlandError(error, 'HL_STUDY_TOO_FEW_CLASSES'),
    );
  });
});
