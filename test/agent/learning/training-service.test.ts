import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trainingReportMessage } from '../../../src/agent/learning/training-messages.js';
import { TrainingService, trainingPaused } from '../../../src/agent/learning/training-service.js';
import type { State } from '../../../src/agent/open-state.js';
import type { HeadlandError } from '../../../src/base/errors.js';
import type { Config } from '../../../src/config/schema.js';
import { acquireInstanceLock } from '../../../src/host/instance-lock.js';
import type { TrainingProgress } from '../../../src/training/job/job-protocol.js';
import type { TrainingReport } from '../../../src/training/report.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { type LogLine, Recorder, recordedLog } from '../../recorder.js';
import { createRobot, groupNames, type Robot, teach } from '../../training/fixture.js';
import { openRobot, outgoing } from '../support.js';

type Test = Parameters<typeof openRobot>[0];

/** A robot that has labels, and the service that trains it in a process of its own. */
class School {
  readonly progress = new Recorder<TrainingProgress & { trainingId: string }>();
  readonly reports = new Recorder<TrainingReport>();
  readonly promoted: number[] = [];
  readonly lines: Recorder<LogLine>;
  readonly service: TrainingService;
  obstacle: HeadlandError | null = null;
  /** Why no head can be put to work. */
  refusal: HeadlandError | null = null;
  /** Labels that count as new when the report comes. */
  newLabelsAtReport: number | null = null;
  /** Another task trains. */
  othersTrain = false;
  /** What else happens when a report comes. */
  onReport: () => void = () => {};

  private constructor(
    t: Test,
    readonly robot: Robot,
    readonly config: Config,
    readonly state: State,
  ) {
    const { log, lines } = recordedLog();
    this.lines = lines;
    this.service = new TrainingService({
      state,
      task: state.task(),
      obstacle: () => this.obstacle,
      events: {
        onProgress: (step, trainingId) => this.progress.add({ ...step, trainingId }),
        onReport: (report) => {
          this.newLabelsAtReport = this.service.newLabels;
          this.onReport();
          this.reports.add(report);
        },
        promote: async (version) => {
          if (this.refusal) throw this.refusal;
          this.promoted.push(version);
          return state.task().heads.promote(version);
        },
      },
      othersTrain: () => this.othersTrain,
      log,
    });
    t.after(() => this.service.stop());
  }

  /** @param everyNewLabels a training starts by itself at so many; 0 = never */
  static async open(t: Test, { everyNewLabels = 0, robot = null as Robot | null } = {}) {
    const training = { learners: ['ridge' as const], everyNewLabels, minLabels: 8 };
    const owned = robot ?? (await createRobot(t, { training, views: 0 }));
    const { models, samples, augmentation, gate } = owned.settings;
    const settings = { models, samples, augmentation, gate, training: owned.settings.training };
    const { config, state } = openRobot(t, settings, owned.dir);
    return new School(t, owned, config, state);
  }

  /** Four labels of each of two classes, in passes of their own. */
  async teach(seed = 0): Promise<void> {
    const groups = groupNames({ training: 4, holdout: 0 }, `pass-${seed}`);
    await teach(this.robot, { labels: ['crop', 'weed'], groups, seed });
  }

  async trained(): Promise<TrainingReport> {
    const trainingId = await this.service.start('mqtt');
    return this.reports.until((report) => report.trainingId === trainingId);
  }

  get audited(): Record<string, unknown>[] {
    return this.state.audit.list({ kind: 'training' }).map(({ detail }) => detail);
  }
}

