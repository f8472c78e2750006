import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { HeadRegistry } from '../../src/registry/registry.js';
import { lockFolder } from '../../src/storage/folder-lock.js';
import { jobEnvironment } from '../../src/training/job/job-process.js';
import type { JobSettings, TrainingProgress } from '../../src/training/job/job-protocol.js';
import { lowPriorityCommand } from '../../src/training/job/low-priority.js';
import { Trainer, type TrainerOptions } from '../../src/training/trainer.js';
import { withPath } from '../camera/tool.js';
import { hasCode } from '../errors.js';
import { fileAppears } from '../file-appears.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import {
  createRobot,
  groupNames,
  openStore,
  type Robot,
  type RobotOptions,
  teach,
} from './fixture.js';

/** The highest niceness that there is. */
const NICEST = 19;

const job = (name: string): string => fileURLToPath(new URL(`./jobs/${name}.js`, import.meta.url));

function trainerFor(robot: Robot, over: Partial<TrainerOptions> = {}): Trainer {
  const { dbPath, cacheDir, registryDir, settings } = robot;
  const registry = new HeadRegistry(registryDir, { keep: 5 });
  return new Trainer({
    task: 'main',
    dbPath,
    cacheDir,
    registry,
    settings,
    log: silentLog(),
    ...over,
  });
}

/** A robot that has learnt crop and weed, with head 1 serving. */
async function taughtRobot(t: TestContext, options: RobotOptions = {}): Promise<Robot> {
  const robot = await createRobot(t, { gate: { minHoldoutSamples: 4 }, ...options });
  const groups = groupNames({ training: 4, holdout: 2 });
  await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
  const report = await trainerFor(robot).start({ trigger: 'cli' }).finished;
  assert.equal(report.outcome, 'promoted', report.reason);
  return robot;
}

/** What makes the next head worth a change. */
async function teachMore(robot: Robot): Promise<void> {
  const groups = groupNames({ training: 4, holdout: 0 }, 'more');
  await teach(robot, { labels: ['crop', 'weed'], groups, seed: 700 });
}

/** Whether a process runs; one that nobody has collected yet does not. */
function computes(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Sets what the job's program reads, for one test. */
function environment(t: TestContext, values: Record<string, string>): void {
  Object.assign(process.env, values);
  t.after(() => {
    for (const name of Object.keys(values)) delete process.env[name];
  });
}

describe('a training that is killed', () => {
  it('in any phase leaves the old head serving', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await taughtRobot(t, { views: 2 });
    let serving = 1;
    for (const phase of ['collect', 'embed', 'fit', 'evaluate', 'publish']) {
      await t.test(phase, async (t) => {
        // More than one batch, so that some of it is kept when it is killed while embedding.
        const groups = groupNames({ training: 10, holdout: 0 }, phase);
        await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 1, seed: 500 });
        const marker = join(robot.dir, `paused-${phase}`);
        environment(t, { HEADLAND_TEST_PAUSE: phase, HEADLAND_TEST_MARKER: marker });
        const registry = new HeadRegistry(robot.registryDir, { keep: 5 });
        const before = await registry.list();
        const swapped: number[] = [];
        const trainer = trainerFor(robot, {
          registry,
          jobPath: job('pausing'),
          promote: async (version) => void swapped.push(version),
        });
        const { finished } = trainer.start({ trigger: 'labels' });
        await fileAppears(marker);
        process.kill(Number(readFileSync(marker, 'utf8')), 'SIGKILL');
        const report = await finished;
        assert.equal(report.outcome, 'failed');
        assert.equal(report.error?.code, 'HL_TRAINING_CRASHED');
        assert.equal(report.error.details.signal, 'SIGKILL');
        assert.deepEqual(swapped, []);
        assert.equal(trainer.running(), null);
        await registry.recover();
        assert.equal((await registry.openServing())?.card.version, serving);
        assert.deepEqual(await registry.list(), before, 'no half version is left');

        const again = await trainerFor(robot, { registry }).start({ trigger: 'cli' }).finished;
        assert.equal(again.outcome, 'promoted', again.reason);
        serving = again.result?.version as number;
        const all = 20 * (1 + 2);
        const kept = { collect: 0, embed: 16 * (1 + 2) }[phase] ?? all;
        assert.equal(again.result?.forwards, all - kept, 'features that were kept are not lost');
      });
    }
  });

  it('with its daemon before the promotion leaves the old head serving', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const marker = join(robot.dir, 'promoting');
    const daemon = fork(job('daemon'), [JSON.stringify(robot), marker]);
    await fileAppears(marker);
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    const registry = new HeadRegistry(robot.registryDir, { keep: 5 });
    await registry.recover();
    assert.equal((await registry.openServing())?.card.version, 1);
    const trained = (await registry.list()).find((listing) => listing.version === 2);
    assert.deepEqual([trained?.served, trained?.current], [false, false]);
    assert.equal((await registry.promote(2)).card.version, 2, 'a person may still promote it');
  });

  it('because its parent is gone, or says so, ends', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await createRobot(t);
    const groups = groupNames({ training: 10, holdout: 1 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    const { dbPath, cacheDir, registryDir } = robot;
    const settings: JobSettings = {
      task: 'main',
      ...robot.settings,
      dbPath,
      cacheDir,
      registryDir,
      trainingId: 'test',
      trigger: 'cli',
    };
    const real = fileURLToPath(new URL('../../src/training/job/training-job.js', import.meta.url));
    const orphan = fork(real);
    orphan.send({ type: 'start', settings });
    await once(orphan, 'message');
    orphan.disconnect();
    assert.deepEqual(await once(orphan, 'exit'), [1, null]);
    assert.deepEqual(await new HeadRegistry(registryDir, { keep: 5 }).list(), []);

    const cancelled = fork(real);
    cancelled.send({ type: 'cancel' });
    assert.deepEqual(await once(cancelled, 'exit'), [0, null]);
  });
});

