import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { NO_ALARMS } from '../../src/base/alarms.js';
import { silentLog } from '../../src/base/log.js';
import { probeBroker } from '../../src/telemetry/connection/probe-broker.js';
import { MESSAGES, type MessageName } from '../../src/telemetry/contract/messages.js';
import { CONTRACT, messageTopic, pictureTopic } from '../../src/telemetry/contract/topics.js';
import { discoveryTopic } from '../../src/telemetry/homeassistant/device-discovery.js';
import { TelemetryClient } from '../../src/telemetry/telemetry-client.js';
import { TEST_HANG_MS } from '../liveness.js';
import { Recorder } from '../recorder.js';
import { withoutOpenssl } from '../telemetry/certificates.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';
import { allKinds, mqttSettings, openOutbox, until } from '../telemetry/tools.js';
import { temporaryFolder } from '../temporary-folder.js';
import { certificates, DeployedBroker } from './mosquitto-broker.js';

const SKIP = withoutMosquitto || withoutOpenssl;
const MESSAGE_NAMES = Object.keys(MESSAGES) as MessageName[];
/** MQTT 5: not authorised. */
const REFUSED = 0x87;

interface Heard {
  topic: string;
  text: string;
}

function hear(client: MqttClient): Recorder<Heard> {
  const heard = new Recorder<Heard>();
  client.on('message', (topic, payload) => heard.add({ topic, text: payload.toString() }));
  return heard;
}

/** The real telemetry of a robot. */
function telemetry(t: TestContext, broker: DeployedBroker, id: string, namedTasks: boolean) {
  const store = openOutbox(join(temporaryFolder(t), 'outbox.db'));
  const client = new TelemetryClient({
    namedTasks,
    robotId: id,
    boot: `boot of ${id}`,
    settings: mqttSettings(),
    access: () => ({ url: broker.url, credentials: broker.identity(id) }),
    outbox: store.outbox,
    alarms: NO_ALARMS,
    log: silentLog(),
  });
  t.after(async () => {
    await client.stop();
    store.close();
  });
  return client;
}

/** The reason code with which the broker refuses a message; null: it takes it. */
async function refusal(client: MqttClient, topic: string): Promise<number | null> {
  try {
    await client.publishAsync(topic, 'forged', { qos: 1 });
    return null;
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error && typeof error.code === 'number');
    return error.code;
  }
}

/** Every topic of a robot, with tasks and without, and in Home Assistant. */
function topicsOf(id: string): string[] {
  const below = [
    ...MESSAGE_NAMES.flatMap((name) => [messageTopic(name, null), messageTopic(name, 'rows')]),
    CONTRACT.command.topic.replace('<name>', 'retrain'),
    CONTRACT.response.topic.replace('<name>', 'retrain'),
    pictureTopic('main'),
  ];
  const own = [...new Set(below)].map((topic) => `headland/${id}/${topic}`);
  return [...own, discoveryTopic('homeassistant', id)];
}

