import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { cosine } from '../../src/base/cosine.js';
import { silentLog } from '../../src/base/log.js';
import { type GateRecord, recompute } from '../../src/gate/gate-record.js';
import { DEFAULT_BELIEF } from '../../src/head/belief/belief-parameters.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import type { TrainingProgress } from '../../src/training/job/job-protocol.js';
import type { JobResult, TrainingReport } from '../../src/training/report.js';
import { parseReport } from '../../src/training/stored-report.js';
import { Trainer } from '../../src/training/trainer.js';
import { TEST_HANG_MS } from '../liveness.js';
import {
  createRobot,
  drawPicture,
  groupNames,
  installBackbone,
  openStore,
  type Robot,
  teach,
} from './fixture.js';

interface Trained {
  report: TrainingReport;
  result: JobResult;
  progress: TrainingProgress[];
  swapped: number[];
}

async function train(robot: Robot): Promise<Trained> {
  const progress: TrainingProgress[] = [];
  const swapped: number[] = [];
  const { dbPath, cacheDir, settings } = robot;
  const registry = registryOf(robot);
  const trainer = new Trainer({
    task: 'main',
    dbPath,
    cacheDir,
    settings,
    log: silentLog(),
    registry,
    onProgress: (p) => progress.push(p),
    promote: (version) => {
      swapped.push(version);
      return registry.promote(version);
    },
  });
  const report = await trainer.start({ trigger: 'cli' }).finished;
  return { report, result: report.result as JobResult, progress, swapped };
}

function registryOf(robot: Robot): HeadRegistry {
  return new HeadRegistry(robot.registryDir, { keep: 5 });
}

/** Labelled pictures without the near-duplicates of an earlier one of their class and group. */
function differentSamples(robot: Robot): number {
  const { store, close } = openStore(robot);
  const samples = store.list({ labelled: true });
  const checksum = store.newestBackbone(samples[0]!.id)!;
  const ids = samples.map(({ id }) => id);
  const vectors = store.features(ids, checksum, '', 0);
  const firsts: typeof samples = [];
  for (const sample of samples) {
    const known = firsts.some(
      ({ id, label, group }) =>
        label === sample.label &&
        group === sample.group &&
        cosine(vectors.get(id)![0]!, vectors.get(sample.id)![0]!) >= 0.985,
    );
    if (!known) firsts.push(sample);
  }
  close();
  return firsts.length;
}

const LIMIT = { timeout: TEST_HANG_MS };

