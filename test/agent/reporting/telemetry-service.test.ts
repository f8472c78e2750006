import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { failureMessage, predictionMessage } from '../../../src/agent/reporting/agent-messages.js';
import { TelemetryService } from '../../../src/agent/reporting/telemetry-service.js';
import type { RecentFrame } from '../../../src/agent/seeing/recent-frames.js';
import { HeadlandError } from '../../../src/base/errors.js';
import type { Command } from '../../../src/telemetry/contract/command-contract.js';
import type { PredictionBody } from '../../../src/telemetry/contract/messages.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { freePort, listen } from '../../ports.js';
import { recordedAlarms, recordedLog } from '../../recorder.js';
import {
  privateKey,
  tlsListener,
  withoutOpenssl,
  writeCertificates,
} from '../../telemetry/certificates.js';
import { Mosquitto, passwordFile, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { event, Observer, TcpProxy } from '../../telemetry/tools.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { openRobot, recentFrame } from '../support.js';

type Test = Parameters<typeof Mosquitto.start>[0];

const ERROR = new HeadlandError('HL_PICTURE_INVALID', 'no picture', { remedy: 'None.' });

/** The telemetry of a robot that talks to this broker; null: to its own. */
function predictionOf(recent: RecentFrame): PredictionBody {
  return predictionMessage(recent, recent.perceived.answers[0]!, null);
}

function telemetry(t: Test, mqtt: Record<string, unknown>, dir?: string, port = 0) {
  const settings = {
    mqtt: { backoffInitialMs: 50, backoffMaxMs: 1_000, willDelaySeconds: 0, ...mqtt },
    embeddedBroker: { port },
  };
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= service.stop();
    return stopped;
  };
  // Before the database is closed.
  t.after(stop);
  const robot = openRobot(t, settings, dir);
  const { log, lines } = recordedLog();
  const { alarms, said, changes } = recordedAlarms();
  const service = new TelemetryService(robot.config, {
    boot: 'boot-1',
    environment: {},
    database: robot.state.database,
    alarms,
    log,
  });
  const commands: Command[] = [];
  const start = (): Promise<void> =>
    service.start(async (command) => {
      commands.push(command);
      return { done: command.name };
    });
  return { service, dir: robot.dir, start, stop, commands, lines, alarms, said, changes };
}