describe('deploy/mosquitto', { skip: SKIP, timeout: TEST_HANG_MS }, () => {
  test('carries everything that a robot says, and commands of an operator to it', async (t) => {
    const broker = await DeployedBroker.start(t);
    broker.certify('robot', 'r1', 'r2');
    broker.certify('user', 'operator', 'viewer');
    const operator = await broker.connect(t, broker.identity('operator'));
    const heard = hear(operator);
    await operator.subscribeAsync('headland/#', { qos: 1 });
    for (const [id, namedTasks] of [
      ['r1', true],
      ['r2', false],
    ] as const) {
      const robot = telemetry(t, broker, id, namedTasks);
      robot.onCommand(async () => ({ of: id }));
      robot.start();
      await until('a connection', () => robot.connected);
      const { prediction, training_progress, ...kept } = allKinds(robot);
      // These are sent only while nothing else is on its way.
      for (const say of [prediction, training_progress]) await until('sent', say);
      for (const say of Object.values(kept)) say();
      const said = MESSAGE_NAMES.map((name) => messageTopic(name, namedTasks ? 'main' : null));
      for (const topic of said) {
        await heard.until((message) => message.topic === `headland/${id}/${topic}`, topic);
      }
      const command = { qos: 1 } as const;
      await operator.publishAsync(`headland/${id}/cmd/status`, '{}', command);
      const answered = `headland/${id}/cmd/status/response`;
      const { text } = await heard.until(({ topic }) => topic === answered, answered);
      assert.deepEqual(JSON.parse(text).data, { of: id });
      const { commandsAccepted, commandsRefused } = robot.stats();
      assert.deepEqual([commandsAccepted, commandsRefused], [1, 0]);
    }
    const viewer = await broker.connect(t, broker.identity('viewer'));
    const seen = hear(viewer);
    await viewer.subscribeAsync('headland/#', { qos: 1 });
    await seen.until(({ topic }) => topic === 'headland/r1/status', 'the retained status');
    assert.equal(await refusal(viewer, 'headland/r1/cmd/retrain'), REFUSED);
  });

  test('keeps robots apart: none reads or writes the tree of another, or sends commands', async (t) => {
    const broker = await DeployedBroker.start(t);
    broker.certify('robot', 'r1', 'r2');
    broker.certify('user', 'operator');
    const operator = await broker.connect(t, broker.identity('operator'));
    const all = hear(operator);
    await operator.subscribeAsync('#', { qos: 1 });
    const [r1, r2] = [
      await broker.connect(t, broker.identity('r1')),
      await broker.connect(t, broker.identity('r2')),
    ];
    const overheard = hear(r1);
    for (const filter of ['#', 'headland/#', 'headland/r2/#', '+/r2/+', '$share/x/headland/r2/#']) {
      await r1.subscribeAsync(filter, { qos: 1 }).catch(() => {});
    }
    for (const topic of topicsOf('r2')) {
      assert.equal(await refusal(r1, topic), REFUSED, topic);
      const isCommand = topic.endsWith('/cmd/retrain');
      assert.equal(await refusal(r2, topic), isCommand ? REFUSED : null, `${topic} of its own`);
    }
    const elsewhere = ['headland/r1/cmd/retrain', 'headland/r1', 'headland', 'a', '$SYS/x'];
    for (const topic of [...elsewhere, 'headland/r1/else', 'headland/r1/status/x']) {
      assert.equal(await refusal(r1, topic), REFUSED, topic);
    }
    await operator.publishAsync('headland/r2/cmd/retrain', 'for r2', { qos: 1 });
    await operator.publishAsync('headland/r1/cmd/retrain', 'for r1', { qos: 1 });
    await overheard.until(({ text }) => text === 'for r1', 'the command');
    assert.deepEqual(
      overheard.all.map(({ topic }) => topic).filter((topic) => !topic.startsWith('headland/r1/')),
      [],
    );
    const forged = all.all.filter(
      ({ topic, text }) => topic.startsWith('headland/r1/') && text === 'forged',
    );
    assert.deepEqual(forged, []);
    assert.equal(await refusal(operator, 'headland/r1/status'), REFUSED, 'not in its name');
  });

  test('lets in nobody without a certificate of its authority, and no lost robot', async (t) => {
    const broker = await DeployedBroker.start(t);
    broker.certify('robot', 'r1', 'lost');
    const { ca } = broker.identity('r1');
    await assert.rejects(broker.connect(t, { ca }));
    const foreign = join(temporaryFolder(t), 'ca');
    for (const args of [['ca'], ['robot', 'r1']]) {
      assert.equal(certificates(foreign, ...args).status, 0);
    }
    const file = (name: string) => readFileSync(join(foreign, name));
    await assert.rejects(broker.connect(t, { ca, cert: file('r1.crt'), key: file('r1.key') }));
    // A user name makes nobody an operator.
    const named = await broker.connect(t, broker.identity('lost'), { username: 'operator' });
    assert.equal(await refusal(named, 'headland/lost/cmd/retrain'), REFUSED);
    broker.certify('revoke', 'lost');
    await broker.down();
    broker.install();
    await broker.up();
    await assert.rejects(broker.connect(t, broker.identity('lost')));
    await broker.connect(t, broker.identity('r1'));
  });

  test('passes the checks of `headland doctor`', async (t) => {
    const broker = await DeployedBroker.start(t);
    broker.certify('robot', 'r1');
    const steps = await probeBroker({
      access: { url: broker.url, credentials: broker.identity('r1') },
      settings: mqttSettings(),
      robotId: 'r1',
    });
    assert.deepEqual(
      steps.map(({ stage, state }) => [stage, state]),
      ['address', 'port', 'certificate', 'login', 'subscription', 'publication'].map((stage) => [
        stage,
        'ok',
      ]),
      JSON.stringify(steps),
    );
  });
});

