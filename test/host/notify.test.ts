import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { SystemdNotifier } from '../../src/host/notify.js';
import { TEST_HANG_MS } from '../liveness.js';
import { systemdReceiver, withoutReceiver } from './systemd-receiver.js';

const withoutTool = spawnSync('systemd-notify', ['--version']).error
  ? 'systemd-notify is not installed'
  : false;

describe('SystemdNotifier', () => {
  for (const abstract of [false, true]) {
    const kind = abstract ? 'an abstract socket' : 'a socket in the file system';
    it(`speaks to ${kind} in its own name`, {
      skip: withoutReceiver,
      timeout: TEST_HANG_MS,
    }, async (t) => {
      const { path, messages } = await systemdReceiver(t, abstract);
      const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path });
      assert.equal(notifier.libcError, null);
      assert.equal(notifier.transport, 'libc');
      assert.equal(notifier.status('warming up: 3 of 5\nheads'), true);
      assert.equal(notifier.ready(), true);
      assert.equal(notifier.watchdog(), true);
      assert.equal(notifier.stopping(), true);
      const { pid } = process;
      assert.deepEqual(await messages.count(4), [
        { text: 'STATUS=warming up: 3 of 5 heads', pid },
        { text: 'READY=1', pid },
        { text: 'WATCHDOG=1', pid },
        { text: 'STOPPING=1', pid },
      ]);
    });
  }

  it('never blocks on a receiver that does not read', {
    skip: withoutReceiver,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { path, child } = await systemdReceiver(t);
    child.kill('SIGSTOP');
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path });
    assert.equal(notifier.transport, 'libc');
    let refused = 0;
    for (let i = 0; i < 2_000; i++) if (!notifier.watchdog()) refused++;
    assert.ok(refused > 0, 'the queue never filled');
  });

  it('reports that there is no receiver', () => {
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: '/nonexistent/notify' });
    assert.equal(notifier.ready(), false);
  });

  it('calls systemd-notify if libc cannot be called', {
    skip: withoutReceiver || withoutTool,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path }, () => {
      throw new Error('no such binary');
    });
    assert.equal(notifier.transport, 'systemd-notify');
    assert.match(notifier.libcError ?? '', /no such binary/);
    assert.equal(notifier.status('two words'), true);
    assert.equal((await messages.count(1))[0]?.text, 'STATUS=two words');
  });

  it('does nothing without NOTIFY_SOCKET', () => {
    const notifier = new SystemdNotifier({ WATCHDOG_USEC: '30000000' });
    assert.equal(notifier.transport, 'none');
    assert.equal(notifier.watchdogIntervalMs, null);
    assert.equal(notifier.ready(), true);
  });

  it('takes the watchdog interval when it is meant for this process', () => {
    const interval = (extra: NodeJS.ProcessEnv): number | null =>
      new SystemdNotifier({ NOTIFY_SOCKET: '/nonexistent/notify', ...extra }).watchdogIntervalMs;
    assert.equal(interval({}), null);
    assert.equal(interval({ WATCHDOG_USEC: '30000000' }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: `${process.pid}` }), 15_000);
    assert.equal(interval({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), null);
    assert.equal(interval({ WATCHDOG_USEC: '0' }), null);
    assert.equal(interval({ WATCHDOG_USEC: 'soon' }), null);
  });
});
