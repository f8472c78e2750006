import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { httpCamera, type Viewer } from '../../camera/sources.js';
import { needsTool } from '../../camera/support.js';
import { systemdReceiver, withoutReceiver } from '../../host/systemd-receiver.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { Recorder } from '../../recorder.js';
import { drawPicture } from '../../training/fixture.js';
import { TestAgent } from '../support.js';

const fed = ({ text }: { text: string }): boolean => text === 'WATCHDOG=1';
const isReady = ({ text }: { text: string }): boolean => text === 'READY=1';

describe('what systemd is told of a start', {
  skip: withoutReceiver,
  timeout: TEST_HANG_MS,
}, () => {
  test('it is over with the first decided frame, and not before', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { path, messages } = await systemdReceiver(t);
    const viewers = new Recorder<Viewer>();
    const input = await httpCamera(t, viewers.add);
    const { agent, decisions } = await TestAgent.create(
      t,
      [],
      { cameras: [{ driver: 'ffmpeg', input, stallMs: 120_000 }] },
      { NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000' },
    );
    await agent.start();
    const viewer = await viewers.until(() => true);
    for (let i = 0; i < 3; i++) await messages.next(fed);
    assert.ok(!messages.all.some(isReady), 'fed, but nothing was decided yet');
    assert.equal(decisions.all.length, 0);
    const picture = await drawPicture('crop', 1);
    const sending = setInterval(() => viewer.send(picture), 50);
    t.after(() => clearInterval(sending));
    await messages.until(isReady);
    assert.ok(decisions.all.length > 0);
  });

  test('it is over when an alarm says why no frame comes; a lost camera and broker starve nothing', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const { path, messages } = await systemdReceiver(t);
    const nowhere = await freePort();
    const { agent, decisions } = await TestAgent.create(
      t,
      [],
      {
        cameras: [{ driver: 'ffmpeg', input: `http://127.0.0.1:${nowhere}/video` }],
        mqtt: { url: `mqtt://127.0.0.1:${nowhere}` },
      },
      { NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000' },
    );
    await agent.start();
    await messages.until(isReady);
    const [alarm] = agent.alarms.list();
    assert.equal(alarm?.name, 'camera-main');
    assert.equal(decisions.all.length, 0);
    for (let i = 0; i < 5; i++) await messages.next(fed);
  });

  test('it is over while inference is paused', async (t) => {
    const { path, messages } = await systemdReceiver(t);
    const { agent, decisions } = await TestAgent.create(t, ['crop'], {}, { NOTIFY_SOCKET: path });
    agent.pausing.pause('inference');
    await agent.start();
    await messages.until(isReady);
    assert.equal(decisions.all.length, 0);
  });
});