describe('a training', () => {
  it(
    'promotes a first head, then learns a new class, then a wrong one is refused',
    LIMIT,
    async (t) => {
      const robot = await createRobot(t, {
        gate: { minHoldoutSamples: 8 },
        views: 2,
        photometricViews: 1,
      });
      const groups = groupNames({ training: 6, holdout: 3 });
      await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });

      const first = await train(robot);
      assert.equal(first.report.outcome, 'promoted', first.report.reason);
      assert.deepEqual(first.swapped, [1]);
      assert.equal(await registryOf(robot).current(), 1);
      const { result } = first;
      assert.deepEqual(result.samples, { training: 24, holdout: 12, skipped: 0 });
      assert.equal(result.forwards, 24 * 3 + 12, 'holdout samples get no views');
      assert.equal(
        result.decision.evidence,
        'leave-group-out',
        'twelve samples are no large holdout',
      );
      const different = differentSamples(robot);
      assert.ok(different < 24 + 12, 'some of these simple drawings are near-duplicates');
      assert.equal(result.decision.samples, different, 'near-duplicates are one answer');
      assert.equal(result.championVersion, null);
      assert.equal(result.holdout?.samples, 12);
      assert.ok(result.holdout.accuracy >= 0.9, 'two such colours are easy');
      assert.equal(result.candidates.filter((candidate) => candidate.chosen).length, 1);
      const chosen = result.candidates.find((candidate) => candidate.chosen);
      const least = Math.min(...result.candidates.map((candidate) => candidate.macroLogLoss));
      assert.ok((chosen?.macroLogLoss ?? 99) < 2 * least + 0.1);
      assert.ok(result.candidates.some((candidate) => candidate.learner === 'softmax'));
      assert.deepEqual(
        [...new Set(first.progress.map((p) => p.phase))],
        ['collect', 'embed', 'fit', 'evaluate', 'publish'],
      );
      for (const phase of ['embed', 'fit']) {
        const steps = first.progress.filter((p) => p.phase === phase);
        const last = steps.at(-1);
        assert.equal(last?.done, last?.total);
        assert.ok(steps.every((step, i) => i === 0 || step.done >= (steps[i - 1]?.done ?? 0)));
      }
      const kept = parseReport(JSON.parse(JSON.stringify(first.report)));
      assert.equal(kept?.trainingId, first.report.trainingId);
      assert.deepEqual(kept?.result?.holdout, first.result.holdout);

      // Nothing new: no forward pass, and the very same head.
      const same = await train(robot);
      assert.equal(same.result.forwards, 0);
      assert.equal(same.report.outcome, 'refused', 'a change for nothing');
      assert.ok(
        same.report.reason.startsWith(
          `No gain: ${different} of ${different} right instead of ${different}, and no label`,
        ),
      );
      const [one, two] = await Promise.all([1, 2].map((v) => registryOf(robot).load(v)));
      assert.equal(one?.card.weightsSha256, two?.card.weightsSha256);
      assert.notDeepEqual(one?.card.belief, DEFAULT_BELIEF, 'it is learnt from the groups');
      assert.deepEqual(one?.card.belief, two?.card.belief);
      const looked = await registryOf(robot).gateRecord(2);
      assert.equal(looked?.input.unknownScores?.length, 12, 'unknown things, on the holdout');
      const unknowns = looked?.decision.checks.find(({ name }) => name === 'unknowns');
      assert.equal(unknowns?.values.challenger, unknowns?.values.champion);

      await teach(robot, { labels: ['stone'], groups, perGroup: 2, seed: 100 });
      const second = await train(robot);
      assert.equal(second.report.outcome, 'promoted', second.report.reason);
      assert.deepEqual(second.swapped, [3]);
      assert.equal(second.result.championVersion, 1);
      assert.equal(second.result.forwards, 12 * 3 + 6, 'only what is new');
      assert.deepEqual((await registryOf(robot).load(3)).head.labels, ['crop', 'stone', 'weed']);
      assert.ok(
        (second.result.championHoldout?.accuracy ?? 1) < (second.result.holdout?.accuracy ?? 0),
      );

      // Somebody confuses the labels of everything that is not in the holdout.
      const { store, close } = openStore(robot);
      for (const sample of store.list({ holdout: false })) {
        store.label(sample.id, sample.label === 'weed' ? 'crop' : 'weed', 'cli');
      }
      for (const sample of store
        .list({ holdout: false })
        .filter((s) => s.label === 'crop')
        .slice(0, 4)) {
        store.label(sample.id, 'stone', 'cli');
      }
      close();
      const third = await train(robot);
      assert.equal(third.report.outcome, 'refused', third.report.reason);
      assert.match(third.report.reason, /^Refused: \d+ of \d+ right instead of \d+, /);
      assert.deepEqual(third.swapped, []);
      const registry = registryOf(robot);
      assert.equal((await registry.openServing())?.card.version, 3);
      const refused = await registry.load(4);
      assert.equal(refused.card.refused, third.report.reason);
      const record = await registry.gateRecord(4);
      assert.deepEqual(record?.decision, third.result.decision);
      assert.deepEqual(recompute(record as GateRecord, refused.head)?.differences, []);
      assert.equal(record?.input.samples.length, third.result.decision.samples);
      assert.equal((await registry.promote(4)).card.version, 4, 'a person may overrule the gate');
      assert.equal((await registry.rollback()).card.version, 3);
    },
  );

  it('without a large holdout is judged by leave-group-out, and says so', LIMIT, async (t) => {
    const robot = await createRobot(t);
    const groups = groupNames({ training: 6, holdout: 1 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    const first = await train(robot);
    assert.equal(first.report.outcome, 'promoted', first.report.reason);
    assert.equal(first.result.decision.evidence, 'leave-group-out');
    assert.equal(first.result.decision.samples, differentSamples(robot));
    assert.match(
      first.report.reason,
      /by leave-group-out: .* The holdout has [34] samples of 2 classes/,
    );

    const again = await train(robot);
    assert.match(again.report.reason, /\d+ training samples were answered by heads that never/);
    assert.equal(again.report.outcome, 'refused', 'a change for nothing');

    const later = groupNames({ training: 5, holdout: 0 }, 'later');
    await teach(robot, { labels: ['crop', 'weed'], groups: later, perGroup: 2, seed: 900 });
    const third = await train(robot);
    assert.equal(third.result.championVersion, 1);
    assert.equal(third.result.decision.samples, differentSamples(robot));
    assert.equal(third.report.outcome, 'promoted', third.report.reason);
  });

  it('skips and names pictures that cannot be decoded', LIMIT, async (t) => {
    const robot = await createRobot(t);
    const groups = groupNames({ training: 5, holdout: 1 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    const { store, close } = openStore(robot);
    const broken = (await drawPicture('crop', 99)).slice(0, 200);
    const text = new TextEncoder().encode('not a picture at all');
    const admitted = [broken, text].map(
      (jpeg, i) =>
        store.admit({
          jpeg,
          label: 'crop',
          labelSource: 'import',
          group: groups[0] as string,
          source: 'import',
          capturedAtMs: 1_700_000_000_000,
          origin: `crop/${i}.jpg`,
          dhash: '0000000000000000',
        }).sample.id,
    );
    close();
    const { report, result } = await train(robot);
    assert.equal(report.outcome, 'promoted', report.reason);
    assert.equal(result.samples.skipped, 2);
    assert.equal(result.samples.training, 20);
    assert.deepEqual(
      result.skipped.map(({ id, origin }) => [id, origin]),
      admitted.map((id, i) => [id, `crop/${i}.jpg`]),
    );
    assert.ok(result.skipped.every(({ code }) => code.startsWith('HL_PICTURE_')));
    assert.equal(result.classes.find(({ label }) => label === 'crop')?.training, 10);
  });

  it('leaves out and names a class with too few samples', LIMIT, async (t) => {
    const robot = await createRobot(t);
    const groups = groupNames({ training: 5, holdout: 1 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    await teach(robot, { labels: ['stone'], groups: groups.slice(0, 1), seed: 300 });
    const { result } = await train(robot);
    assert.deepEqual(result.classes, [
      { label: 'crop', training: 10, holdout: 2, leftOut: false, missing: 0 },
      { label: 'stone', training: 1, holdout: 0, leftOut: true, missing: 1 },
      { label: 'weed', training: 10, holdout: 2, leftOut: false, missing: 0 },
    ]);
    assert.deepEqual((await registryOf(robot).load(1)).head.labels, ['crop', 'weed']);
  });

  it('is refused with a reason when there is nothing to learn from', LIMIT, async (t) => {
    const robot = await createRobot(t);
    openStore(robot).close();
    assert.equal((await train(robot)).report.error?.code, 'HL_TRAINING_TOO_FEW_LABELS');
    const [group] = groupNames({ training: 1, holdout: 0 });
    await teach(robot, { labels: ['crop'], groups: [group as string], perGroup: 12 });
    const oneClass = await train(robot);
    assert.equal(oneClass.report.error?.code, 'HL_TRAINING_TOO_FEW_CLASSES');
    assert.match(oneClass.report.reason, /crop: 12/);
    await teach(robot, { labels: ['weed'], groups: [group as string], perGroup: 5, seed: 50 });
    const oneGroup = await train(robot);
    assert.notEqual(oneGroup.report.outcome, 'failed');
    assert.match(oneGroup.report.reason, /All training samples are of one group.* optimistic/);
    assert.equal(oneGroup.result.trust.level, 'beginner');
  });

  it('names a backbone that is not in the cache', LIMIT, async (t) => {
    const robot = await createRobot(t);
    const groups = groupNames({ training: 4, holdout: 0 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    const { report } = await train({ ...robot, cacheDir: join(robot.dir, 'empty') });
    assert.equal(report.error?.code, 'HL_MODEL_NOT_CACHED');
  });

  it("compares with a head of another backbone by that head's own features", LIMIT, async (t) => {
    const robot = await createRobot(t, { gate: { minHoldoutSamples: 8 } });
    const groups = groupNames({ training: 5, holdout: 3 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    assert.equal((await train(robot)).report.outcome, 'promoted');
    await installBackbone(robot.dir, 'other', 2);
    robot.settings.models.backbone = 'other';

    const second = await train(robot);
    assert.equal(second.result.decision.evidence, 'holdout');
    assert.match(second.report.reason, /own features: its backbone is tiny/);
    assert.equal(second.result.championHoldout?.samples, 12);
    const [first, stored] = await Promise.all([1, 2].map((v) => registryOf(robot).load(v)));
    assert.equal(stored?.card.backbone.name, 'other');
    const checksums: Record<string, string | undefined> = {
      tiny: first?.card.backbone.checksum,
      other: stored?.card.backbone.checksum,
    };
    if (second.report.outcome !== 'promoted') await registryOf(robot).promote(2);

    const embedded = (backbone: string): number => {
      const { store, close } = openStore(robot);
      const ids = store.list().map((sample) => sample.id);
      const found = store.features(ids, checksums[backbone] as string, '', 0);
      close();
      return [...found.values()].filter(([original]) => original).length;
    };
    assert.deepEqual([embedded('tiny'), embedded('other')], [32, 32], 'both heads were needed');
    await train(robot);
    assert.deepEqual([embedded('tiny'), embedded('other')], [0, 32], 'nobody serves with tiny');

    robot.settings.models.backbone = 'tiny';
    const { store, close } = openStore(robot);
    store.dropFeatures({ exceptBackbone: checksums.tiny as string });
    close();
    const fourth = await train(robot);
    assert.equal(fourth.result.decision.evidence, 'none');
    assert.match(
      fourth.report.reason,
      /No comparison with head 2 was possible: its backbone is other/,
    );
    assert.equal(fourth.result.championHoldout, null);
  });

  it('counts a damaged serving head as one that cannot be compared', LIMIT, async (t) => {
    const robot = await createRobot(t, { gate: { minHoldoutSamples: 8 } });
    const groups = groupNames({ training: 4, holdout: 2 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    assert.equal((await train(robot)).report.outcome, 'promoted');
    truncateSync(join(robot.registryDir, '1', 'weights'), 10);
    const second = await train(robot);
    assert.equal(second.report.outcome, 'promoted', second.report.reason);
    assert.match(second.report.reason, /No comparison with head 1 was possible: it cannot be read/);
  });
});
