import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { silentLog } from '../../src/base/log.js';
import { answerScore } from '../../src/gate/answers/answer-score.js';
import { presentAnswers } from '../../src/gate/answers/sample-answer.js';
import { headProbabilities } from '../../src/head/score.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import type { JobResult, TrainingReport } from '../../src/training/report.js';
import { parseReport } from '../../src/training/stored-report.js';
import { Trainer } from '../../src/training/trainer.js';
import { TEST_HANG_MS } from '../liveness.js';
import { createRobot, groupNames, openStore, type Robot, teach } from './fixture.js';

const LIMIT = { timeout: TEST_HANG_MS };

function registryOf(robot: Robot): HeadRegistry {
  return new HeadRegistry(robot.registryDir, { keep: 5 });
}

async function train(robot: Robot): Promise<{ report: TrainingReport; result: JobResult }> {
  const { dbPath, cacheDir, settings } = robot;
  const trainer = new Trainer({
    task: 'main',
    dbPath,
    cacheDir,
    settings,
    log: silentLog(),
    registry: registryOf(robot),
  });
  const report = await trainer.start({ trigger: 'cli' }).finished;
  assert.ok(report.result, report.reason);
  return { report, result: report.result };
}

/** Crops and weeds in six passes to learn from and two that are held out. */
async function taughtRobot(t: TestContext): Promise<{ robot: Robot; groups: string[] }> {
  const robot = await createRobot(t, { training: { learners: ['ridge'] }, views: 0 });
  const groups = groupNames({ training: 6, holdout: 2 });
  await teach(robot, { labels: ['crop', 'weed'], groups });
  return { robot, groups };
}