describe('telemetry', { skip: withoutMosquitto, timeout: TEST_HANG_MS }, () => {
  test('says its state, retained, and since when', async (t) => {
    const broker = await Mosquitto.start(t);
    const { service, start } = telemetry(t, { url: broker.url });
    await start();
    service.status('online', []);
    const observer = await Observer.connect(t, broker.url);
    const said = (state: string, paused: string[]) =>
      observer.next(
        'headland/r1/status',
        ({ json }) => json.state === state && json.paused.join() === paused.join(),
      );
    const { json: online } = await said('online', []);
    assert.equal(service.connected, true);
    service.status('online', ['training']);
    const { json: still } = await said('online', ['training']);
    assert.equal(still.since, online.since, 'it has been online all the time');
    service.status('paused', ['inference', 'training']);
    const { json: paused } = await said('paused', ['inference', 'training']);
    assert.ok(paused.since >= online.since);
    const late = await Observer.connect(t, broker.url);
    const { json, retain } = await late.next('headland/r1/status');
    assert.deepEqual([json.state, retain], ['paused', true]);
  });

  test('keeps what matters while the broker is away, and lets go of what is old by then', async (t) => {
    const broker = await Mosquitto.start(t);
    const proxy = await TcpProxy.start(t, broker.port);
    proxy.cut();
    const { service, start } = telemetry(t, { url: proxy.url });
    const observer = await Observer.connect(t, broker.url);
    await start();
    for (let index = 0; index < 3; index++) service.event(event(index));
    service.prediction(predictionOf(recentFrame()));
    assert.equal(service.connected, false);
    proxy.mend();
    await observer.next('headland/r1/event', ({ json }) => json.details.index === 2);
    service.prediction(predictionOf(recentFrame({ sequence: 2 })));
    const { json } = await observer.next('headland/r1/prediction');
    assert.equal(json.sequence, 2);
    assert.deepEqual(
      observer.on('headland/r1/event').map((message) => message.json.details.index),
      [0, 1, 2],
    );
  });

  test('sends at the next start what a stop left behind', async (t) => {
    const broker = await Mosquitto.start(t);
    const proxy = await TcpProxy.start(t, broker.port);
    proxy.cut();
    const before = telemetry(t, { url: proxy.url });
    await before.start();
    before.service.event(event(7));
    await before.stop();
    proxy.mend();
    const observer = await Observer.connect(t, broker.url);
    const after = telemetry(t, { url: proxy.url }, before.dir);
    await after.start();
    const { json } = await observer.next('headland/r1/event');
    assert.equal(json.details.index, 7);
  });

  test('says goodbye', async (t) => {
    const broker = await Mosquitto.start(t);
    const { service, start, stop } = telemetry(t, { url: broker.url });
    await start();
    service.status('online', []);
    const observer = await Observer.connect(t, broker.url);
    await observer.next('headland/r1/status', ({ json }) => json.state === 'online');
    service.event(event(1));
    await stop();
    const { json } = await observer.next(
      'headland/r1/status',
      ({ json: status }) => status.state === 'offline',
    );
    assert.equal(json.reason, 'stopped');
    await observer.next('headland/r1/event');
  });

  test('hands commands over and answers them', async (t) => {
    const broker = await Mosquitto.start(t);
    const { service, start, commands } = telemetry(t, { url: broker.url });
    await start();
    service.status('online', []);
    const observer = await Observer.connect(t, broker.url);
    await observer.next('headland/r1/status');
    const payload = JSON.stringify({ what: 'training', transaction: 't1' });
    await observer.client.publishAsync('headland/r1/cmd/pause', payload, { qos: 1 });
    const { json } = await observer.next('headland/r1/cmd/pause/response');
    assert.deepEqual([json.ok, json.data, json.transaction], [true, { done: 'pause' }, 't1']);
    assert.deepEqual(commands, [{ name: 'pause', what: 'training', transaction: 't1' }]);
  });

  test('reports a failure to learn that comes with every label once in a while', async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const { service, start } = telemetry(t, { url: broker.url });
    await start();
    for (let i = 0; i < 100; i++) {
      service.learningFailed(failureMessage(ERROR, 'failure'));
    }
    service.event(event(9));
    await observer.next('headland/r1/event', ({ json }) => json.details.index === 9);
    assert.deepEqual(
      observer.on('headland/r1/event').map(({ json }) => [json.kind, json.code ?? null]),
      [
        ['failure', 'HL_PICTURE_INVALID'],
        ['camera', null],
      ],
    );
  });

  test('tells how a training goes on', async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const { service, start } = telemetry(t, { url: broker.url });
    await start();
    service.status('online', []);
    await observer.next('headland/r1/status');
    service.trainingProgress(
      { phase: 'fit', done: 1, total: 3, etaSeconds: null, paused: 'heat' },
      'main',
      'training-1',
    );
    const progress = await observer.next('headland/r1/training/progress');
    assert.deepEqual([progress.json.training_id, progress.json.phase], ['training-1', 'fit']);
    service.trainingReport({
      task: 'main',
      trainingId: 'training-1',
      trigger: 'labels',
      outcome: 'failed',
      verdict: { key: 'verdict.failed', values: {}, text: 'Failed.' },
      reason: 'too few labels',
      error: ERROR.toJSON(),
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: '2026-01-01T00:00:01.000Z',
      durationMs: 1_000,
      result: null,
    });
    const report = await observer.next('headland/r1/training/report');
    assert.deepEqual([report.json.outcome, report.json.duration_seconds], ['failed', 1]);
  });

  test('proves itself with the password in a file', async (t) => {
    const dir = temporaryFolder(t);
    const passwords = passwordFile(join(dir, 'passwords'), 'robot', 'swordfish');
    // Whoever gives a name has to prove it.
    const broker = await Mosquitto.start(t, [passwords]);
    const secret = join(dir, 'secret');
    const robotWith = (password: string) => {
      writeFileSync(secret, password, { mode: 0o600 });
      return telemetry(t, { url: broker.url, username: 'robot', password: { file: secret } });
    };
    const observer = await Observer.connect(t, broker.url);
    const wrong = robotWith('catfish');
    await wrong.start();
    await wrong.lines.until(({ msg }) => /refuse|not authori/i.test(msg));
    assert.equal(wrong.service.connected, false);
    await wrong.stop();
    // As an editor leaves it.
    const right = robotWith('swordfish\n');
    await right.start();
    right.service.event(event(1));
    await observer.next('headland/r1/event');
  });

  test('proves itself with a certificate, and the broker by its authority', {
    skip: withoutOpenssl,
  }, async (t) => {
    const dir = temporaryFolder(t);
    writeCertificates(dir);
    const port = await freePort();
    const broker = await Mosquitto.start(t, tlsListener(port, dir));
    const observer = await Observer.connect(t, broker.url);
    const { service, start } = telemetry(t, {
      url: `mqtts://127.0.0.1:${port}`,
      caFile: join(dir, 'ca.crt'),
      certFile: join(dir, 'r1.crt'),
      key: { file: privateKey(dir, 'r1') },
    });
    await start();
    service.event(event(1));
    await observer.next('headland/r1/event');
  });

  test('raises an alarm about a file that it cannot read', async (t) => {
    const dir = temporaryFolder(t);
    const url = 'mqtts://127.0.0.1:1';
    const open = join(dir, 'open');
    writeFileSync(open, 'swordfish', { mode: 0o644 });
    const nowhere = join(dir, 'nowhere');
    for (const [mqtt, code] of [
      [{ url, caFile: nowhere }, 'HL_MQTT_TLS_FILE'],
      [{ url, certFile: nowhere }, 'HL_MQTT_TLS_FILE'],
      [{ url, key: { file: nowhere } }, 'HL_SECRET_UNREADABLE'],
      [{ url, password: { file: nowhere } }, 'HL_SECRET_UNREADABLE'],
      [{ url, password: { file: open } }, 'HL_SECRET_TOO_OPEN'],
      [{ url, password: { credential: 'mqtt' } }, 'HL_SECRET_UNREADABLE'],
    ] as const) {
      const { start, changes } = telemetry(t, mqtt);
      await start();
      await changes.until((change) => change === `raised mqtt warning ${code}`);
    }
  });

  test('takes certificates as other systems save them, and says which file holds none', {
    skip: withoutOpenssl,
  }, async (t) => {
    const dir = temporaryFolder(t);
    writeCertificates(dir);
    const port = await freePort();
    const broker = await Mosquitto.start(t, tlsListener(port, dir));
    const observer = await Observer.connect(t, broker.url);
    const pem = readFileSync(join(dir, 'ca.crt'), 'utf8');
    const certFile = join(dir, 'r1.crt');
    const robot = {
      url: `mqtts://127.0.0.1:${port}`,
      certFile,
      key: { file: privateKey(dir, 'r1') },
    };
    const saved: Record<string, Uint8Array> = {
      'with a byte order mark': Buffer.from(`\ufeff${pem}`),
      'UTF-16 of Windows': Buffer.from(`\ufeff${pem.replaceAll('\n', '\r\n')}`, 'utf16le'),
      'with notes before it': Buffer.from(`subject=/CN=ca\n\n${pem}`),
      DER: new X509Certificate(pem).raw,
    };
    for (const [index, [name, bytes]] of Object.entries(saved).entries()) {
      const caFile = join(dir, name);
      writeFileSync(caFile, bytes);
      const { service, start } = telemetry(t, { ...robot, caFile });
      await start();
      service.event(event(index));
      await observer.next('headland/r1/event', ({ json }) => json.details.index === index);
    }
    const none = join(dir, 'none.crt');
    for (const text of ['', 'hello', pem.slice(0, 200), pem.replace('MII', 'XXX')]) {
      writeFileSync(none, text);
      const { start, changes } = telemetry(t, { ...robot, caFile: none });
      await start();
      await changes.until((change) => change === 'raised mqtt warning HL_MQTT_TLS_FILE');
    }
    const { start, changes } = telemetry(t, { ...robot, key: { file: privateKey(dir, 'other') } });
    await start();
    await changes.until((change) => change === 'raised mqtt warning HL_MQTT_TLS_FILE');
  });

  test('connects without TLS although there is a key that it does not need', async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const file = join(temporaryFolder(t), 'key');
    writeFileSync(file, 'no key', { mode: 0o600 });
    const { service, start, said } = telemetry(t, { url: broker.url, key: { file } });
    await start();
    service.event(event(1));
    await observer.next('headland/r1/event');
    assert.deepEqual(said, []);
  });

  test('connects when the password can be read after all', async (t) => {
    const broker = await Mosquitto.start(t);
    const observer = await Observer.connect(t, broker.url);
    const file = join(temporaryFolder(t), 'secret');
    const robot = telemetry(t, { url: broker.url, username: 'robot', password: { file } });
    await robot.start();
    await robot.changes.until((change) => change === 'raised mqtt warning HL_SECRET_UNREADABLE');
    writeFileSync(file, 'swordfish', { mode: 0o600 });
    robot.service.event(event(1));
    await observer.next('headland/r1/event');
    assert.deepEqual(robot.said, ['raised mqtt warning HL_SECRET_UNREADABLE', 'cleared mqtt']);
  });

  test('waits for the port of its own broker, and says so', async (t) => {
    const other = createServer();
    const port = await listen(other);
    t.after(() => other.close());
    const { service, start, lines, said } = telemetry(t, { url: null }, undefined, port);
    await start();
    assert.deepEqual(said, ['raised broker warning HL_BROKER_PORT_IN_USE']);
    assert.equal(service.url, `mqtt://127.0.0.1:${port}`, 'where it will be');
    service.event(event(1));
    other.close();
    await lines.until(({ msg }) => msg === 'embedded broker started');
    const observer = await Observer.connect(t, service.url, 4);
    await observer.next('headland/r1/status');
    assert.deepEqual(said.slice(1), ['cleared broker']);
  });

  test('brings its own broker along where none is named', async (t) => {
    const { service, start, stop } = telemetry(t, { url: null });
    assert.equal(service.connected, false);
    await start();
    assert.match(service.url, /^mqtt:\/\/127\.0\.0\.1:\d+$/);
    service.status('online', []);
    const observer = await Observer.connect(t, service.url, 4);
    await observer.next('headland/r1/status', ({ json }) => json.state === 'online');
    await stop();
    await assert.rejects(Observer.connect(t, service.url, 4));
  });

  test('takes everything in silence before it has started', async (t) => {
    const { service, stop } = telemetry(t, { url: 'mqtt://127.0.0.1:1' });
    service.status('online', []);
    service.event(event(1));
    service.learningFailed(event(2));
    service.prediction(predictionOf(recentFrame()));
    await stop();
  });
});
