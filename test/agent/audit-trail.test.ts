import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { AuditTrail, type Requester } from '../../src/agent/audit-trail.js';
import { HeadlandError } from '../../src/base/errors.js';
import { newTrial } from '../../src/gate/shadow.js';
import { hasCode } from '../errors.js';
import { recordedLog } from '../recorder.js';
import { someCard, someHead } from '../training/fixture.js';
import { openRobot } from './support.js';

const BY: Requester = { source: 'mqtt', transaction: 't1' };

function trail(t: Parameters<typeof openRobot>[0]) {
  const { state } = openRobot(t);
  const { log, lines } = recordedLog();
  /** Oldest first. */
  const written = (): [string, Record<string, unknown>][] =>
    state.audit
      .list()
      .map(({ kind, detail }): [string, Record<string, unknown>] => [kind, detail])
      .reverse();
  return { state, lines, written, audit: new AuditTrail(state.audit, log) };
}

describe('the audit trail', () => {
  test('says who asked for what, and that it was done', async (t) => {
    const { audit, written } = trail(t);
    assert.equal(await audit.around('pause', { what: 'training' }, BY, () => 'done'), 'done');
    await audit.around('rollback', { version: undefined }, { source: 'cli' }, async () => {});
    assert.deepEqual(written(), [
      ['command', { name: 'pause', what: 'training', ...BY, ok: true }],
      ['command', { name: 'rollback', source: 'cli', ok: true }],
    ]);
  });

  test('says that it was refused and by which code, and passes the error on', async (t) => {
    const { audit, written } = trail(t);
    const refusal = new HeadlandError('HL_HEAD_NO_PREVIOUS', 'none', { remedy: 'None.' });
    const defect = new TypeError('a defect');
    const fail = (error: Error) => () => {
      throw error;
    };
    await assert.rejects(audit.around('rollback', {}, BY, fail(refusal)), refusal);
    await assert.rejects(
      audit.around('retrain', {}, { source: 'console' }, () => Promise.reject(defect)),
      defect,
    );
    assert.deepEqual(written(), [
      ['command', { name: 'rollback', ...BY, ok: false, code: 'HL_HEAD_NO_PREVIOUS' }],
      ['command', { name: 'retrain', source: 'console', ok: false, code: 'HL_INTERNAL' }],
    ]);
  });

  test('waits for a lock of another process, and tells of the operation once', async (t) => {
    const { audit, written } = trail(t);
    const busy = new HeadlandError('HL_STORE_BUSY', 'locked', { remedy: 'Try again.' });
    let attempts = 0;
    const logIn = (): string => {
      attempts += 1;
      if (attempts < 3) throw busy;
      return 'in';
    };
    assert.equal(await audit.around('log-in', {}, BY, logIn), 'in');
    assert.deepEqual(written(), [['command', { name: 'log-in', ...BY, ok: true }]]);
  });

  test('tells starts, trainings, what serves, and how trials ended', async (t) => {
    const { audit, written, state } = trail(t);
    const head = someHead(1);
    const version = await state.task().heads.publish(head, someCard(head), []);
    audit.started('boot-1', '1.2.3');
    audit.trained({
      task: 'main',
      trainingId: 'training-1',
      trigger: 'cron',
      outcome: 'failed',
      verdict: { key: 'verdict.failed', values: {}, text: 'Failed.' },
      reason: 'too few labels',
      error: null,
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:00:01.000Z',
      durationMs: 1_000,
      result: null,
    });
    audit.serving('main', await state.task().heads.load(version));
    audit.serving('main', null);
    audit.tried('main', {
      ...newTrial({
        role: 'serving',
        version: 2,
        previous: 1,
        since: '2026-01-01T00:00:00.000Z',
        revision: 0,
        maxLabels: 50,
        alarmAt: 10,
        classes: 2,
      }),
      outcome: 'rolled-back',
    });
    const task = 'main';
    const trigger = 'cron';
    const reason = 'too few labels';
    assert.deepEqual(written(), [
      ['started', { boot: 'boot-1', version: '1.2.3' }],
      [
        'training',
        { task, trainingId: 'training-1', trigger, outcome: 'failed', reason, version: null },
      ],
      ['serving', { task, version: 1 }],
      ['serving', { task, version: null }],
      ['rolled-back', { task, version: 2, previous: 1 }],
    ]);
  });

  test('waits until what an operation has stored is on the disk', async (t) => {
    const { audit, state } = trail(t);
    state.database.doNotBlock();
    const store = (): void => state.meta.set('key', 'value');
    await audit.around('label', {}, BY, store);
    await state.database.idle();
    // From now on nobody can flush it.
    rmSync(`${state.databasePath}-wal`);
    await assert.rejects(audit.around('label', {}, BY, store), hasCode('HL_STORE_UNAVAILABLE'));
    await state.database.settled();
    rmSync(`${state.databasePath}-wal`, { force: true });
    await state.database.idle();
    assert.equal(await audit.around('pause', {}, BY, () => 'done'), 'done');
  });

  test('that cannot be written is reported and stops nothing', async (t) => {
    const { audit, state, lines, written } = trail(t);
    state.database.pragma('query_only = ON');
    assert.equal(await audit.around('pause', {}, BY, () => 'done'), 'done');
    audit.serving('main', null);
    assert.deepEqual(
      lines.all.map(({ level, code, kind }) => [level, code, kind]),
      [
        [50, 'HL_STORE_READ_ONLY', 'command'],
        [50, 'HL_STORE_READ_ONLY', 'serving'],
      ],
    );
    assert.deepEqual(written(), []);
  });
});
