import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { silentLog } from '../../src/base/log.js';
import { Perception } from '../../src/perception/perception.js';
import type { Perceived, ServingHead } from '../../src/perception/perception-protocol.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { openSampleStore } from '../../src/samples/open-store.js';
import { runTraining } from '../../src/training/job/run-training.js';
import { createRobot, drawPicture, groupNames, teach } from '../training/fixture.js';

/** Saturated magenta and black checks: like nothing that the robot was taught. */
async function farPicture(): Promise<Uint8Array> {
  const [width, height] = [48, 40];
  const data = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) {
    const light = (((p % width) >> 2) + (Math.floor(p / width) >> 2)) & 1;
    data.set(light ? [255, 0, 255] : [0, 0, 0], p * 3);
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

test('a trained head calls a far picture unknown, and its own classes by name', async (t) => {
  const robot = await createRobot(t, { training: { learners: ['ridge'] } });
  await teach(robot, {
    labels: ['crop', 'stone'],
    groups: groupNames({ training: 15, holdout: 2 }),
    perGroup: 2,
  });
  const { settings, cacheDir, registryDir, dbPath } = robot;
  const { store, close } = openSampleStore(dbPath, settings.samples);
  t.after(close);
  const { version } = await runTraining({
    settings: {
      ...settings,
      trainingId: 'test',
      task: 'main',
      trigger: 'cli',
      dbPath,
      registryDir,
      cacheDir,
    },
    store,
    onProgress: () => {},
    log: silentLog(),
  });
  const { head, card } = await new HeadRegistry(registryDir, { keep: 5 }).load(version);
  // Two views of 60 samples each, of which the near-duplicates of a pass count once.
  const scores = head.novelty?.scores.length ?? 0;
  assert.ok(scores > 60 && scores < 120, `the novelty model is on the disk: ${scores}`);
  assert.equal(card.noveltySamples, scores);
  assert.equal(card.setProbability, head.setProbability);

  let settle: (perceived: Perceived) => void = () => {};
  const fail = (error: Error) => assert.fail(error);
  const perception = new Perception<{ camera: string; region: null; jpeg: Uint8Array }>(
    {
      backbone: settings.models.backbone,
      cardsDir: settings.models.cardsDir,
      addedCardsDir: null,
      cacheDir,
      threads: 1,
      execution: { provider: 'cpu', libraryPath: null },
      fit: settings.inference.fit,
      maxPictureBytes: settings.inference.maxPictureBytes,
      maxPicturePixels: settings.inference.maxPicturePixels,
      tasks: [{ name: 'main', cameras: [], regions: [], decision: settings.inference }],
    },
    {
      onPerceived: (_frame, perceived) => settle(perceived),
      onRefused: (_frame, error) => fail(error),
      onFailure: fail,
      onHeadLost: (_task, error) => fail(error),
    },
    silentLog(),
  );
  t.after(() => perception.stop());
  await perception.start();
  const decide = async (jpeg: Uint8Array) => {
    const perceived = await new Promise<Perceived>((resolve) => {
      settle = resolve;
      void perception.submit({ camera: 'main', region: null, jpeg });
    });
    return perceived.answers[0]!.decision;
  };
  const swap = (serving: ServingHead) => perception.swapHead('main', serving);

  await swap({ version, head });
  const far = await decide(await farPicture());
  assert.equal(far.label, 'unknown');
  assert.ok(far.noveltyPValue !== null && far.noveltyPValue < 0.05, `${far.noveltyPValue}`);
  const named = { crop: 0, stone: 0 };
  let inSet = 0;
  for (let seed = 9_000; seed < 9_020; seed++) {
    for (const label of ['crop', 'stone'] as const) {
      const decision = await decide(await drawPicture(label, seed));
      if (decision.label === label) named[label]++;
      if (decision.labelSet?.includes(label)) inSet++;
    }
  }
  assert.ok(named.crop >= 15 && named.stone >= 15, JSON.stringify(named));
  // Coverage is measured by the bench `calibration`; here it matters that the sets arrive.
  assert.ok(inSet >= 20, `${inSet} of 40`);

  const { novelty: _, setProbability: __, ...older } = head;
  await swap({ version: version + 1, head: older });
  const byOlder = await decide(await farPicture());
  assert.equal(byOlder.headVersion, version + 1);
  assert.equal(byOlder.noveltyPValue, null, 'the model is swapped with its head');
  assert.equal(byOlder.labelSet, undefined);
});