describe('the answers of a training', () => {
  it(
    'are those of the head on the disk, and of heads that never saw the pass',
    LIMIT,
    async (t) => {
      const { robot } = await taughtRobot(t);
      const { report, result } = await train(robot);
      const registry = registryOf(robot);
      const { champion, answers } = (await registry.answers(1))!;
      assert.equal(champion, null);
      const { store, close } = openStore(robot);
      const samples = store.list({ labelled: true });
      assert.deepEqual(
        answers.map(({ id, truth, holdout }) => ({ id, truth, holdout })),
        samples.map(({ id, label, holdout }) => ({ id, truth: label, holdout })),
      );
      const { head } = await registry.load(1);
      for (const answer of answers.filter(({ holdout }) => holdout)) {
        const [features] = store
          .features([answer.id], head.backboneChecksum, '', 0)
          .get(answer.id)!;
        const own = headProbabilities(head, features!);
        const best = Math.max(...own);
        assert.equal(answer.label, head.labels[own.indexOf(best)]);
        assert.equal(answer.confidence, Math.fround(best));
        assert.equal(answer.probability, Math.fround(own[head.labels.indexOf(answer.truth)]!));
        assert.equal(
          answer.second,
          head.labels.find((label) => label !== answer.label),
        );
      }
      close();
      // The same answers are behind the metrics of the card, before near-duplicates are left out.
      const trained = answers.filter(({ holdout }) => !holdout);
      const right = trained.filter(({ truth, label }) => truth === label).length;
      assert.equal(right / trained.length, result.leaveGroupOut.accuracy);
      // Trust and score rest on the judged answers.
      assert.equal(answers.filter(({ judged }) => judged).length, result.trust.answers);
      assert.deepEqual([result.score?.samples, result.score?.groups], [result.trust.answers, 8]);
      const groups = new Map(samples.map(({ id, label, group }) => [id, { label: label!, group }]));
      const score = answerScore(presentAnswers(answers, groups));
      assert.equal(score?.macroF1, result.score?.macroF1);
      assert.match(report.verdict.key, /^verdict\.first/);
      assert.equal(report.verdict.values.samples, result.decision.samples);
    },
  );

  it('tell what labels changed, and which pictures the new head gets right', LIMIT, async (t) => {
    const { robot, groups } = await taughtRobot(t);
    const first = await train(robot);
    assert.deepEqual(first.result.effect.labels, [
      { label: 'crop', labels: 8 },
      { label: 'weed', labels: 8 },
    ]);
    assert.deepEqual([first.result.effect.since, first.result.effect.compared], [null, 0]);

    await teach(robot, { labels: ['stone'], groups: groups.slice(0, 4), seed: 500 });
    const { store, close } = openStore(robot);
    const corrected = store.list({ label: 'crop', holdout: false })[0]!;
    store.label(corrected.id, 'weed', 'console');
    store.label(corrected.id, 'crop', 'console');
    const other = store.list({ label: 'crop', holdout: false })[1]!;
    store.label(other.id, 'weed', 'console');
    close();
    const { report, result } = await train(robot);
    const { effect } = result;
    assert.equal(effect.since, 1);
    assert.deepEqual(effect.labels, [
      { label: 'stone', labels: 4 },
      { label: 'weed', labels: 1 },
    ]);
    assert.deepEqual([effect.corrected, effect.removed, effect.newClasses], [1, 0, ['stone']]);
    const before = (await registryOf(robot).answers(1))!.answers;
    const now = new Map((await registryOf(robot).answers(2))!.answers.map((a) => [a.id, a]));
    const both = before.filter(({ id, judged }) => judged && now.get(id)!.judged);
    assert.equal(effect.compared, both.length);
    const flips = both.filter(({ id, label }) => {
      const later = now.get(id)!;
      return later.label === later.truth && label !== later.truth;
    });
    assert.equal(effect.nowRight, flips.length);
    assert.deepEqual(
      effect.messages.map(({ key }) => key),
      ['effect.labels', 'effect.corrected', 'effect.new-classes', 'effect.flipped'],
    );
    assert.equal(effect.messages[0]!.text, '5 labels: 4 "stone", 1 "weed".');

    // The gate compared on these samples; the stored answers of the champion are the same.
    const record = (await registryOf(robot).gateRecord(2))!;
    assert.equal((await registryOf(robot).answers(2))!.champion, 1);
    for (const { id, champion } of record.input.samples) {
      assert.equal(now.get(id)!.champion?.label, champion?.label);
    }
    const gained = record.input.samples.filter(
      ({ label, challenger, champion }) => challenger.label === label && champion?.label !== label,
    );
    assert.equal(result.gained.length, Math.min(8, gained.length));
    const ids = new Set(gained.map(({ id }) => id));
    assert.ok(result.gained.every(({ id }) => ids.has(id)));
    assert.equal(report.verdict.values.gained, gained.length);

    const stored = parseReport(JSON.parse(JSON.stringify(report)))!;
    assert.deepEqual(stored.verdict, report.verdict);
    assert.deepEqual(stored.result?.effect, effect);
    assert.deepEqual(stored.result?.score, result.score);
  });

  it('know which classes no left-out head could know', LIMIT, async (t) => {
    const { robot, groups } = await taughtRobot(t);
    await teach(robot, { labels: ['stone'], groups: groups.slice(0, 1), perGroup: 4, seed: 900 });
    const { result } = await train(robot);
    const { answers } = (await registryOf(robot).answers(1))!;
    const stones = answers.filter(({ truth }) => truth === 'stone');
    assert.equal(stones.length, 4);
    assert.ok(stones.every(({ knowable, judged }) => !knowable && !judged));
    assert.ok(answers.every(({ truth, knowable }) => knowable === (truth !== 'stone')));
    assert.equal(result.trust.level, 'beginner');
    assert.match(result.trust.next, /^"stone" needs 5 more labels/);
    assert.equal(result.trust.steps?.[0]?.key, 'trust.needs');
  });
});

describe('a pinned head', () => {
  it('stays, and the training says what it would have done', LIMIT, async (t) => {
    const { robot, groups } = await taughtRobot(t);
    await train(robot);
    const registry = registryOf(robot);
    await registry.pin(1, 'console');
    await teach(robot, { labels: ['stone'], groups: groups.slice(0, 6), seed: 500 });
    const { report, result } = await train(robot);
    assert.equal(result.decision.promote, true, result.decision.reason);
    assert.equal(report.outcome, 'refused');
    assert.equal(await registry.current(), 1);
    assert.equal(report.verdict.key, 'verdict.pinned');
    assert.equal(report.verdict.values.pinned, 1);
    assert.match(report.verdict.text, /^Would have been promoted; pinned to 1\. /);
    assert.match(report.reason, /^would have been promoted; pinned to 1\. /);

    await registry.pin(null);
    const { report: freed } = await train(robot);
    assert.equal(freed.outcome, 'promoted', freed.reason);
    assert.equal(await registry.current(), 3);
  });
});
