import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameFlow } from '../../src/agent/care/frame-flow.js';
import { type Progress, standstills, Watchdog } from '../../src/agent/watchdog.js';
import { SystemdNotifier } from '../../src/host/notify.js';
import { systemdReceiver, withoutReceiver } from '../host/systemd-receiver.js';
import { TEST_HANG_MS } from '../liveness.js';
import { quietScheduler, recordedLog } from '../recorder.js';

/** Timers that keep this process alive. */
const timers = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

const GOES_ON: Progress = { busyForMs: 0, downForMs: 0, undecidedForMs: 0, stuckWork: [] };

describe('the watchdog', { skip: withoutReceiver, timeout: TEST_HANG_MS }, () => {
  test('tells that the daemon is up and how it is, and is fed while there is progress', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { log, lines } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '80000' });
    const watchdog = new Watchdog(notifier, quietScheduler(), log);
    let standstill: string[] = [];
    const before = timers();
    watchdog.start(
      () => standstill,
      () => '9.8 frames/s',
    );
    t.after(() => watchdog.stopping());
    const fed = (text: string): boolean => text === 'WATCHDOG=1';
    const [status] = await messages.count(1);
    assert.equal(status?.text, 'STATUS=9.8 frames/s');
    for (let i = 0; i < 2; i++) await messages.next(({ text }) => fed(text));
    assert.ok(!messages.all.some(({ text }) => text === 'READY=1'), 'fed before it is ready');
    watchdog.ready();
    watchdog.ready();
    await messages.until(({ text }) => text === 'READY=1');

    standstill = ['a frame hangs in perception'];
    notifier.status('stuck');
    for (let i = 0; i < 3; i++) await lines.next(({ level }) => level === 50);
    assert.equal(lines.all.at(-1)?.msg, 'watchdog not reset: a frame hangs in perception');
    notifier.status('goes on');
    standstill = [];
    await messages.until(({ text }) => text === 'STATUS=goes on');
    const all = messages.all.map(({ text }) => text);
    const stuck = all.slice(all.indexOf('STATUS=stuck'), all.indexOf('STATUS=goes on'));
    assert.deepEqual(stuck.filter(fed), [], 'not fed while nothing moved');
    await messages.next(({ text }) => fed(text));

    watchdog.stopping();
    await messages.until(({ text }) => text === 'STOPPING=1');
    assert.equal(messages.all.filter(({ text }) => text === 'READY=1').length, 1);
    assert.equal(timers(), before, 'nothing is told any more');
  });

  test('without a watchdog in the unit only the status is told', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { log } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path });
    const watchdog = new Watchdog(notifier, quietScheduler(), log);
    watchdog.start(
      () => assert.fail('nobody is fed'),
      () => 'fine',
    );
    watchdog.ready();
    watchdog.stopping();
    assert.deepEqual(
      (await messages.count(3)).map(({ text }) => text),
      ['STATUS=fine', 'READY=1', 'STOPPING=1'],
    );
  });

  test('says when systemd can only be told through systemd-notify', () => {
    const { log, lines } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: '/nonexistent/notify' }, () => {
      throw new Error('no such binary');
    });
    const watchdog = new Watchdog(notifier, quietScheduler(), log);
    watchdog.start(
      () => [],
      () => 'fine',
    );
    watchdog.stopping();
    assert.deepEqual(
      lines.all.map(({ level, reason }) => [level, reason]),
      [[40, 'no such binary']],
    );
  });

  test('asks for nothing where there is no systemd', () => {
    const { log } = recordedLog();
    const before = timers();
    const notifier = new SystemdNotifier({ WATCHDOG_USEC: '80000' });
    const watchdog = new Watchdog(notifier, quietScheduler(), log);
    watchdog.start(
      () => assert.fail('nobody is fed'),
      () => assert.fail('nobody reads it'),
    );
    watchdog.ready();
    assert.equal(timers(), before);
    watchdog.stopping();
  });

  test('goes on when the status cannot be read', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { log, lines } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '80000' });
    const watchdog = new Watchdog(notifier, quietScheduler(), log);
    t.after(() => watchdog.stopping());
    watchdog.start(
      () => [],
      () => {
        throw new Error('the disk reports an error');
      },
    );
    await messages.until(({ text }) => text === 'WATCHDOG=1');
    assert.match(String(lines.all[0]?.err), /the disk reports an error/);
  });

  test('starves when a frame hangs, or when perception stays away', () => {
    const starves = (progress: Partial<Progress>): boolean =>
      standstills({ ...GOES_ON, ...progress }).length > 0;
    assert.equal(starves({}), false);
    assert.equal(starves({ busyForMs: 19_999 }), false);
    assert.equal(starves({ busyForMs: 20_000 }), true);
    assert.equal(starves({ downForMs: 59_999 }), false);
    assert.equal(starves({ downForMs: 60_000 }), true);
  });

  test('starves when frames come and none is decided, or vital work does not end', () => {
    assert.deepEqual(standstills({ ...GOES_ON, undecidedForMs: 19_999 }), []);
    assert.equal(standstills({ ...GOES_ON, undecidedForMs: 20_000 }).length, 1);
    // Perception that starts again has its own time.
    assert.deepEqual(standstills({ ...GOES_ON, undecidedForMs: 20_000, downForMs: 1 }), []);
    assert.deepEqual(standstills({ ...GOES_ON, stuckWork: ['broker'] }), [
      'the work "broker" does not end',
    ]);
  });
});

describe('the flow of frames', () => {
  test('stands still only while frames come and none is finished', () => {
    const flow = new FrameFlow();
    assert.equal(flow.undecidedForMs(1_000_000, null), 0, 'no camera delivers');
    flow.delivered(1_000);
    flow.delivered(2_000);
    assert.equal(flow.undecidedForMs(31_000, null), 30_000);
    assert.equal(flow.undecidedForMs(31_000, 0.1), 20_000, 'the limit of the rate makes it wait');
    assert.equal(flow.hasDecided, false);
    flow.interrupted();
    assert.equal(flow.undecidedForMs(31_000, null), 0);
    flow.delivered(31_000);
    flow.decided();
    assert.deepEqual([flow.undecidedForMs(99_000, null), flow.hasDecided], [0, true]);
  });
});
