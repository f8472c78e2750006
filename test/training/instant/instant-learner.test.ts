import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { SampleStore } from '../../../src/samples/store.js';
import { openDatabase } from '../../../src/storage/database.js';
import { InstantLearner } from '../../../src/training/instant/instant-learner.js';
import { temporaryFolder } from '../../temporary-folder.js';

const REQUEST = { backboneChecksum: 'b', base: null, sinceRevision: 0 };

/** A store in which samples of two classes lie apart. */
function store(t: Parameters<typeof temporaryFolder>[0], perClass: number) {
  const dbPath = join(temporaryFolder(t), 'headland.db');
  const database = openDatabase(dbPath);
  t.after(() => database.close());
  const samples = new SampleStore(database, {
    holdoutShare: 0.2,
    holdoutAfterSamples: 0,
    maxPictureStoreBytes: 1e9,
  });
  const teach = (label: string, value: number): void => {
    const { sample } = samples.admit({
      jpeg: Uint8Array.of(...Buffer.from(`${label} ${value}`)),
      label,
      labelSource: 'cli',
      group: `${label} ${value}`,
      source: 'test',
      capturedAtMs: 1,
      dhash: '0000000000000000',
    });
    const features = Float32Array.of(label === 'crop' ? 5 : 1, value / 10, 2);
    samples.putFeatures([
      { sampleId: sample.id, backboneChecksum: 'b', recipe: '', view: 0, features },
    ]);
  };
  for (let i = 0; i < perClass; i++) for (const label of ['crop', 'weed']) teach(label, i);
  return { dbPath, samples, teach };
}

describe('the thread that learns at once', () => {
  it('makes the same head of the same store, and starts again after it was ended', async (t) => {
    const { dbPath, teach } = store(t, 3);
    const learner = new InstantLearner({ dbPath, task: 'main', minLabelsPerClass: 2 });
    const first = await learner.learn(REQUEST);
    await learner.stop();
    assert.deepEqual(first?.head.labels, ['crop', 'weed']);
    assert.equal(first?.labels, 6);
    assert.deepEqual(await learner.learn(REQUEST), first);
    teach('weed', 9);
    assert.equal((await learner.learn(REQUEST))?.labels, 7);
    await learner.stop();
  });

  it('waits for a second label of a second class', async (t) => {
    const { dbPath, teach } = store(t, 1);
    const learner = new InstantLearner({ dbPath, task: 'main', minLabelsPerClass: 2 });
    teach('weed', 7);
    assert.equal(await learner.learn(REQUEST), null);
    teach('crop', 7);
    assert.equal((await learner.learn(REQUEST))?.labels, 4);
    await learner.stop();
  });

  it('says that it crashed, and answers the next time', async (t) => {
    const { dbPath } = store(t, 3);
    const crashing = new URL('data:text/javascript,process.exit(3)');
    const learner = new InstantLearner({ dbPath, task: 'main', minLabelsPerClass: 2 }, crashing);
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(learner.learn(REQUEST), (error) =>
        isHeadlandError(error, 'HL_INSTANT_CRASHED'),
      );
    }
  });
});
