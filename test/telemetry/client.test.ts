import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../../src/base/log.js';
import { startEmbeddedBroker } from '../../src/telemetry/broker/embedded-broker.js';
import { MESSAGES, type MessageName } from '../../src/telemetry/contract/messages.js';
import { CONTRACT, messageTopic } from '../../src/telemetry/contract/topics.js';
import { TEST_HANG_MS } from '../liveness.js';
import { listen } from '../ports.js';
import { temporaryFolder } from '../temporary-folder.js';
import { Mosquitto, withoutMosquitto } from './mosquitto.js';
import {
  allKinds,
  event,
  model,
  Observer,
  openOutbox,
  prediction,
  robot,
  TcpProxy,
  until,
} from './tools.js';

const CHILD = fileURLToPath(new URL('./publisher-child.js', import.meta.url));

describe('telemetry against mosquitto', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  test('named tasks have topics of their own, and the model from before them is withdrawn', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const before = robot(t, broker.url);
    before.client.start();
    allKinds(before.client).model();
    const observer = await Observer.connect(t, broker.url);
    await observer.next('headland/r1/model');
    await before.stop();

    const { client, stop } = robot(t, broker.url, { namedTasks: true, boot: 'boot-2' });
    client.start();
    await until('connected', () => client.connected);
    const send = allKinds(client);
    for (const name of Object.keys(MESSAGES) as MessageName[]) {
      send[name]();
      const topic = messageTopic(name, 'main');
      assert.equal(topic.startsWith('task/main/'), CONTRACT[name].topic.includes('<task>'));
      const { json } = await observer.next(
        `headland/r1/${topic}`,
        ({ json: body }) => body?.boot === 'boot-2',
      );
      assert.deepEqual(MESSAGES[name].parse(json), json, name);
    }
    await observer.next('headland/r1/model', ({ bytes }) => bytes.length === 0);
    await stop();
    const late = await Observer.connect(t, broker.url);
    await late.next('headland/r1/task/main/model');
    assert.deepEqual(late.on('headland/r1/model'), []);
  });

  for (const protocol of ['auto', '3.1.1'] as const) {
    test(`every message, protocol ${protocol}`, { timeout: TEST_HANG_MS }, async (t) => {
      const broker = await Mosquitto.start(t);
      const observer = await Observer.connect(t, broker.url);
      const { client, stop } = robot(t, broker.url, { settings: { protocol } });
      try {
        const send = allKinds(client);
        send.info();
        send.model();
        assert.equal(send.prediction(), false, 'no connection yet');
        client.start();
        await until('connected', () => client.connected);
        assert.equal(client.stats().protocolVersion, protocol === '3.1.1' ? 4 : 5);
        for (const name of [
          'prediction',
          'training_progress',
          'event',
          'training_report',
        ] as const) {
          assert.equal(send[name](), true, name);
        }
        send.metrics();
        send.camera_quality();
        for (const name of Object.keys(MESSAGES) as MessageName[]) {
          const { json } = await observer.next(`headland/r1/${messageTopic(name, null)}`);
          assert.deepEqual(MESSAGES[name].parse(json), json, name);
        }
        assert.equal(observer.on('headland/r1/prediction').length, 1, 'the unsent one is gone');
        const pairs = observer.seen.map(({ json }) => `${json.boot} ${json.seq}`);
        assert.equal(new Set(pairs).size, pairs.length, '(boot, seq) is unique');
        await until('an empty outbox', () => client.stats().outbox.messages === 0);
      } finally {
        await stop();
      }
      const last = await observer.next(
        'headland/r1/status',
        ({ json }) => json.state === 'offline',
      );
      assert.equal(last.json.reason, 'stopped');
      const late = await Observer.connect(t, broker.url, 4);
      await until('retained', () => late.seen.length === 3);
      const retained = late.seen.map(({ topic, retain }) => [topic, retain]).sort();
      assert.deepEqual(retained, [
        ['headland/r1/info', true],
        ['headland/r1/model', true],
        ['headland/r1/status', true],
      ]);
      assert.equal(late.on('headland/r1/status')[0]!.json.state, 'offline');
    });
  }

  test('the last will of a killed process is seen', { timeout: TEST_HANG_MS }, async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const dir = temporaryFolder(t);
    const child = spawn(process.execPath, [CHILD, broker.url, join(dir, 'o.db'), 'boot-w'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    try {
      await observer.next('headland/r1/status', ({ json }) => json.state === 'online');
      child.kill('SIGKILL');
      const will = await observer.next('headland/r1/status', (m) => m.json.state === 'offline');
      assert.equal(will.json.reason, 'connection_lost');
      assert.equal(will.json.boot, 'boot-w');
      assert.equal(will.json.session, 1);
      assert.equal(will.json.since, null);
      MESSAGES.status.parse(will.json);
      const late = await Observer.connect(t, broker.url);
      const kept = await late.next('headland/r1/status');
      assert.equal(kept.retain, true);
      assert.equal(kept.json.state, 'offline');
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a will that the broker delays is not sent when the robot comes back', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const proxy = await TcpProxy.start(t, broker.port);
    const { client, stop } = robot(t, proxy.url, { settings: { willDelaySeconds: 60 } });
    try {
      client.start();
      await until('first session', () => client.connected);
      proxy.cut();
      await until('lost', () => !client.connected);
      proxy.mend();
      await observer.next('headland/r1/status', ({ json }) => json.session >= 2);
      const states = observer.on('headland/r1/status').map(({ json }) => json.state);
      assert.ok(!states.includes('offline'), `no offline among ${states}`);
    } finally {
      await stop();
    }
  });

  test('broker killed and restarted: every event arrives, in order', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const proxy = await TcpProxy.start(t, broker.port);
    let observer = await Observer.connect(t, broker.url);
    const arrived: number[] = [];
    const collect = () => {
      arrived.push(...observer.on('headland/r1/event').map(({ json }) => json.details.index));
    };
    const { client, outbox, stop } = robot(t, proxy.url);
    allKinds(client).model();
    client.start();
    let index = 0;
    for (let outage = 0; outage < 3; outage++) {
      await until('connected', () => client.connected);
      for (let i = 0; i < 150; i++) {
        assert.equal(client.event(event(index++)), true);
        if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await broker.kill();
      proxy.cut();
      await until('the observer noticed', () => !observer.client.connected);
      collect();
      for (let i = 0; i < 50; i++) client.event(event(index++));
      await broker.up();
      observer = await Observer.connect(t, broker.url);
      proxy.mend();
    }
    await until('an empty outbox', () => outbox.stats().messages === 0);
    await until('the last event', () =>
      observer.on('headland/r1/event').some(({ json }) => json.details.index === index - 1),
    );
    assert.ok(observer.on('headland/r1/model').length > 0, 'retained states are said again');
    collect();
    const first = [...new Set(arrived)];
    assert.deepEqual(
      first,
      Array.from({ length: index }, (_, i) => i),
      'all of them, first copies in order',
    );
    await stop();
  });

  test('a link that hangs is noticed by the keep-alive, and nothing is lost', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const { client } = robot(t, broker.url, { settings: { keepaliveSeconds: 5 } });
    client.start();
    await until('connected', () => client.connected);
    broker.freeze();
    for (let i = 0; i < 30; i++) client.event(event(i));
    await until('noticed', () => !client.connected);
    assert.equal(client.stats().outbox.messages, 30);
    broker.thaw();
    await until('all delivered', () => client.stats().outbox.messages === 0);
    assert.equal(client.connected, true);
  });

  test('process killed while publishing: nothing that was durable is lost', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const dir = temporaryFolder(t);
    const path = join(dir, 'outbox.db');
    const durable: string[] = [];
    for (const boot of ['k1', 'k2', 'k3']) {
      // The second never reaches a broker: all it has is its disk.
      const url = boot === 'k2' ? 'mqtt://127.0.0.1:1' : broker.url;
      const child = spawn(process.execPath, [CHILD, url, path, boot], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += chunk;
      });
      await until('events', () => out.split('\n').length > 100);
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await closed;
      durable.push(
        ...out
          .split('\n')
          .slice(0, -1)
          .map((i) => `${boot} ${i}`),
      );
    }
    const { client, outbox, stop } = robot(t, broker.url, { path, boot: 'k4' });
    client.start();
    await until('an empty outbox', () => client.connected && outbox.stats().messages === 0);
    await until('all durable events', () => {
      const seen = new Set(
        observer.on('headland/r1/event').map(({ json }) => `${json.boot} ${json.details.index}`),
      );
      return durable.every((one) => seen.has(one));
    });
    assert.ok(durable.length >= 300);
    await stop();
  });

  test('with a Receive Maximum of 1 and small packets everything still arrives', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t, ['max_inflight_messages 1', 'max_packet_size 1500']);
    const observer = await Observer.connect(t, broker.url);
    const { client, outbox, stop } = robot(t, broker.url);
    client.event(event(0, 'x'.repeat(2_000)));
    for (let i = 1; i <= 30; i++) client.event(event(i));
    client.start();
    await observer.next('headland/r1/event', ({ json }) => json.details.index === 30);
    assert.equal(observer.on('headland/r1/event').length, 30);
    await until('only the large one left', () => outbox.stats().messages === 1);
    assert.equal(client.connected, true);
    assert.equal(client.stats().sessions, 1, 'the broker had no reason to hang up');
    await stop();
  });

  test('a state or a prediction larger than the broker accepts is not sent, and ends nothing', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const broker = await Mosquitto.start(t, ['max_packet_size 480']);
    const observer = await Observer.connect(t, broker.url);
    const { client, stop } = robot(t, broker.url);
    const send = allKinds(client);
    const labels = Array.from({ length: 100 }, (_, index) => `class-${index}`);
    const top = labels.map((label) => ({ label, probability: 0.01 }));
    client.publishModel({ ...model, labels });
    send.info();
    client.start();
    await observer.next('headland/r1/info');
    assert.equal(client.prediction({ ...prediction, top }), false);
    assert.equal(send.training_progress(), true);
    await observer.next('headland/r1/training/progress');
    send.model();
    await observer.next('headland/r1/model');
    assert.equal(observer.on('headland/r1/model').length, 1);
    assert.equal(client.stats().sessions, 1, 'the broker had no reason to hang up');
    await stop();
  });

  test('a message that the broker refuses is kept, and those behind it go on', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const dir = temporaryFolder(t);
    const rights = join(dir, 'acl');
    writeFileSync(rights, 'topic readwrite headland/#\ntopic deny headland/r1/event\n');
    // A broker that was started by root reads it as another user.
    chmodSync(dir, 0o755);
    const broker = await Mosquitto.start(t, [`acl_file ${rights}`]);
    const observer = await Observer.connect(t, broker.url);
    const path = join(dir, 'outbox.db');
    const { client, stop } = robot(t, broker.url, { path });
    client.start();
    await until('connected', () => client.connected);
    const send = allKinds(client);
    assert.equal(send.event(), true);
    assert.equal(send.training_report(), true);
    await observer.next('headland/r1/training/report');
    await stop();
    assert.equal(observer.on('headland/r1/event').length, 0);
    const { outbox, close } = openOutbox(path);
    t.after(close);
    assert.deepEqual(
      outbox.take(9).map(({ topic }) => topic),
      ['headland/r1/event'],
    );
  });

  test('wrong password: it goes on trying and says why', { timeout: TEST_HANG_MS }, async (t) => {
    const broker = await Mosquitto.start(t, ['allow_anonymous false']);
    const { client, stop } = robot(t, broker.url, { settings: { username: 'nobody' } });
    client.start();
    await until('three attempts', () => client.stats().sessions >= 3);
    assert.equal(client.stats().lastEnd?.kind, 'refused');
    assert.equal(client.connected, false);
    await stop();
  });
});

