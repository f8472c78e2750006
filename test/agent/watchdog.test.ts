import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makesProgress, Watchdog } from '../../src/agent/watchdog.js';
import { SystemdNotifier } from '../../src/host/notify.js';
import { systemdReceiver, withoutReceiver } from '../host/systemd-receiver.js';
import { TEST_HANG_MS } from '../liveness.js';
import { recordedLog } from '../recorder.js';

/** Timers that keep this process alive. */
const timers = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe('the watchdog', { skip: withoutReceiver, timeout: TEST_HANG_MS }, () => {
  test('tells that the daemon is up and how it is, and is fed while there is progress', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { log, lines } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '80000' });
    const watchdog = new Watchdog(notifier, log);
    let healthy = true;
    const before = timers();
    watchdog.ready(
      () => healthy,
      () => '9.8 frames/s',
    );
    t.after(() => watchdog.stopping());
    const [ready, status] = await messages.count(2);
    assert.deepEqual([ready?.text, status?.text], ['READY=1', 'STATUS=9.8 frames/s']);
    const fed = (text: string): boolean => text === 'WATCHDOG=1';
    for (let i = 0; i < 2; i++) await messages.next(({ text }) => fed(text));

    healthy = false;
    notifier.status('stuck');
    for (let i = 0; i < 3; i++) await lines.next(({ level }) => level === 50);
    assert.match(lines.all.at(-1)?.msg ?? '', /no progress: watchdog not reset/);
    notifier.status('goes on');
    healthy = true;
    await messages.until(({ text }) => text === 'STATUS=goes on');
    const all = messages.all.map(({ text }) => text);
    const stuck = all.slice(all.indexOf('STATUS=stuck'), all.indexOf('STATUS=goes on'));
    assert.deepEqual(stuck.filter(fed), [], 'not fed while nothing moved');
    await messages.next(({ text }) => fed(text));

    watchdog.stopping();
    await messages.until(({ text }) => text === 'STOPPING=1');
    assert.equal(timers(), before, 'nothing is told any more');
  });

  test('without a watchdog in the unit only the status is told', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { log } = recordedLog();
    const watchdog = new Watchdog(new SystemdNotifier({ NOTIFY_SOCKET: path }), log);
    watchdog.ready(
      () => assert.fail('nobody is fed'),
      () => 'fine',
    );
    watchdog.stopping();
    assert.deepEqual(
      (await messages.count(3)).map(({ text }) => text),
      ['READY=1', 'STATUS=fine', 'STOPPING=1'],
    );
  });

  test('says when systemd can only be told through systemd-notify', () => {
    const { log, lines } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: '/nonexistent/notify' }, () => {
      throw new Error('no such binary');
    });
    const watchdog = new Watchdog(notifier, log);
    watchdog.ready(
      () => true,
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
    const watchdog = new Watchdog(new SystemdNotifier({ WATCHDOG_USEC: '80000' }), log);
    watchdog.ready(
      () => assert.fail('nobody is fed'),
      () => assert.fail('nobody reads it'),
    );
    assert.equal(timers(), before);
    watchdog.stopping();
  });

  test('goes on when the status cannot be read', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { log, lines } = recordedLog();
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '80000' });
    const watchdog = new Watchdog(notifier, log);
    t.after(() => watchdog.stopping());
    watchdog.ready(
      () => true,
      () => {
        throw new Error('the disk reports an error');
      },
    );
    await messages.until(({ text }) => text === 'WATCHDOG=1');
    assert.equal(messages.all[0]?.text, 'READY=1');
    assert.match(String(lines.all[0]?.err), /the disk reports an error/);
  });

  test('starves when a frame hangs, or when perception stays away', () => {
    assert.equal(makesProgress({ busyForMs: 0, downForMs: 0 }), true);
    assert.equal(makesProgress({ busyForMs: 19_999, downForMs: 0 }), true);
    assert.equal(makesProgress({ busyForMs: 20_000, downForMs: 0 }), false);
    assert.equal(makesProgress({ busyForMs: 0, downForMs: 59_999 }), true);
    assert.equal(makesProgress({ busyForMs: 0, downForMs: 60_000 }), false);
  });
});
