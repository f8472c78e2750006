import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Requester } from '../../src/agent/audit-trail.js';
import { localOperations } from '../../src/agent/local-operations.js';
import { openState, type State } from '../../src/agent/open-state.js';
import { silentLog } from '../../src/base/log.js';
import { acquireInstanceLock } from '../../src/host/instance-lock.js';
import { TEST_HANG_MS } from '../liveness.js';
import { someCard, someHead } from '../training/fixture.js';
import { openRobot, recentFrame, TestAgent } from './support.js';

const BY: Requester = { source: 'cli' };

/** A sample that waits, as an import or a daemon has left it. */
function waiting(state: State, sequence = 1): string {
  const { frame, perceived } = recentFrame({ sequence });
  const { sample } = state.task().samples.admit({
    jpeg: frame.jpeg,
    label: null,
    labelSource: null,
    group: `g${sequence}`,
    source: frame.camera,
    capturedAtMs: frame.capturedAtMs,
    dhash: perceived.dhash,
  });
  return sample.id;
}

describe('operations without a daemon', { timeout: TEST_HANG_MS }, () => {
  test('label, correct, and write both into the audit', async (t) => {
    const { state } = openRobot(t);
    const operations = localOperations(state, silentLog());
    const id = waiting(state);
    await operations.label({ sample: id }, 'weed', BY);
    const { sample, labelRevision } = await operations.label({ sample: id }, 'crop', BY);
    assert.deepEqual([sample.label, sample.labelSource, labelRevision], ['crop', 'cli', 2]);
    assert.deepEqual(
      state.audit.list().map(({ detail }) => detail),
      [
        { name: 'label', task: 'main', sample: id, label: 'crop', source: 'cli', ok: true },
        { name: 'label', task: 'main', sample: id, label: 'weed', source: 'cli', ok: true },
      ],
    );
  });

  test('know no frames', async (t) => {
    const { state } = openRobot(t);
    const operations = localOperations(state, silentLog());
    await assert.rejects(operations.label({ frame: 'boot-main-1' }, 'weed', BY), {
      code: 'HL_FRAME_GONE',
    });
    await assert.rejects(operations.snapshot(undefined), { code: 'HL_FRAME_NONE' });
  });

  test('move the pointer to the serving head', async (t) => {
    const { state } = openRobot(t);
    const operations = localOperations(state, silentLog());
    const head = someHead(1);
    for (let i = 0; i < 2; i++) await state.task().heads.publish(head, someCard(head), []);
    await operations.promote(1, BY);
    await operations.promote(2, BY);
    assert.equal((await operations.rollback(undefined, BY)).card.version, 1);
    assert.equal(await state.task().heads.current(), 1);
    await assert.rejects(operations.rollback(99, BY), { code: 'HL_HEAD_UNKNOWN_VERSION' });
  });

  test('train one at a time over all processes, by the service of the command', async (t) => {
    const { state, dir } = openRobot(t);
    const operations = localOperations(state, silentLog());
    const other = await acquireInstanceLock(dir, 'train');
    await assert.rejects(operations.retrain(BY), { code: 'HL_TRAINING_RUNNING' });
    await other.release();
    const started: string[] = [];
    const given = localOperations(state, silentLog(), () => ({
      start: async (trigger) => {
        started.push(trigger);
        return 'training-1';
      },
    }));
    assert.equal(await given.retrain(BY), 'training-1');
    assert.deepEqual(started, ['cli']);
  });

  test('beside a daemon: it trains on the labels and lets the head serve', async (t) => {
    const training = {
      everyNewLabels: 4,
      minLabels: 4,
      instant: false,
      learners: ['ridge'],
      nice: 0,
    };
    const { agent, decisions, lines } = await TestAgent.start(t, ['crop', 'weed', 'crop', 'weed'], {
      training,
    });
    const ids = decisions.all.map((frame) => agent.tasks[0].labelling.keepWaiting(frame).id);
    const state = openState(agent.config);
    t.after(() => state.close());
    const operations = localOperations(state, silentLog());
    for (const [index, id] of ids.entries()) {
      await operations.label({ sample: id }, index % 2 ? 'weed' : 'crop', BY);
    }
    const { trigger } = await lines.until(({ msg }) => msg === 'training starts');
    assert.equal(trigger, 'labels');
    await lines.until(({ msg, version }) => msg === 'head serving' && version === 1);
    const head = { ...someHead(1), backboneChecksum: agent.perception.backbone!.checksum };
    const version = await state.task().heads.publish(head, someCard(head), []);
    await operations.promote(version, BY);
    await lines.until((line) => line.msg === 'head serving' && line.version === version);
  });
});