/** An old broker: in front of another one it refuses CONNECT in MQTT 5. */
async function withoutMqtt5(t: TestContext, brokerPort: number): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (connect) => {
      if (connect[connect.indexOf('MQTT') + 4] === 5) {
        socket.end(Buffer.from([0x20, 2, 0, 1]));
        return;
      }
      const onward = tcpConnect(brokerPort, '127.0.0.1');
      onward.on('error', () => socket.destroy());
      onward.write(connect);
      socket.pipe(onward).pipe(socket);
    });
  });
  const port = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `mqtt://127.0.0.1:${port}`;
}

describe('telemetry against other brokers', { timeout: TEST_HANG_MS }, () => {
  test('falls back to 3.1.1 where MQTT 5 is refused', { timeout: TEST_HANG_MS }, async (t) => {
    const broker = await startEmbeddedBroker({ port: 0, maxConnections: 8, log: silentLog() });
    t.after(() => broker.close());
    const observer = await Observer.connect(t, broker.url, 4);
    const { client, stop } = robot(t, await withoutMqtt5(t, broker.port));
    client.start();
    await observer.next('headland/r1/status', ({ json }) => json.state === 'online');
    assert.equal(client.stats().protocolVersion, 4);
    assert.equal(client.stats().sessions, 2, 'one refusal, then 3.1.1');
    client.event(event(1));
    await observer.next('headland/r1/event');
    await stop();
    await observer.next('headland/r1/status', ({ json }) => json.state === 'offline');
  });

  test('tries 3.1.1 where MQTT 5 is answered by hanging up', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const versions: number[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (connect) => {
        // Fixed header (2 bytes at this size or 3), then the protocol name, then the version.
        const version = connect[connect.indexOf('MQTT') + 4]!;
        versions.push(version);
        if (version === 5) socket.destroy();
        else socket.write(Buffer.from([0x20, 2, 0, 0]));
      });
    });
    const port = await listen(server);
    t.after(() => server.close());
    const { client, stop } = robot(t, `mqtt://127.0.0.1:${port}`);
    client.start();
    await until('a CONNECT in 3.1.1', () => versions.includes(4));
    assert.equal(versions[0], 5);
    await stop();
  });

  test('without any broker start and stop are quick to return', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const { client, outbox, stop } = robot(t, 'mqtt://127.0.0.1:1');
    client.start();
    assert.equal(client.event(event(1)), true);
    await until('a failed attempt', () => client.stats().lastEnd?.kind === 'unreachable');
    assert.equal(outbox.stats().messages, 1);
    await stop();
  });

  test('a message that breaks the contract is not sent', { timeout: TEST_HANG_MS }, async (t) => {
    const { client, stop } = robot(t, 'mqtt://127.0.0.1:1');
    assert.equal(client.event({ ...event(1), severity: 'loud' as 'info' }), false);
    assert.equal(client.stats().messagesInvalid, 1);
    assert.equal(client.stats().outbox.messages, 0);
    await stop();
  });
});
