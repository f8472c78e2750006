import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { TEST_HANG_MS } from '../../liveness.js';
import { listen } from '../../ports.js';
import { Mosquitto, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { Person, Rig } from '../daemon.js';

/** A program of somebody else's on a port that the daemon is told to use. */
async function neighbour(t: TestContext): Promise<{ port: number; leave(): Promise<void> }> {
  const server: Server = createServer((socket) => socket.end('220 ftp.example.org ready\r\n'));
  const port = await listen(server);
  const leave = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  t.after(leave);
  return { port, leave };
}

const alarm =
  (kind: 'alarm_raised' | 'alarm_cleared', name: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  ({ topic, body }: { topic: string; body: any }) =>
    topic.endsWith('/event') && body.kind === kind && body.details.alarm === name;

describe('what is taken by somebody else stops nothing', { timeout: TEST_HANG_MS }, () => {
  test("the page's port: an alarm until it is free", {
    skip: withoutMosquitto,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const taken = await neighbour(t);
    const broker = await Mosquitto.start(t);
    const person = await Person.listen(t, broker.url);
    const rig = await Rig.create(t, {
      mqtt: { url: broker.url },
      console: { port: taken.port },
    });
    const daemon = await rig.start();
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
    const { body } = await person.until(alarm('alarm_raised', 'console'));
    assert.equal(body.code, 'HL_CONSOLE_LISTEN_FAILED');
    assert.match(body.details.remedy, /console\.port/);
    const { data } = await person.command('status');
    assert.deepEqual(
      data.alarms.map((one: { alarm: string; code: string }) => [one.alarm, one.code]),
      [['console', 'HL_CONSOLE_LISTEN_FAILED']],
    );
    assert.equal(data.console, null);
    await person.until(
      ({ topic, body: status }) =>
        topic === 'headland/r1/status' && status.alarms?.[0]?.alarm === 'console',
    );
    assert.equal(daemon.lines.filter((line) => line.alarm === 'console').length, 1, 'said once');

    await taken.leave();
    await person.until(alarm('alarm_cleared', 'console'));
    const after = await person.command('status');
    assert.deepEqual(after.data.alarms, []);
    assert.equal((await fetch(after.data.console)).status, 200);
    assert.equal((await daemon.stop()).code, 0);
  });

  test("the embedded broker's port: frames are judged, and events wait for it", {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const taken = await neighbour(t);
    const rig = await Rig.create(t, { embeddedBroker: { port: taken.port } });
    const daemon = await rig.start();
    await daemon.logged((line) => line.alarm === 'broker' && line.code === 'HL_BROKER_PORT_IN_USE');
    const page = await (await fetch(new URL('/api/status', daemon.consoleUrl))).text();
    assert.match(page, /"alarms":\[\{"name":"broker".*HL_BROKER_PORT_IN_USE/);
    await taken.leave();
    await daemon.logged(
      (line) => line.alarm === 'broker' && /^alarm cleared/.test(String(line.msg)),
    );
    const person = await Person.connect(t, daemon.mqttUrl);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
    const { data } = await person.command('status');
    assert.ok(data.metrics.frames_total > 0);
    assert.deepEqual(data.alarms, []);
    assert.equal((await daemon.stop()).code, 0);
  });

  test('a secret that cannot be read: an alarm until it can', {
    skip: withoutMosquitto,
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const rig = await Rig.create(t, {});
    const file = join(rig.dir, 'password');
    const settings = (password: string) => ({
      mqtt: {
        url: broker.url,
        backoffInitialMs: 100,
        backoffMaxMs: 1_000,
        username: 'robot',
        password: { file: password },
      },
    });
    rig.configure(settings(file));
    writeFileSync(file, 'geheim', { mode: 0o644 });
    const daemon = await rig.start();
    await daemon.logged((line) => line.alarm === 'mqtt' && line.code === 'HL_SECRET_TOO_OPEN');
    chmodSync(file, 0o600);
    await daemon.logged((line) => line.alarm === 'mqtt' && /^alarm cleared/.test(String(line.msg)));
    const person = await Person.connect(t, broker.url);
    await person.until(({ topic }) => topic === 'headland/r1/prediction');
    assert.equal((await daemon.stop()).code, 0);
  });
});
