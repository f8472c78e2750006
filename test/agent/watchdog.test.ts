import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makesProgress, Watchdog } from '../../src/agent/watchdog.js';
import { silentLog } from '../../src/base/log.js';
import { SystemdNotifier } from '../../src/host/notify.js';
import { receiver, withoutReceiver } from '../host/notify-receiver.js';
import { TEST_HANG_MS } from '../liveness.js';

describe('the watchdog', () => {
  test('is fed while the daemon is healthy, not while it is not, and again afterwards', {
    skip: withoutReceiver,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { path, next } = await receiver(t, false);
    // 80 ms: asked every 20.
    const notifier = new SystemdNotifier({ NOTIFY_SOCKET: path, WATCHDOG_USEC: '80000' });
    const watchdog = new Watchdog(notifier, silentLog());
    t.after(() => watchdog.stopping());
    let healthy = true;
    let asked = (): void => {};
    const untilAsked = (times: number): Promise<void> =>
      new Promise((resolve) => {
        let left = times;
        asked = () => {
          left -= 1;
          if (left === 0) resolve();
        };
      });
    /** Messages up to the one with this text, which is not among them. */
    const upTo = async (text: string): Promise<string[]> => {
      const texts: string[] = [];
      for (;;) {
        const message = await next();
        if (message.text === text) return texts;
        texts.push(message.text);
      }
    };
    watchdog.ready(
      () => {
        asked();
        return healthy;
      },
      () => 'up',
    );
    assert.deepEqual(await upTo('STATUS=up'), ['READY=1']);
    await untilAsked(3);
    healthy = false;
    notifier.status('ill');
    assert.ok((await upTo('STATUS=ill')).includes('WATCHDOG=1'), 'fed while it was healthy');
    await untilAsked(5);
    notifier.status('still ill');
    assert.deepEqual(await upTo('STATUS=still ill'), []);
    healthy = true;
    await untilAsked(2);
    notifier.status('well');
    assert.ok((await upTo('STATUS=well')).includes('WATCHDOG=1'), 'fed again');
  });

  test('starves when a frame hangs, or when perception stays away', () => {
    assert.equal(makesProgress({ busyForMs: 0, downForMs: 0 }), true);
    assert.equal(makesProgress({ busyForMs: 19_999, downForMs: 0 }), true);
    assert.equal(makesProgress({ busyForMs: 20_000, downForMs: 0 }), false);
    assert.equal(makesProgress({ busyForMs: 0, downForMs: 59_999 }), true);
    assert.equal(makesProgress({ busyForMs: 0, downForMs: 60_000 }), false);
  });
});