describe('a training whose parent is killed', () => {
  it('ends although it computes, and another one can begin', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const marker = join(robot.dir, 'busy');
    environment(t, { HEADLAND_TEST_MARKER: marker });
    const parent = fork(job('parent'), [JSON.stringify(robot), job('busy')]);
    await fileAppears(marker);
    const pid = Number(readFileSync(marker, 'utf8'));
    assert.throws(() => lockFolder(robot.dir, 'trainer'), hasCode('HL_STORE_BUSY'));
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const next = await trainerFor(robot).start({ trigger: 'cli' }).finished;
    assert.equal(next.outcome, 'promoted', next.reason);
    assert.equal(computes(pid), false);
  });

  it('is waited for by the next one, and not for ever', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const lock = lockFolder(robot.dir, 'trainer');
    const refused = await trainerFor(robot).start({ trigger: 'cli' }).finished;
    assert.equal(refused.error?.code, 'HL_TRAINING_RUNNING');
    const waits = trainerFor(robot).start({ trigger: 'cli' }).finished;
    lock.release();
    assert.equal((await waits).outcome, 'promoted');
  });
});

describe('the trainer', () => {
  it('runs one training at a time, and cancels it', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const marker = join(robot.dir, 'paused');
    environment(t, { HEADLAND_TEST_PAUSE: 'fit', HEADLAND_TEST_MARKER: marker });
    const outcomes: string[] = [];
    const trainer = trainerFor(robot, {
      jobPath: job('pausing'),
      onOutcome: (report) => void outcomes.push(report.outcome),
    });
    assert.equal(await trainer.cancel(), null);
    const { trainingId } = trainer.start({ trigger: 'mqtt' });
    assert.throws(
      () => trainer.start({ trigger: 'cli' }),
      (error) =>
        isHeadlandError(error, 'HL_TRAINING_RUNNING') && error.details.trainingId === trainingId,
    );
    await fileAppears(marker);
    assert.equal(trainer.running()?.pid, Number(readFileSync(marker, 'utf8')));
    const report = await trainer.cancel();
    assert.equal(report?.outcome, 'cancelled');
    assert.equal(report.trainingId, trainingId);
    assert.deepEqual(outcomes, ['cancelled']);
    assert.equal(trainer.running(), null);
    assert.equal(await new HeadRegistry(robot.registryDir, { keep: 5 }).current(), 1);
  });

  it('cancels what has hardly begun', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await createRobot(t);
    const trainer = trainerFor(robot, { jobPath: job('stubborn') });
    trainer.start({ trigger: 'cli' });
    assert.equal((await trainer.cancel())?.outcome, 'cancelled');
  });

  it('kills a job that does not listen', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await createRobot(t);
    const heard = new Recorder<TrainingProgress>();
    const trainer = trainerFor(robot, { jobPath: job('stubborn'), onProgress: heard.add });
    trainer.start({ trigger: 'cli' });
    await heard.count(1);
    const pid = trainer.running()?.pid as number;
    assert.equal((await trainer.cancel())?.outcome, 'cancelled');
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  it('ends a training that takes too long', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await createRobot(t);
    robot.settings.training.maxDurationMs = 300;
    const trainer = trainerFor(robot, { jobPath: job('stubborn') });
    const report = await trainer.start({ trigger: 'cron' }).finished;
    assert.equal(report.outcome, 'failed');
    assert.equal(report.error?.code, 'HL_TRAINING_TIMED_OUT');
  });

  const crashes: [
    how: string,
    expected: Record<string, unknown>,
    stderr: RegExp,
    remedy: RegExp,
  ][] = [
    ['throw', { exitCode: 1, signal: null }, /Error: boom/, /stderr in details/],
    ['exit', { exitCode: 0, signal: null }, /about to crash/, /stderr in details/],
    ['memory', { exitCode: null, signal: 'SIGABRT' }, /heap out of memory/, /maxOldSpaceMegabytes/],
  ];
  for (const [how, expected, stderr, remedy] of crashes) {
    it(`reports a crash (${how}) with its last words`, { timeout: TEST_HANG_MS }, async (t) => {
      const robot = await createRobot(t, { training: { maxOldSpaceMegabytes: 64 } });
      environment(t, { HEADLAND_TEST_CRASH: how });
      const trainer = trainerFor(robot, { jobPath: job('crashing') });
      const report = await trainer.start({ trigger: 'cli' }).finished;
      assert.equal(report.outcome, 'failed');
      assert.equal(report.error?.code, 'HL_TRAINING_CRASHED');
      const { stderr: lines, ...rest } = report.error.details;
      assert.deepEqual(rest, expected);
      assert.match((lines as string[]).join('\n'), stderr);
      assert.match(report.error.remedy, remedy);
      assert.equal(report.result, null);
    });
  }

  it('reports a program that is not there', { timeout: TEST_HANG_MS }, async (t) => {
    const robot = await createRobot(t);
    const report = await trainerFor(robot, { jobPath: join(robot.dir, 'none.js') }).start({
      trigger: 'cli',
    }).finished;
    assert.equal(report.error?.code, 'HL_TRAINING_CRASHED');
  });

  it('has failed when its head cannot be put to work, and says which head that is', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const registry = new HeadRegistry(robot.registryDir, { keep: 5 });
    const trainer = trainerFor(robot, {
      registry,
      promote: () => Promise.reject(new Error('the worker is gone')),
    });
    const report = await trainer.start({ trigger: 'cli' }).finished;
    assert.equal(report.outcome, 'failed');
    assert.match(report.reason, /the worker is gone/);
    assert.equal(report.result?.version, 2);
    assert.equal(await registry.current(), 1);
  });

  it('does not promote over a head that it was not compared with', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const registry = new HeadRegistry(robot.registryDir, { keep: 5 });
    const marker = join(robot.dir, 'paused');
    environment(t, { HEADLAND_TEST_PAUSE: 'publish', HEADLAND_TEST_MARKER: marker });
    const { finished } = trainerFor(robot, { registry, jobPath: job('pausing') }).start({
      trigger: 'cli',
    });
    await fileAppears(marker);
    await registry.withdraw(null);
    writeFileSync(`${marker}.go`, '');
    const report = await finished;
    assert.equal(report.outcome, 'refused');
    assert.match(report.reason, /no head serves/);
    assert.equal(await registry.current(), null);
  });
});

