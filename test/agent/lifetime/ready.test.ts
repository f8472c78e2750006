import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { pause } from '../../../src/base/pause.js';
import { httpCamera, type Viewer } from '../../camera/sources.js';
import { needsTool } from '../../camera/support.js';
import { systemdReceiver, withoutReceiver } from '../../host/systemd-receiver.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort } from '../../ports.js';
import { Recorder } from '../../recorder.js';
import { drawPicture } from '../../training/fixture.js';
import { Person, Rig } from '../daemon.js';
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

describe('a pipeline that stands still', { skip: withoutReceiver, timeout: TEST_HANG_MS }, () => {
  test('starves the watchdog although the event loop turns, and feeds it when it goes on', async (t) => {
    if (spawnSync('strace', ['--version']).error) return t.skip('strace is missing');
    const { path, messages } = await systemdReceiver(t);
    const rig = await Rig.create(t);
    const daemon = await rig.start({ env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '2000000' } });
    const person = await Person.connect(t, daemon.mqttUrl);
    await person.until(({ topic }) => topic.endsWith('/prediction'));
    const pid = daemon.process.pid!;
    let debuggers: ChildProcess[] = [];
    const release = (): void => {
      for (const each of debuggers) each.kill('SIGKILL');
      debuggers = [];
    };
    t.after(release);
    // Node.js 20 names no threads: one after the other is held until no decision comes, though
    // the page answers.
    const predictions = (): number =>
      person.received.filter(({ topic }) => topic.endsWith('/prediction')).length;
    const threads = readdirSync(`/proc/${pid}/task`)
      .filter((thread) => thread !== String(pid))
      .reverse();
    let isHeld = false;
    for (const thread of threads) {
      const debug = spawn('strace', ['-q', '-e', 'trace=none', '-p', thread], { stdio: 'ignore' });
      debuggers = [debug];
      await pause(500);
      debug.kill('SIGSTOP');
      await pause(1_000);
      const before = predictions();
      await pause(1_500);
      // A thread of the garbage collector holds the event loop, too: that is another standstill.
      const turns = await fetch(`${daemon.consoleUrl}healthz`, {
        signal: AbortSignal.timeout(1_000),
      }).catch(() => null);
      isHeld = predictions() === before && turns !== null;
      if (isHeld) break;
      release();
    }
    if (!isHeld) return t.skip('no thread can be held here');
    const isStarved = ({ msg }: { msg?: unknown }): boolean =>
      typeof msg === 'string' && msg.startsWith('watchdog not reset: ');
    await daemon.logged(isStarved);
    const fedBefore = messages.all.filter(fed).length;
    const status = await person.command('status');
    assert.equal(status.ok, true, 'the event loop turns');
    assert.equal(messages.all.filter(fed).length, fedBefore, 'systemd would end it');
    release();
    await messages.next(fed);
    const seen = predictions();
    await person.until(() => predictions() > seen);
    assert.equal((await daemon.stop()).code, 0);
  });
});
