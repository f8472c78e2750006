import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DoNotDisturb } from '../../src/agent/do-not-disturb.js';
import { HoldTable } from '../../src/storage/commands/hold-table.js';
import { openDatabase } from '../../src/storage/database.js';
import type { TrainingProgress } from '../../src/training/job/job-protocol.js';
import type { TrainingReport } from '../../src/training/report.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { CLI, headland, Rig } from './daemon.js';
import { TestAgent } from './support.js';

type Test = Parameters<typeof TestAgent.start>[0];

const PHOTOS = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? 'crop' : 'weed'));
/** Longer than any part of a robot needs to notice a hold; a robot that heeds it passes in any case. */
const A_WHILE_MS = 700;
const BY = { source: 'cli' } as const;

async function robot(t: Test, training: object = {}) {
  const { agent, decisions } = await TestAgent.start(t, PHOTOS, {
    training: { everyNewLabels: 0, minLabels: 8, instant: false, learners: ['ridge'], ...training },
    samples: { askMaxWaiting: 0, holdoutAfterSamples: 0 },
  });
  const progress = new Recorder<TrainingProgress>();
  const reports = new Recorder<TrainingReport>();
  agent.on('trainingProgress', (_task, step) => progress.add(step));
  agent.on('trainingReport', reports.add);
  const hold = (seconds: number) => agent.operations.hold({ holder: 'sprayer', seconds }, BY);
  const release = () => agent.operations.release('sprayer', BY);
  const label = async () => {
    for (const [index, { frameId }] of decisions.all.entries()) {
      const target = { frame: frameId, group: `pass ${index}` };
      await agent.operations.label(target, PHOTOS[index]!, BY);
    }
  };
  const current = () => agent.state.task().heads.current();
  return { agent, progress, reports, hold, release, label, current };
}

describe('a robot that is held', { timeout: TEST_HANG_MS }, () => {
  test('waits with a new head until the hold has ended by itself', async (t) => {
    const { agent, progress, reports, hold, label, current } = await robot(t);
    await label();
    await agent.operations.retrain(BY);
    // The training does not pause any more; only its head has to wait.
    await progress.until(({ phase }) => phase === 'publish');
    await hold(60);
    await sleep(A_WHILE_MS);
    assert.deepEqual([reports.all.length, await current()], [0, null]);
    await hold(1);
    const report = await reports.until(() => true);
    assert.deepEqual([report.outcome, await current()], ['promoted', 1]);
  });

  test('begins a training that is due when it is released', async (t) => {
    const { agent, reports, hold, release, label, current } = await robot(t, { everyNewLabels: 8 });
    await hold(60);
    await label();
    await sleep(A_WHILE_MS);
    assert.deepEqual([agent.tasks[0].training.isBusy, await current()], [false, null]);
    await release();
    const report = await reports.until(() => true);
    assert.deepEqual([report.trigger, report.outcome], ['labels', 'promoted']);
  });

  test('learns labels at once only after it is released', async (t) => {
    const { agent, hold, release, label } = await robot(t, { instant: true });
    const { instant } = agent.tasks[0];
    await hold(60);
    await label();
    await sleep(A_WHILE_MS);
    const learntLabels = (): number => instant.learnt?.labels ?? 0;
    assert.equal(learntLabels(), 0);
    await release();
    while (learntLabels() === 0) await sleep(20);
    assert.equal(learntLabels(), PHOTOS.length);
  });

  test('`headland train` begins not, pauses, and goes on as the robot itself does', async (t) => {
    const rig = await Rig.create(t, { augmentation: { views: 20 } });
    const at = ['--config', rig.configFile, '--json'];
    const cli = (...words: string[]) => headland(...words, ...at);
    const imported = cli('import', rig.photosDir, '--group-pattern', '_(\\d+)');
    assert.equal(imported.status, 0, imported.stdout + imported.stderr);
    const database = openDatabase(join(rig.stateDir, 'headland.db'));
    t.after(() => database.close());
    const lock = new DoNotDisturb(new HoldTable(database));

    lock.hold('sprayer', 600, null);
    const early = cli('train');
    assert.deepEqual(
      [early.status, JSON.parse(early.stdout).error.code],
      [1, 'HL_ROBOT_HELD'],
      early.stdout,
    );
    lock.release('sprayer');

    const child = spawn(process.execPath, [CLI, 'train', ...at], { stdio: 'pipe' });
    t.after(() => child.kill('SIGKILL'));
    const said = new Recorder<string>();
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      said.add(told);
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    const exit = once(child, 'exit');
    // The features take seconds; a hold that begins amid them is noticed before their end.
    while (!hasFeatures(database)) await sleep(20);
    lock.hold('sprayer', 600, null);
    await said.until((text) => text.includes('paused: held'), 'the pause');
    await sleep(A_WHILE_MS);
    assert.equal(child.exitCode, null);
    lock.release('sprayer');
    const [status] = await exit;
    const report: TrainingReport = JSON.parse(printed);
    assert.deepEqual([status, report.outcome], [0, 'promoted']);
  });
});

function hasFeatures(database: ReturnType<typeof openDatabase>): boolean {
  return database.prepare('SELECT 1 FROM features LIMIT 1').get() !== undefined;
}
