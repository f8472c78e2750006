import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeadlandError } from '../../../src/base/errors.js';
import { Scheduler } from '../../../src/base/timers/scheduler.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder, recordedAlarms, recordedLog } from '../../recorder.js';

function scheduler(nowMs?: () => number) {
  const { alarms, changes, said } = recordedAlarms();
  const { log, lines } = recordedLog();
  const made = new Scheduler({ alarms, log, ...(nowMs ? { nowMs } : {}) });
  return { scheduler: made, changes, said, lines };
}

/** Work that fails as often as it is told to, and then works. */
function failing(times: number, error: () => unknown) {
  const runs = new Recorder<number>();
  const run = (): void => {
    runs.add(runs.all.length);
    if (runs.all.length <= times) throw error();
  };
  return { runs, run };
}

describe('repeated work', { timeout: TEST_HANG_MS }, () => {
  test('that keeps failing raises an alarm, goes on, and clears it when it works', async (t) => {
    const { scheduler: timers, changes, said } = scheduler();
    t.after(() => timers.stop());
    const { run, runs } = failing(4, () =>
      Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }),
    );
    timers.every({ name: 'board', what: 'check the board', intervalMs: 5, run });
    await changes.until((change) => change === 'cleared timer-board');
    assert.deepEqual(said, ['raised timer-board warning HL_TIMER_FAILING', 'cleared timer-board']);
    assert.ok(runs.all.length >= 5);
    assert.equal(timers.failures, 4);
  });

  test('that fails once, or fails because of the disk, raises none of its own', async (t) => {
    const { scheduler: timers, said } = scheduler();
    t.after(() => timers.stop());
    const once = failing(2, () => new Error('once or twice'));
    const disk = failing(9, () => new HeadlandError('HL_STORE_IO', 'no', { remedy: 'None.' }));
    timers.every({ name: 'once', what: 'do it', intervalMs: 5, run: once.run });
    timers.every({ name: 'disk', what: 'write', intervalMs: 5, run: disk.run });
    await Promise.all([once.runs.count(4), disk.runs.count(11)]);
    assert.deepEqual([said, timers.failures], [[], 11]);
  });

  test('that rejects counts as failed, and no run joins another', async (t) => {
    const { scheduler: timers, changes } = scheduler();
    t.after(() => timers.stop());
    let running = 0;
    let most = 0;
    const runs = new Recorder<void>();
    timers.every({
      name: 'slow',
      what: 'be quick',
      intervalMs: 2,
      run: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 20));
        running -= 1;
        runs.add();
        throw new Error('late');
      },
    });
    await changes.until((change) => change.startsWith('raised timer-slow'));
    await runs.count(4);
    assert.equal(most, 1);
  });

  test('ends with its alarm; a run that is under way ends first', async () => {
    const { scheduler: timers, said } = scheduler();
    const order: string[] = [];
    const started = new Recorder<void>();
    let finish: () => void = () => {};
    const repetition = timers.every({
      name: 'long',
      what: 'end',
      intervalMs: 2,
      run: async () => {
        started.add();
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        order.push('run');
      },
    });
    const rare = failing(1, () => new Error('never'));
    const other = timers.every({ name: 'other', what: 'work', intervalMs: 2, run: rare.run });
    await Promise.all([started.count(1), rare.runs.count(2)]);
    const stopped = repetition.stop().then(() => order.push('stopped'));
    finish();
    await stopped;
    await other.stop();
    const after = rare.runs.all.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([order, rare.runs.all.length, said], [['run', 'stopped'], after, []]);
  });

  test('goes on where nothing can be reported', async (t) => {
    const { log } = recordedLog();
    const alarms = {
      raise: () => {
        throw new Error('no memory for a report');
      },
      clear: () => {},
    };
    const timers = new Scheduler({ alarms, log });
    t.after(() => timers.stop());
    const { run, runs } = failing(5, () => new Error('no'));
    timers.every({ name: 'board', what: 'check the board', intervalMs: 2, run });
    await runs.count(7);
  });

  test('of the vital kind counts as stuck when it does not end', async (t) => {
    let nowMs = 0;
    const { scheduler: timers } = scheduler(() => nowMs);
    t.after(() => timers.stop());
    let finish: () => void = () => {};
    const began = new Recorder<void>();
    const run = (): Promise<void> => {
      began.add();
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    timers.every({ name: 'vital', what: 'live', intervalMs: 10, vital: true, run });
    const hang = new Promise<void>(() => {});
    const other = timers.every({ name: 'other', what: 'hang', intervalMs: 10, run: () => hang });
    await began.count(1);
    nowMs = 20_010;
    assert.deepEqual(timers.stuck(), []);
    nowMs = 20_011;
    assert.deepEqual(timers.stuck(), ['vital']);
    finish();
    await began.count(2);
    assert.deepEqual(timers.stuck(), []);
    finish();
    void other.stop();
    // A run that never ends must not be waited for.
    timers.every({ name: 'other', what: 'work', intervalMs: 10, run: () => {} });
  });
});