describe('a sample that is removed while a training runs', () => {
  it('ends the training with its name, and the next one works', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const robot = await taughtRobot(t);
    await teachMore(robot);
    const marker = join(robot.dir, 'paused');
    environment(t, { HEADLAND_TEST_PAUSE: 'fit', HEADLAND_TEST_MARKER: marker });
    const { finished } = trainerFor(robot, { jobPath: job('pausing') }).start({ trigger: 'cli' });
    await fileAppears(marker);
    const { store, close } = openStore(robot);
    const [removed] = store.list({ holdout: false, limit: 1 });
    store.remove([removed?.id as string], 'cli');
    store.emptyTrash();
    close();
    writeFileSync(`${marker}.go`, '');
    const report = await finished;
    assert.equal(report.outcome, 'failed');
    assert.equal(report.error?.code, 'HL_TRAINING_SAMPLE_GONE');
    assert.equal(report.error.details.id, removed?.id);
    const again = await trainerFor(robot).start({ trigger: 'cli' }).finished;
    assert.equal(again.outcome, 'promoted', again.reason);
  });
});

describe('the job', () => {
  it('runs at its niceness with every thread', { timeout: TEST_HANG_MS }, async (t) => {
    const niceness = 7;
    assert.deepEqual(await lowPriorityCommand(niceness), ['nice', '-n', '7']);
    const robot = await createRobot(t, { training: { nice: niceness } });
    const heard = new Recorder<TrainingProgress>();
    const trainer = trainerFor(robot, { jobPath: job('stubborn'), onProgress: heard.add });
    trainer.start({ trigger: 'cli' });
    // It is heard when the program itself runs in the place of nice.
    await heard.count(1);
    const pid = trainer.running()?.pid as number;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // Fields 19 and 41, counted behind the name: niceness, and policy 0 = SCHED_OTHER, not idle.
      const wanted = Math.min(NICEST, getPriority() + niceness);
      assert.deepEqual([fields[16], fields[38]], [String(wanted), '0']);
    }
    await trainer.cancel();
  });

  it('does without a niceness that changes nothing, as under the systemd unit', {
    skip: getPriority() === NICEST && 'these tests run at the highest niceness themselves',
  }, async (t) => {
    const folder = temporaryFolder(t);
    // As the real one does where it is not allowed: it complains and runs the program all the same.
    const nice = `#!/bin/sh\necho ${getPriority()}\n`;
    writeFileSync(join(folder, 'nice'), nice, { mode: 0o755 });
    withPath(t, `${folder}:${process.env.PATH}`);
    assert.deepEqual(await lowPriorityCommand(7), []);
  });

  it('runs as its parent when niceness is 0', async () => {
    assert.deepEqual(await lowPriorityCommand(0), []);
  });

  it('gets a clean environment', () => {
    const env = jobEnvironment({
      PATH: '/usr/bin',
      HOME: '/root',
      HEADLAND_SHARED: '/shared',
      NODE_OPTIONS: '--require evil',
      MQTT_PASSWORD: 'secret',
      HTTP_PROXY: 'http://proxy',
    });
    assert.deepEqual(env, {
      PATH: '/usr/bin',
      HOME: '/root',
      HEADLAND_SHARED: '/shared',
      ORT_DISABLE_TELEMETRY: '1',
    });
  });
});

