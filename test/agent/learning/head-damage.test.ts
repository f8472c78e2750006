import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { HeadDamage } from '../../../src/agent/learning/head-damage.js';
import { HeadService } from '../../../src/agent/learning/head-service.js';
import { openState } from '../../../src/agent/open-state.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import { quietScheduler, recordedAlarms } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { someCard, someHead } from '../../training/fixture.js';

const CHECKSUM = 'b'.repeat(64);

/** A robot whose trained head can be damaged: its state on the disk, its heads and its alarms. */
class Robot {
  readonly stateDir: string;
  /** Label revisions from which on labels had to be learnt again. */
  readonly due: number[] = [];
  readonly recorded = recordedAlarms();

  constructor(private readonly t: TestContext) {
    this.stateDir = temporaryFolder(t);
  }

  /** As a start of the daemon. @param backbone checksum of the running one */
  async start(backbone = CHECKSUM): Promise<{ heads: HeadService; damage: HeadDamage }> {
    const state = openState(configSchema.parse({ paths: { stateDir: this.stateDir } }));
    const task = state.task();
    const damage = new HeadDamage({
      task: task.name,
      meta: task.meta,
      alarms: this.recorded.alarms,
      retrain: (revision) => this.due.push(revision),
      log: silentLog(),
    });
    const heads = new HeadService(
      task.heads,
      () => undefined,
      () => backbone,
      {
        onServing: (stored, lost) => damage.serving(stored, lost),
        onPinned: () => undefined,
        onUnusable: () => undefined,
      },
      silentLog(),
      quietScheduler(),
    );
    this.t.after(async () => {
      await heads.stop();
      state.close();
    });
    await heads.start();
    return { heads, damage };
  }

  /** So many labels, each a revision: heads that know more than the store would be its loss. */
  label(count: number): void {
    const state = openState(configSchema.parse({ paths: { stateDir: this.stateDir } }));
    for (let i = 0; i < count; i++) {
      state.task().samples.admit({
        jpeg: Buffer.from(`picture ${i}`),
        label: i % 2 === 0 ? 'crop' : 'weed',
        labelSource: 'cli',
        group: `pass-${i}`,
        source: 'main',
        capturedAtMs: 1_700_000_000_000 + i,
        dhash: i.toString(16).padStart(16, '0'),
      });
    }
    state.close();
  }

  /** @param learnt label revision that the head has learnt */
  async train(heads: HeadService, learnt: number): Promise<void> {
    const state = openState(configSchema.parse({ paths: { stateDir: this.stateDir } }));
    const head = someHead(learnt);
    const card = { ...someCard(head), labelRevision: learnt };
    const version = await state.task().heads.publish(head, card, []);
    state.close();
    await heads.promote(version, 'training');
  }

  spoil(version: number, file = 'weights'): void {
    writeFileSync(join(this.stateDir, 'heads/main', String(version), file), 'garbage');
  }
}

async function trained(t: TestContext, ...learnt: number[]): Promise<Robot> {
  const robot = new Robot(t);
  robot.label(12);
  const { heads } = await robot.start();
  for (const revision of learnt) await robot.train(heads, revision);
  await heads.stop();
  return robot;
}

describe('a serving head that is damaged', () => {
  test('raises an alarm and has its labels learnt again, after each start until one is done', async (t) => {
    const robot = await trained(t, 7);
    robot.spoil(1);
    await robot.start();
    const { said } = robot.recorded;
    assert.deepEqual(said, ['raised head critical HL_HEAD_LOST']);
    assert.deepEqual(robot.due, [0]);
    const [alarm] = robot.recorded.alarms.list();
    assert.match(alarm?.error.message ?? '', /^head 1 is lost \(.*; no head serves$/);
    const again = await robot.start();
    assert.deepEqual([said.length, robot.due], [1, [0, 0]]);
    again.damage.trained({ outcome: 'failed' }, null);
    again.damage.trained({ outcome: 'refused' }, null);
    assert.equal(said.length, 1, 'no head serves yet');
    await robot.train(again.heads, 8);
    assert.deepEqual(said.slice(1), ['cleared head']);
    await robot.start();
    assert.deepEqual([said.length, robot.due.length], [2, 2]);
  });

  test('is replaced by the one before it, until a training has judged the labels', async (t) => {
    const robot = await trained(t, 7, 12);
    robot.spoil(2, 'card.json');
    const { heads, damage } = await robot.start();
    assert.equal(heads.serving?.card.version, 1);
    const { said } = robot.recorded;
    assert.deepEqual(said, ['raised head warning HL_HEAD_LOST']);
    assert.deepEqual(robot.due, [7]);
    damage.trained({ outcome: 'failed' }, 1);
    damage.trained({ outcome: 'cancelled' }, 1);
    assert.equal(said.length, 1);
    damage.trained({ outcome: 'refused' }, 1);
    assert.deepEqual(said.slice(1), ['cleared head']);
    await robot.start();
    assert.deepEqual([said.length, robot.due], [2, [7]]);
  });

  test('is missed even if the whole folder of heads is gone', async (t) => {
    const robot = await trained(t, 7);
    rmSync(join(robot.stateDir, 'heads'), { recursive: true });
    await robot.start();
    assert.deepEqual(robot.recorded.said, ['raised head critical HL_HEAD_LOST']);
    assert.deepEqual(robot.due, [0]);
  });

  test('is told apart from one that fits no more, and from none at all', async (t) => {
    const fresh = await trained(t);
    await fresh.start();
    const moved = await trained(t, 7);
    await moved.start('c'.repeat(64));
    assert.deepEqual([fresh.recorded.said, moved.recorded.said], [[], []]);
    assert.deepEqual([fresh.due, moved.due], [[], []]);
  });

  test('whose record is lost, too, gives way to the newest that the gate has let through', async (t) => {
    const robot = await trained(t, 7, 12);
    for (const file of ['current', 'history.jsonl']) {
      writeFileSync(join(robot.stateDir, 'heads/main', file), 'garbage');
    }
    const { heads } = await robot.start();
    assert.equal(heads.serving?.card.version, 2);
    assert.deepEqual(robot.recorded.said, ['raised head warning HL_HEAD_LOST']);
  });
});
