import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Requester } from '../../src/agent/audit-trail.js';
import { type ErrorCode, isHeadlandError } from '../../src/base/errors.js';
import type { TrainingReport } from '../../src/training/report.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { someCard, someHead } from '../training/fixture.js';
import { TestAgent, writePhotos } from './support.js';

const REQUESTERS: Requester[] = [
  { source: 'mqtt', transaction: 't1' },
  { source: 'console' },
  { source: 'cli' },
  { source: 'button', button: 'stone-button' },
];

/** What the audit says of commands, oldest first. */
function commands({ agent }: TestAgent): Record<string, unknown>[] {
  return agent.state.audit
    .list({ kind: 'command' })
    .map(({ detail }) => detail)
    .reverse();
}

/** Publishes a head that fits the backbone which runs; it does not serve yet. */
async function publish({ agent }: TestAgent, seed: number): Promise<number> {
  const head = { ...someHead(seed), backboneChecksum: agent.perception.backbone!.checksum };
  return agent.state.task().heads.publish(head, someCard(head), []);
}

describe('the operations', { timeout: TEST_HANG_MS }, () => {
  for (const by of REQUESTERS) {
    test(`by ${by.source}: label and correct, audited, with what follows from a label`, async (t) => {
      const running = await TestAgent.start(t, ['crop', 'weed', 'stone']);
      const { operations, state, tasks } = running.agent;
      const { training } = tasks[0];
      const [first] = running.decisions.all;
      const statuses = new Recorder<void>();
      running.agent.on('status', statuses.add);

      const { sample, labelRevision } = await operations.label(
        { frame: first!.frameId, group: 'row 1' },
        'crop',
        by,
      );
      assert.deepEqual(
        [sample.label, sample.labelSource, sample.group, labelRevision],
        ['crop', by.source, 'row 1', 1],
      );
      // An embedding that ends meanwhile emits another one.
      const told = statuses.all.length;
      assert.ok(told > 0);
      assert.equal(training.newLabels, 1);
      const corrected = await operations.label({ sample: sample.id }, 'weed', by);
      assert.deepEqual([corrected.sample.id, corrected.labelRevision], [sample.id, 2]);
      assert.deepEqual(
        state
          .task()
          .samples.labelHistory(sample.id)
          .map(({ newLabel, source }) => [newLabel, source]),
        [
          ['crop', by.source],
          ['weed', by.source],
        ],
      );
      assert.ok(statuses.all.length > told);

      const refusals: [ErrorCode, () => Promise<unknown>][] = [
        ['HL_FRAME_GONE', () => operations.label({ frame: 'gone' }, 'crop', by)],
        ['HL_SAMPLE_UNKNOWN', () => operations.label({ sample: 'gone' }, 'crop', by)],
        ['HL_LABEL_INVALID', () => operations.label({ sample: sample.id }, ' ', by)],
      ];
      for (const [code, refused] of refusals) await assert.rejects(refused, { code });
      assert.equal(state.task().samples.labelRevision(), 2);
      const task = 'main';
      assert.deepEqual(commands(running), [
        {
          name: 'label',
          task,
          frame: first!.frameId,
          group: 'row 1',
          label: 'crop',
          ...by,
          ok: true,
        },
        { name: 'label', task, sample: sample.id, label: 'weed', ...by, ok: true },
        {
          name: 'label',
          task,
          frame: 'gone',
          label: 'crop',
          ...by,
          ok: false,
          code: 'HL_FRAME_GONE',
        },
        {
          name: 'label',
          task,
          sample: 'gone',
          label: 'crop',
          ...by,
          ok: false,
          code: 'HL_SAMPLE_UNKNOWN',
        },
        {
          name: 'label',
          task,
          sample: sample.id,
          label: ' ',
          ...by,
          ok: false,
          code: 'HL_LABEL_INVALID',
        },
      ]);
    });

    test(`by ${by.source}: retrain, promote, roll back, pause and resume`, async (t) => {
      const running = await TestAgent.start(t, ['crop']);
      const { operations, tasks, state, pausing } = running.agent;
      const { heads } = tasks[0];
      const reports = new Recorder<TrainingReport>();
      running.agent.on('trainingReport', reports.add);
      for (const version of [await publish(running, 1), await publish(running, 2)]) {
        assert.equal((await operations.promote(version, by)).card.version, version);
        assert.equal(heads.serving?.card.version, version);
      }
      assert.equal((await operations.rollback(undefined, by)).card.version, 1);
      assert.equal((await operations.rollback(2, by)).card.version, 2);
      assert.equal(await state.task().heads.current(), 2);
      await assert.rejects(operations.promote(99, by), { code: 'HL_HEAD_UNKNOWN_VERSION' });
      await assert.rejects(operations.rollback(99, by), { code: 'HL_HEAD_UNKNOWN_VERSION' });
      assert.equal(heads.serving?.card.version, 2);

      assert.deepEqual(await operations.pause('training', by), ['training']);
      await assert.rejects(operations.retrain(by), { code: 'HL_TRAINING_PAUSED' });
      assert.deepEqual(await operations.resume('training', by), []);
      assert.deepEqual(pausing.paused, []);
      const trainingId = await operations.retrain(by);
      const report = await reports.until((found) => found.trainingId === trainingId);
      assert.equal(report.trigger, by.source);

      const task = 'main';
      assert.deepEqual(commands(running), [
        { name: 'promote', task, version: 1, ...by, ok: true },
        { name: 'promote', task, version: 2, ...by, ok: true },
        { name: 'rollback', task, ...by, ok: true },
        { name: 'rollback', task, version: 2, ...by, ok: true },
        { name: 'promote', task, version: 99, ...by, ok: false, code: 'HL_HEAD_UNKNOWN_VERSION' },
        { name: 'rollback', task, version: 99, ...by, ok: false, code: 'HL_HEAD_UNKNOWN_VERSION' },
        { name: 'pause', what: 'training', ...by, ok: true },
        { name: 'retrain', task, ...by, ok: false, code: 'HL_TRAINING_PAUSED' },
        { name: 'resume', what: 'training', ...by, ok: true },
        { name: 'retrain', task, ...by, ok: true },
      ]);
      const kinds = state.audit.list().map(({ kind }) => kind);
      assert.ok(
        kinds.includes('started') && kinds.includes('serving') && kinds.includes('training'),
      );
    });

    test(`by ${by.source}: labels start a training by themselves`, async (t) => {
      const running = await TestAgent.start(t, ['crop', 'weed', 'crop', 'weed'], {
        training: { everyNewLabels: 4, minLabels: 4, instant: false, learners: ['ridge'], nice: 0 },
      });
      const { operations } = running.agent;
      const reports = new Recorder<TrainingReport>();
      running.agent.on('trainingReport', reports.add);
      await operations.pause('training', by);
      for (const [index, { frameId }] of running.decisions.all.entries()) {
        await operations.label(
          { frame: frameId, group: `pass ${index}` },
          index % 2 ? 'weed' : 'crop',
          by,
        );
      }
      assert.equal(running.agent.tasks[0].training.running, null, 'not while trainings are paused');
      await operations.resume('training', by);
      const { trigger, outcome } = await reports.until(() => true);
      assert.deepEqual([trigger, outcome], ['labels', 'promoted']);
      assert.equal(running.agent.tasks[0].heads.serving?.card.version, 1);
    });
  }

  test('keep the newest frame of any camera or of one, without an audit', async (t) => {
    const running = await TestAgent.start(t, ['crop', 'weed']);
    const { operations, state } = running.agent;
    const last = running.decisions.all.at(-1)!;
    const { recent, sample } = await operations.snapshot(undefined);
    assert.deepEqual([recent.frameId, sample.label], [last.frameId, null]);
    const again = await operations.snapshot('main');
    assert.equal(again.sample.id, sample.id, 'the same picture is kept once');
    await assert.rejects(operations.snapshot('rear'), { code: 'HL_FRAME_NONE' });
    assert.equal(state.task().samples.counts().waiting, 1);
    assert.deepEqual(commands(running), []);
  });

  test('stop the judging of frames, and let it go on', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop', 'weed']);
    const running = await TestAgent.create(t, [], {
      cameras: [{ driver: 'replay', path, intervalMs: 5 }],
    });
    const by: Requester = { source: 'mqtt' };
    const { agent } = running;
    const phases = new Recorder<string>();
    agent.on('status', () => phases.add(agent.cameras[0]!.supervisor.state().phase));
    agent.pausing.pause('inference');
    await agent.start();
    await phases.until((phase) => phase === 'running');
    assert.deepEqual(running.decisions.all, [], 'frames come, none is judged');
    assert.deepEqual(await agent.operations.resume('inference', by), []);
    await running.decisions.count(3);
    assert.deepEqual(await agent.operations.pause('inference', by), ['inference']);
  });

  test('label the last image of a camera, or tell that there is none', async (t) => {
    const running = await TestAgent.start(t, ['crop', 'weed']);
    const { operations } = running.agent;
    const by: Requester = { source: 'button', button: 'stone-button' };
    const { sample } = await operations.labelLatest('main', 'stone', by);
    assert.deepEqual([sample.label, sample.labelSource], ['stone', 'button']);
    const frame = running.decisions.all.at(-1)!.frameId;
    await assert.rejects(operations.labelLatest('rear', 'stone', by), { code: 'HL_FRAME_NONE' });
    const [done, refused] = commands(running);
    assert.deepEqual(done, { name: 'label', task: 'main', frame, label: 'stone', ...by, ok: true });
    assert.deepEqual(
      [refused!.eye, refused!.button, refused!.code],
      ['rear', 'stone-button', 'HL_FRAME_NONE'],
    );
  });

  test('classify the next image when it is asked for, and not while inference is paused', async (t) => {
    const path = await writePhotos(temporaryFolder(t), ['crop']);
    const onlyWhenMoving = { keepAliveMs: 3_600_000 };
    const running = await TestAgent.create(t, [], {
      cameras: [{ driver: 'replay', path, intervalMs: 5, onlyWhenMoving }],
    });
    const by: Requester = { source: 'button', button: 'trigger' };
    const { agent, decisions } = running;
    await agent.start();
    await decisions.count(1);
    const { operations } = agent;
    for (const presses of [1, 2, 3]) {
      operations.capture('main');
      const all = await decisions.count(1 + presses, 'a decision for the press');
      assert.equal(all.at(-1)!.frame.requested, true);
    }
    assert.throws(() => operations.capture('rear'), { code: 'HL_CAMERA_UNKNOWN' });
    await operations.pause('inference', by);
    let remedy = '';
    assert.throws(
      () => operations.capture('main'),
      (error) => {
        assert.ok(isHeadlandError(error, 'HL_INFERENCE_PAUSED'));
        remedy = error.remedy;
        return true;
      },
    );
    const [, name, fields] = /command `(\w+)` with `(.*)`/.exec(remedy)!;
    assert.equal(name, 'resume');
    await operations.resume(JSON.parse(fields!).what, by);
    operations.capture('main');
    await decisions.count(5);
    assert.equal(decisions.all.length, 5, 'no other image passed');
    const audited = agent.state.audit.list({ kind: 'command' }).map(({ detail }) => detail.name);
    assert.deepEqual(audited, ['resume', 'pause'], 'a light barrier fills no audit');
  });
});
