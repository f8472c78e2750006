import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import type { Config } from '../../src/config/schema.js';
import { connectInVersion } from '../../src/telemetry/connection/connect-once.js';
import type { BrokerCredentials } from '../../src/telemetry/connection/connection.js';
import { probeBroker } from '../../src/telemetry/connection/probe-broker.js';
import { responseTopic } from '../../src/telemetry/contract/topics.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { HANG_MS, TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';
import { withoutOpenssl, writeCertificates } from './certificates.js';
import { event, mqttSettings, openOutbox, until } from './tools.js';
import { WEBSOCKET_BROKER, type WebSocketBrokerOptions } from './websocket-broker.js';

const PATH = '/farm/mqtt';

/** A broker on WebSocket that can be killed and started again. */
class Broker {
  #child: ChildProcess | null = null;

  private constructor(private readonly options: WebSocketBrokerOptions) {}

  static async start(
    t: TestContext,
    options: Partial<WebSocketBrokerOptions> = {},
  ): Promise<Broker> {
    const broker = new Broker({ port: 0, path: PATH, isOld: false, tls: null, ...options });
    t.after(() => broker.kill());
    await broker.up();
    return broker;
  }

  async up(): Promise<void> {
    const child = fork(WEBSOCKET_BROKER, [JSON.stringify(this.options)]);
    this.#child = child;
    const [port] = await once(child, 'message');
    this.options.port = Number(port);
  }

  get url(): string {
    const { port, tls, path } = this.options;
    return `${tls === null ? 'ws' : 'wss'}://127.0.0.1:${port}${path}`;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

/** Somebody else on the broker, who can be believed to hear all. */
async function person(t: TestContext, url: string, ca?: Buffer) {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...(ca ? { ca } : {}) });
  t.after(() => client.end(true));
  const heard = new Recorder<{ topic: string; body: Record<string, unknown> }>();
  client.on('message', (topic, payload) => heard.add({ topic, body: JSON.parse(String(payload)) }));
  await client.subscribeAsync('headland/#', { qos: 1 });
  return { client, heard };
}

function robotAt(
  t: TestContext,
  [url = '', ...otherUrls]: string[],
  credentials: BrokerCredentials = {},
  settings: Partial<Config['mqtt']> = {},
) {
  const store = openOutbox(join(temporaryFolder(t), 'outbox.db'));
  const client = new TelemetryClient({
    namedTasks: false,
    robotId: 'r1',
    boot: 'boot-1',
    settings: mqttSettings(settings),
    access: () => ({ url, otherUrls, credentials }),
    outbox: store.outbox,
    alarms: NO_ALARMS,
    log: silentLog(),
  });
  t.after(async () => {
    await client.stop();
    store.close();
  });
  client.onCommand(async ({ name }) => ({ heard: name }));
  return { client, outbox: store.outbox };
}

const isEvent = (index: number) => (message: { topic: string; body: Record<string, unknown> }) =>
  message.topic === 'headland/r1/event' &&
  (message.body.details as { index?: number } | undefined)?.index === index;

/** A command, its answer, an outage with messages that wait, and their delivery. */
async function live(t: TestContext, broker: Broker, ca?: Buffer, protocol: '5' | '3.1.1' = '5') {
  const { client, outbox } = robotAt(t, [broker.url], ca ? { ca } : {});
  const before = await person(t, broker.url, ca);
  client.event(event(0));
  client.start();
  await before.heard.until(isEvent(0));
  assert.equal(client.broker.protocol, protocol);
  await before.client.publishAsync('headland/r1/cmd/status', '{"transaction":"t-1"}', { qos: 1 });
  const answer = `headland/r1/${responseTopic('status')}`;
  const { body } = await before.heard.until(({ topic }) => topic === answer);
  assert.equal(body.transaction, 't-1');
  assert.equal(body.ok, true);

  await broker.kill();
  await until('the loss', () => !client.connected);
  for (let index = 1; index <= 50; index++) client.event(event(index));
  assert.ok(outbox.waiting >= 50);
  await broker.up();
  // The broker forgets who subscribed: whoever comes later than the robot misses messages.
  const { url } = client.broker;
  assert.equal(url, broker.url);
  await until('an empty outbox', () => client.connected && outbox.waiting === 0);
  const after = await person(t, broker.url, ca);
  client.event(event(51));
  await after.heard.until(isEvent(51));
  const status = await after.heard.until(({ topic }) => topic === 'headland/r1/status');
  assert.equal(status.body.state, 'online', 'retained');
}

describe('a broker on WebSocket', { timeout: TEST_HANG_MS }, () => {
  test('ws, MQTT 5: command, answer, outage and outbox', async (t) => {
    await live(t, await Broker.start(t));
  });

  test('ws, a broker that knows MQTT 3.1.1 only', async (t) => {
    await live(t, await Broker.start(t, { isOld: true }), undefined, '3.1.1');
  });

  test('wss with an authority of its own, and with another one', {
    skip: withoutOpenssl,
  }, async (t) => {
    const dir = temporaryFolder(t);
    writeCertificates(dir);
    const tls = { cert: join(dir, 'server.crt'), key: join(dir, 'server.key') };
    const broker = await Broker.start(t, { tls });
    const stranger = robotAt(t, [broker.url], { ca: readFileSync(join(dir, 'other.crt')) });
    stranger.client.start();
    await until('refusals', () => stranger.client.stats().sessions >= 3);
    assert.equal(stranger.client.connected, false);
    assert.match(stranger.client.stats().lastEnd!.message, /certificate/);
    await live(t, broker, readFileSync(join(dir, 'ca.crt')));
  });

  test('the next broker takes over, also one on TCP or of another path', async (t) => {
    const [first, second] = [await Broker.start(t), await Broker.start(t, { path: '/other' })];
    const { client } = robotAt(t, [first.url, second.url]);
    client.start();
    await until('connected', () => client.connected);
    assert.equal(client.broker.url, first.url);
    const atSecond = await person(t, second.url);
    await first.kill();
    client.event(event(1));
    await atSecond.heard.until(isEvent(1));
    assert.equal(client.broker.url, second.url);
  });

  test('a wrong path is told as what it is', async (t) => {
    const broker = await Broker.start(t);
    const { client } = robotAt(t, [broker.url.replace(PATH, '/mqtt')]);
    client.start();
    await until('refusals', () => client.stats().sessions >= 3);
    assert.match(client.stats().lastEnd!.message, /Unexpected server response: 400/);
    assert.equal(client.stats().lastEnd?.kind, 'unreachable');
    await assert.rejects(
      connectInVersion(broker.url.replace(PATH, '/mqtt'), {}, 'auto', HANG_MS),
      /Unexpected server response: 400/,
    );
  });

  test('the doctor tries it step by step', async (t) => {
    const broker = await Broker.start(t);
    const steps = await probeBroker({
      access: { url: broker.url, credentials: {} },
      settings: { protocol: 'auto', username: null, keepaliveSeconds: 30 },
      robotId: 'r1',
    });
    assert.deepEqual(
      steps.map(({ stage, state }) => `${stage} ${state}`),
      ['address ok', 'port ok', 'login ok', 'subscription ok', 'publication ok'],
    );
  });
});