describe('certificates.sh', { skip: withoutOpenssl, timeout: TEST_HANG_MS }, () => {
  test('gives nobody the rights of another', (t) => {
    const dir = join(temporaryFolder(t), 'ca');
    const run = (...args: string[]) => certificates(dir, ...args);
    const refused = (why: RegExp, ...args: string[]) => {
      const { status, stderr } = run(...args);
      assert.equal(status, 1, args.join(' '));
      assert.match(stderr, why);
    };
    refused(/no authority/, 'robot', 'r1');
    assert.equal(run('ca').status, 0);
    refused(/authority already/, 'ca');
    assert.equal(run('robot', 'r1', 'field-7').status, 0);
    for (const name of ['operator', 'viewer', 'broker']) {
      refused(/would get its rights/, 'robot', name);
    }
    for (const name of [
      'r1/../operator',
      '+',
      '#',
      'a b',
      '',
      '-x',
      'CN=operator',
      'x'.repeat(65),
    ]) {
      refused(/is no name/, 'robot', name);
    }
    refused(/certificate already/, 'robot', 'r1');
    refused(/is no user/, 'user', 'r1');
    refused(/is no user/, 'user', 'broker');
    const ofAuthority = readFileSync(join(dir, 'ca.key'));
    for (const kind of ['robot', 'server']) refused(/is the authority/, kind, 'ca', 'localhost');
    assert.deepEqual(readFileSync(join(dir, 'ca.key')), ofAuthority);
    for (const name of ['operator', 'hub', 'broker']) {
      refused(/another name/, 'server', name, 'localhost');
    }
    refused(/certificate already/, 'server', 'r1', 'localhost');
    refused(/is no name/, 'server', 'mq1/x', 'localhost');
    refused(/is no host name/, 'server', 'mq1', 'a b');
    assert.equal(run('server', 'mq1').status, 2, 'without a host');
    assert.equal(run('server', 'mq1', 'mq1', '192.168.7.3').status, 0);
    refused(/certificate already/, 'robot', 'mq1');
    refused(/no valid certificate/, 'revoke', 'nobody');
    for (const key of ['ca.key', 'r1.key']) {
      assert.equal(statSync(join(dir, key)).mode & 0o777, 0o600, key);
    }
    assert.equal(run('broker', 'broker.farm.lan', '192.168.7.2', 'fd00::7').status, 0);
    const names = openssl(dir, 'x509', '-in', 'broker.crt', '-noout', '-ext', 'subjectAltName');
    const ofNode = openssl(dir, 'x509', '-in', 'mq1.crt', '-noout', '-ext', 'subjectAltName');
    assert.match(ofNode, /DNS:mq1, IP Address:192\.168\.7\.3\n/);
    assert.match(names, /DNS:broker\.farm\.lan, IP Address:192\.168\.7\.2, IP Address:FD00:/);
    // The key of a stolen robot must not make a false broker.
    const verify = (purpose: string, name: string) =>
      spawnSync('openssl', ['verify', '-purpose', purpose, '-CAfile', 'ca.crt', `${name}.crt`], {
        cwd: dir,
      }).status;
    assert.equal(verify('sslclient', 'r1'), 0);
    assert.notEqual(verify('sslserver', 'r1'), 0);
    assert.equal(verify('sslserver', 'broker'), 0);
    assert.notEqual(verify('sslclient', 'broker'), 0);
    assert.equal(verify('sslserver', 'mq1'), 0);
    assert.notEqual(verify('sslclient', 'mq1'), 0);
    assert.equal(run('revoke', 'r1').status, 0);
    assert.equal(run('robot', 'r1').status, 0);
    const listed = run('list').stdout.trim().split('\n');
    assert.deepEqual(
      listed.map((line) => [line[0], line.split('\t').at(-1)]),
      [
        ['R', '/CN=r1'],
        ['V', '/CN=field-7'],
        ['V', '/CN=mq1'],
        ['V', '/CN=broker'],
        ['V', '/CN=r1'],
      ],
    );
    assert.equal(run('everything').status, 2);
  });
});

function openssl(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}