describe('the training service', { timeout: TEST_HANG_MS }, () => {
  test('trains, promotes, reports, audits, and counts labels anew', async (t) => {
    const school = await School.open(t);
    await school.teach();
    assert.equal(school.service.newLabels, 8);
    const trainingId = await school.service.start('console');
    const { running } = school.service;
    assert.deepEqual(
      [running?.trainingId, running?.trigger, running?.progress],
      [trainingId, 'console', null],
    );
    await assert.rejects(school.service.start('mqtt'), { code: 'HL_TRAINING_RUNNING' });

    const report = await school.reports.until(() => true);
    assert.deepEqual(
      [report.trainingId, report.trigger, report.outcome],
      [trainingId, 'console', 'promoted'],
    );
    const phases = [...new Set(school.progress.all.map(({ phase }) => phase))];
    assert.deepEqual(phases, ['collect', 'embed', 'fit', 'evaluate', 'publish']);
    assert.ok(school.progress.all.every((step) => step.trainingId === trainingId));
    assert.deepEqual([school.promoted, await school.state.task().heads.current()], [[1], 1]);
    assert.equal(school.newLabelsAtReport, 0, 'who is told then reads a status without them');
    assert.equal(school.service.running, null);

    const [stored] = school.service.reports(10);
    assert.deepEqual(
      [stored?.trainingId, stored?.result?.version, stored?.reason],
      [trainingId, 1, report.reason],
    );
    const { reason } = report;
    const trigger = 'console';
    assert.deepEqual(school.audited, [
      { task: 'main', trainingId, trigger, outcome: 'promoted', reason, version: 1 },
    ]);
    assert.equal(outgoing('training_report', trainingReportMessage(report)).head_version, 1);

    const again = await school.trained();
    assert.deepEqual([again.outcome, again.result?.version], ['refused', 2]);
    assert.deepEqual(school.promoted, [1], 'nothing was gained');
    assert.equal(outgoing('training_report', trainingReportMessage(again)).champion_holdout, null);
    assert.deepEqual(
      school.service.reports(1).map(({ outcome }) => outcome),
      ['refused'],
    );
  });

  test('says what is missing, keeps the report, and trains when it is there', async (t) => {
    const school = await School.open(t);
    const report = await school.trained();
    assert.deepEqual(
      [report.outcome, report.error?.code, report.result],
      ['failed', 'HL_TRAINING_TOO_FEW_LABELS', null],
    );
    const said = outgoing('training_report', trainingReportMessage(report));
    assert.equal(said.error?.code, 'HL_TRAINING_TOO_FEW_LABELS');
    assert.equal(school.service.reports(1)[0]?.result, null);
    assert.equal(school.audited[0]?.outcome, 'failed');
    await school.teach();
    assert.equal((await school.trained()).outcome, 'promoted');
  });

  test('starts by itself when enough labels have come, also those of before a restart', async (t) => {
    const school = await School.open(t, { everyNewLabels: 8 });
    school.service.listen();
    await school.teach();
    school.obstacle = trainingPaused();
    school.service.onLabel();
    assert.equal(school.service.running, null);
    await assert.rejects(school.service.start('mqtt'), { code: 'HL_TRAINING_PAUSED' });
    school.obstacle = null;
    school.service.onLabel();
    const report = await school.reports.until(() => true);
    assert.deepEqual([report.trigger, report.outcome], ['labels', 'promoted']);
    await school.service.stop();

    const { robot } = school;
    const later = await School.open(t, { everyNewLabels: 8, robot });
    later.service.listen();
    assert.equal(later.service.newLabels, 0, 'what was learnt is no reason to train');
    await later.teach(100);
    await later.service.stop();
    const last = await School.open(t, { everyNewLabels: 8, robot });
    last.service.listen();
    assert.equal((await last.reports.until(() => true)).trigger, 'labels');
  });

  test('lets a task that has waited train first, although it is due again itself', async (t) => {
    const school = await School.open(t, { everyNewLabels: 8 });
    school.onReport = () => {
      school.othersTrain = true;
    };
    await school.teach();
    school.service.listen();
    await school.progress.until(({ phase }) => phase === 'fit');
    await school.teach(100);
    await school.reports.until(() => true);
    // It would have started in the same turn of the event loop as its report came.
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([school.service.newLabels, school.service.isBusy], [8, false]);
    school.othersTrain = false;
    school.service.onLabel();
    assert.equal(school.service.isBusy, true);
  });

  test('is refused while another process trains this robot', async (t) => {
    const school = await School.open(t);
    await school.teach();
    const other = await acquireInstanceLock(school.robot.dir, 'train');
    await assert.rejects(school.service.start('cli'), { code: 'HL_TRAINING_RUNNING' });
    assert.deepEqual([school.service.running, school.audited], [null, []]);
    await other.release();
    assert.equal((await school.trained()).outcome, 'promoted');
  });

  test('fails when the head cannot be put to work, and the one before goes on', async (t) => {
    const school = await School.open(t);
    await school.teach();
    school.refusal = trainingPaused();
    const report = await school.trained();
    assert.deepEqual(
      [report.outcome, report.error?.code, report.result?.version],
      ['failed', 'HL_TRAINING_PAUSED', 1],
    );
    assert.equal(await school.state.task().heads.current(), null);
  });

  test('that is stopped is cancelled, its report is kept, and it is due again', async (t) => {
    const school = await School.open(t, { everyNewLabels: 8 });
    school.service.listen();
    await school.teach();
    school.service.onLabel();
    await school.progress.until(() => true);
    await school.service.stop();
    assert.deepEqual(
      school.reports.all.map(({ outcome }) => outcome),
      ['cancelled'],
    );
    assert.equal(school.service.reports(1)[0]?.outcome, 'cancelled');
    assert.equal(
      outgoing('training_report', trainingReportMessage(school.reports.all[0]!)).outcome,
      'cancelled',
    );
    await assert.rejects(school.service.start('mqtt'), { code: 'HL_TRAINING_CANCELLED' });

    const again = await School.open(t, { everyNewLabels: 8, robot: school.robot });
    again.service.listen();
    assert.equal((await again.reports.until(() => true)).outcome, 'promoted');
  });

  test('that has not quite started when it is stopped runs no more either', async (t) => {
    const school = await School.open(t);
    await school.teach();
    const starting = school.service.start('mqtt');
    await school.service.stop();
    const trainingId = await starting;
    assert.equal(school.service.running, null);
    assert.deepEqual(
      school.service.reports(1).map((report) => [report.trainingId, report.outcome]),
      [[trainingId, 'cancelled']],
    );
  });

  test('ends well although nothing can be written any more', async (t) => {
    const school = await School.open(t);
    await school.teach();
    const report = school.trained();
    await school.progress.until(({ phase }) => phase === 'publish');
    school.state.database.pragma('query_only = ON');
    assert.equal((await report).outcome, 'promoted');
    const errors = school.lines.all.filter(({ level }) => level === 50).map(({ msg }) => msg);
    assert.match(errors.join('\n'), /cannot store the training report/);
    assert.match(errors.join('\n'), /cannot write the audit log/);
    assert.match(errors.join('\n'), /cannot store which labels were learnt/);
    school.state.database.pragma('query_only = OFF');
    assert.equal((await school.trained()).outcome, 'refused', 'the next one can start');
  });

  test('that cannot be begun leaves the way free for the next', async (t) => {
    const school = await School.open(t);
    await school.teach();
    school.state.database.exec('ALTER TABLE label_history RENAME TO lost');
    await assert.rejects(school.service.start('mqtt'));
    school.state.database.exec('ALTER TABLE lost RENAME TO label_history');
    assert.equal((await school.trained()).outcome, 'promoted');
  });

  test('takes as long as it takes, although the clock is set back meanwhile', async (t) => {
    const school = await School.open(t);
    await school.service.start('mqtt');
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 86_400_000 });
    const report = await school.reports.until(() => true);
    t.mock.timers.reset();
    const { durationMs } = report;
    assert.ok(durationMs > 0 && durationMs < TEST_HANG_MS, String(durationMs));
    outgoing('training_report', trainingReportMessage(report));
  });
});
