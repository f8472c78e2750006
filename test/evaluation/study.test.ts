import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTfjs } from '../../src/backbone/engines/tfjs-library.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { studyPage } from '../../src/evaluation/report/report-study.js';
import { type FitNotice, runStudy, type StudyInput } from '../../src/evaluation/study/run-study.js';
import { SmallCnn } from '../../src/evaluation/study/study-cnn.js';
import type { StudyPhoto } from '../../src/evaluation/study/study-split.js';
import { type StudyPlan, studyTable } from '../../src/evaluation/study/study-types.js';
import { parseVariants } from '../../src/evaluation/study/study-variants.js';
import { decodePicture } from '../../src/vision/decode.js';
import { TEST_HANG_MS } from '../liveness.js';
import { drawPicture } from '../training/fixture.js';

const SIZE = 16;
const LIMIT = { timeout: TEST_HANG_MS };
const VARIANTS = 'backbone,plain,augmentation+dropout=0.5,l2=0.001,lr=0.01';

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
  const plans: StudyPlan[] = [];
  const taken: string[] = [];
  const fits: FitNotice[] = [];
  const passes: string[] = [];
  const input: StudyInput = {
    folder: '/photos',
    photos: await photos(20, 8),
    variants: parseVariants(VARIANTS),
    folds: 3,
    engine: await openTfjs(silentLog()),
    backbone: {
      name: 'mean colour',
      featureSize: 3,
      embed: async (index, view) => {
        passes.push(`${index}/${view}`);
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
    epochs: 2,
    sizePixels: SIZE,
    views: 1,
    seed: 3,
    budgetSeconds: 600,
    onPlan: (plan) => plans.push(plan),
    onProgress: () => {},
    onFit: (fit) => fits.push(fit),
    ...changes,
  };
  return { result: await runStudy(input), plans, taken, fits, passes };
}

describe('a study', () => {
  it(
    'measures every variant on the same folds, after saying how long it takes',
    LIMIT,
    async () => {
      const { result, plans, taken, fits, passes } = await study();
      assert.equal(plans.length, 1);
      assert.ok(plans[0]!.seconds > 0 && plans[0]!.epochs === 2);
      assert.deepEqual(
        result.rows.map((row) => [row.variant.id, row.state, row.points.length]),
        [
          ['backbone', 'done', 1],
          ['plain', 'done', 2],
          ['augmentation+dropout=0.5', 'done', 2],
          ['l2=0.001', 'done', 2],
          ['lr=0.01', 'done', 2],
        ],
      );
      for (const row of result.rows) {
        assert.deepEqual(
          row.folds.map(({ fold }) => fold),
          [0, 1, 2],
        );
        const mean = row.folds.reduce((sum, { accuracy }) => sum + accuracy, 0) / 3;
        assert.ok(Math.abs(row.accuracy!.mean - mean) < 1e-12);
        assert.ok(row.accuracy!.standardError !== null);
      }
      assert.equal(
        result.folds.parts.reduce((sum, part) => sum + part.photos, 0),
        40,
      );
      assert.equal(
        result.folds.parts.reduce((sum, part) => sum + part.groups, 0),
        16,
      );
      assert.ok(result.rows[0]!.macroF1!.mean >= 0.9, 'green and grey are easy by colour');
      const learnt = taken.filter((t) => !t.endsWith('/0'));
      assert.equal(learnt.length, 2 * 2 * 40, 'in two of three folds and both epochs each');
      assert.equal(new Set(passes).size, 80);
      assert.equal(fits.length, 15);
      assert.equal(fits.at(-1)!.fold, 3);
      assert.ok(fits.every(({ secondsLeft }) => secondsLeft >= 0));
      assert.ok(result.verdict.statements.length >= 5, result.verdict.statements.join('\n'));
      const page = studyPage(result);
      assert.match(page, /<svg/);
      assert.doesNotMatch(page, /(src|href)="|url\(|<script|NaN|undefined/);
      assert.equal(studyTable(result.rows).length, 6);
    },
  );

  it('learns: a network from scratch tells colours apart after a few epochs', LIMIT, async () => {
    const variants = parseVariants('plain');
    const { result } = await study({ epochs: 8, folds: 2, variants });
    assert.ok(result.rows[0]!.accuracy!.mean >= 0.9, `${result.rows[0]!.accuracy!.mean}`);
    assert.ok(result.rows[0]!.trainingAccuracy!.mean >= 0.9);
  });

  it(
    'keeps what a variant is: dropout, L2 and the learning rate change what is learnt',
    LIMIT,
    async () => {
      const { tf } = await openTfjs(silentLog());
      const all = await photos(8, 8);
      const images = all.map(({ image }) => image);
      const labels = all.map(({ label }) => (label === 'crop' ? 0 : 1));
      const answers = async (changes: { dropout?: number; l2?: number; learningRate?: number }) => {
        const cnn = new SmallCnn(tf, {
          sizePixels: SIZE,
          classCount: 2,
          seed: 5,
          dropout: 0,
          l2: 0,
          learningRate: 1e-3,
          ...changes,
        });
        try {
          await cnn.epoch(
            1,
            labels,
            (i) => images[i]!,
            () => false,
          );
          const once = await cnn.probabilities(images);
          assert.deepEqual(await cnn.probabilities(images), once, 'nothing is dropped in answers');
          return once;
        } finally {
          cnn.close();
        }
      };
      const plain = await answers({});
      assert.deepEqual(await answers({}), plain, 'the same seed learns the same');
      for (const changes of [{ dropout: 0.5 }, { l2: 0.01 }, { learningRate: 3e-3 }]) {
        assert.notDeepEqual(await answers(changes), plain, JSON.stringify(changes));
      }
      assert.deepEqual(await answers({ dropout: 0.5 }), await answers({ dropout: 0.5 }));
      const tensors = tf.memory().numTensors;
      await answers({ dropout: 0.5, l2: 0.01 });
      assert.equal(tf.memory().numTensors, tensors, 'a network leaves no tensor behind');
    },
  );

  it('goes on when a learning rate is far too high', LIMIT, async () => {
    const variants = parseVariants('plain,lr=0.9');
    const { result } = await study({ variants, folds: 2, epochs: 3 });
    const { accuracy } = result.rows[1]!;
    assert.ok(accuracy!.mean >= 0 && accuracy!.mean <= 1);
  });

  it('ends within a small budget with fewer epochs', LIMIT, async () => {
    const { result, plans } = await study({ epochs: 500, budgetSeconds: 2 });
    const { epochs } = plans[0]!;
    assert.ok(epochs >= 1 && epochs < 500);
    assert.ok(result.rows.every((row) => row.points.length <= epochs));
  });

  it('keeps the folds that every variant ended when it is interrupted', LIMIT, async () => {
    const abort = new AbortController();
    const { result } = await study({
      signal: abort.signal,
      onFit: ({ fold, name }) => {
        if (fold === 2 && name === 'Network from scratch') abort.abort();
      },
    });
    assert.equal(result.interrupted, true);
    assert.deepEqual(result.folds.run, [0]);
    assert.ok(result.rows.every((row) => row.state === 'done' && row.folds.length === 1));
    assert.match(result.verdict.statements.at(-1)!, /Only 1 of 3 folds count.*interrupted/);
  });

  it('gives what there is when it is interrupted in the first fold', LIMIT, async () => {
    const abort = new AbortController();
    const { result } = await study({
      signal: abort.signal,
      onFit: ({ name }) => {
        if (name === 'Network from scratch') abort.abort();
      },
    });
    assert.deepEqual(
      result.rows.map((row) => row.state),
      ['done', 'done', 'not run', 'not run', 'not run'],
    );
    assert.match(studyPage(result), /interrupted/);
    assert.match(studyTable(result.rows)[3]!.join(' '), /not run/);
  });

  it('refuses what cannot be divided by groups', LIMIT, async () => {
    await assert.rejects(study({ photos: await photos(4, 2) }), (error) =>
      isHeadlandError(error, 'HL_STUDY_TOO_FEW_GROUPS'),
    );
    const one = (await photos(9, 9)).filter((photo) => photo.label === 'crop');
    await assert.rejects(study({ photos: one }), (error) =>
      isHeadlandError(error, 'HL_STUDY_TOO_FEW_CLASSES'),
    );
  });
});