describe('a training that pauses', { timeout: TEST_HANG_MS }, () => {
  it('does nothing meanwhile, and goes on to its end', async (t) => {
    const robot = await createRobot(t, { gate: { minHoldoutSamples: 4 } });
    const groups = groupNames({ training: 4, holdout: 2 });
    await teach(robot, { labels: ['crop', 'weed'], groups, perGroup: 2 });
    const heard = new Recorder<TrainingProgress>();
    const trainer = trainerFor(robot, { onProgress: heard.add });
    trainer.pause('heat');
    const { finished } = trainer.start({ trigger: 'cli' });
    await heard.count(1);
    assert.equal(trainer.running()?.paused, 'heat');
    // As long as a whole training of another robot takes.
    await taughtRobot(t);
    assert.ok(heard.all.every(({ phase, done }) => phase === 'collect' || done === 0));
    assert.equal(heard.all.at(-1)?.paused, 'heat');
    trainer.pause('memory');
    assert.equal(heard.all.at(-1)?.paused, 'memory');
    trainer.pause(null);
    assert.equal(heard.all.at(-1)?.paused, null);
    const report = await finished;
    assert.equal(report.outcome, 'promoted', report.reason);
  });

  it('does not run out of time meanwhile, and can be cancelled', async (t) => {
    const robot = await createRobot(t);
    const training = { ...robot.settings.training, maxDurationMs: 300 };
    const settings = { ...robot.settings, training };
    const heard = new Recorder<TrainingProgress>();
    const paused = trainerFor(robot, { jobPath: job('stubborn'), settings, onProgress: heard.add });
    // It pauses as it starts, and again while it runs: none of its time has passed.
    paused.pause('heat');
    const { finished } = paused.start({ trigger: 'cli' });
    await heard.count(1);
    paused.pause(null);
    paused.pause('heat');
    const unpaused = trainerFor(robot, { jobPath: job('stubborn'), settings });
    const other = await unpaused.start({ trigger: 'cli' }).finished;
    assert.equal(other.error?.code, 'HL_TRAINING_TIMED_OUT');
    assert.equal(paused.running()?.paused, 'heat');
    await paused.cancel();
    assert.equal((await finished).outcome, 'cancelled');
  });
});
