import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { fleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import { HubStore } from '../../../src/fleet/hub/store/hub-store.js';
import { until } from '../../fleet/hub-fixture.js';
import { placeData } from '../../fleet/places.js';
import { withoutPostgres } from '../../fleet/postgres.js';
import { RobotStandIn } from '../../fleet/stand-in.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Recorder } from '../../recorder.js';
import { withoutOpenssl } from '../../telemetry/certificates.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { certificates } from '../mosquitto-broker.js';
import { FleetDatabase } from './fleet-database.js';
import { FleetHub } from './fleet-hub.js';
import { RabbitNodes, withoutRabbit } from './rabbit-nodes.js';

const SKIP = withoutRabbit || withoutPostgres || withoutOpenssl;
const SIZE = 12;
const ROBOTS = ['r1', 'r2', 'r3'] as const;
const PASSWORD = 'of-this-test-alone';
const NOT_GRANTED = 0x80;
const STEP_MS = 300_000;

/** Everybody's certificates. */
function authority(t: TestContext): string {
  const dir = join(temporaryFolder(t), 'ca');
  for (const args of [
    ['ca'],
    ...['mq1', 'mq2', 'mq3', 'db'].map((name) => ['server', name, name, 'localhost']),
    ['robot', ...ROBOTS, 'r4', 'stranger'],
    ['user', 'hub', 'operator', 'viewer'],
  ]) {
    const { status, stderr } = certificates(dir, ...args);
    assert.equal(status, 0, stderr);
  }
  return dir;
}

function identity(dir: string, name: string) {
  const file = (of: string) => readFileSync(join(dir, of));
  return { ca: file('ca.crt'), cert: file(`${name}.crt`), key: file(`${name}.key`) };
}

/** Somebody with a certificate, at one node. */
class Client {
  readonly heard = new Recorder<{ topic: string; text: string }>();

  private constructor(readonly mqtt: MqttClient) {
    mqtt.on('message', (topic, payload) => this.heard.add({ topic, text: payload.toString() }));
  }

  /** Ends with the test; null: the broker does not let it in. */
  static async of(
    t: TestContext,
    url: string,
    options: { ca: Buffer; cert?: Buffer; key?: Buffer; clientId: string } & Pick<
      IClientOptions,
      'username' | 'password'
    >,
  ): Promise<Client | null> {
    const mqtt = connect(url, { protocolVersion: 4, reconnectPeriod: 0, ...options });
    t.after(() => mqtt.end(true));
    mqtt.on('error', () => {});
    const entered = await new Promise<boolean>((resolve) => {
      mqtt.once('connect', () => resolve(true));
      mqtt.once('close', () => resolve(false));
    });
    return entered ? new Client(mqtt) : null;
  }

  /** Whether the broker takes a message. It closes the connection where not. */
  takes(topic: string, text: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.mqtt.once('close', () => resolve(false));
      this.mqtt.publish(topic, text, { qos: 1 }, (error) => resolve(!error));
    });
  }

  /** Whether the broker grants a subscription. */
  grants(filter: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.mqtt.once('close', () => resolve(false));
      this.mqtt.subscribe(filter, { qos: 1 }, (error, granted) => {
        resolve(!error && granted?.every(({ qos }) => Number(qos) < NOT_GRANTED) === true);
      });
    });
  }
}

test('three nodes of RabbitMQ, PostgreSQL and two hubs from deploy/fleet/fleet serve a fleet', {
  skip: SKIP,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const dir = authority(t);
  const started = performance.now();
  const [nodes, database] = await Promise.all([
    RabbitNodes.start(t, dir),
    FleetDatabase.start(t, dir, PASSWORD),
  ]);
  t.diagnostic(`servers after ${Math.round(performance.now() - started)} ms`);
  const script = (...args: string[]): string => {
    const { status, stdout, stderr } = nodes.robots(...args);
    assert.equal(status, 0, `${args[0]}: ${stderr}`);
    return stdout;
  };
  script('users');
  script('add', ...ROBOTS);
  t.diagnostic(`users after ${Math.round(performance.now() - started)} ms`);
  const hubs = ['one', 'two'].map(
    (replica) =>
      new FleetHub({
        replica,
        authority: dir,
        brokers: nodes.urls,
        databasePort: database.port,
        password: PASSWORD,
      }),
  );
  t.after(() => Promise.all(hubs.map((hub) => hub.stop())));
  await Promise.all(hubs.map((hub) => hub.up()));
  assert.match(hubs[0]?.command('people', 'add', 'Anna', '--role', 'operate') ?? '', /\S{20,}/);
  const robots = ROBOTS.map(
    (robot, at) =>
      new RobotStandIn({
        robot,
        // Each begins at another node.
        url: [...nodes.urls.slice(at), ...nodes.urls.slice(0, at)],
        protocolVersion: 4,
        task: 'weeds',
        backbone: 'b1',
        featureSize: SIZE,
        data: placeData(robot, ['crop', `weed-of-${robot}`], 6, SIZE),
        identity: { ...identity(dir, robot), clientId: `headland-${robot}` },
      }),
  );
  t.after(() => Promise.all(robots.map((robot) => robot.stop())));
  await Promise.all(robots.map((robot) => robot.start()));
  const serves = (label: string) =>
    robots.every(({ head }) => head?.labels.includes(label) === true);

  await t.test('each robot serves what all have taught', async () => {
    const labels = ['crop', ...ROBOTS.map((robot) => `weed-of-${robot}`)];
    await until('a head with all classes', () => labels.every(serves), STEP_MS);
    t.diagnostic(`a head after ${Math.round(performance.now() - started)} ms`);
  });

  /** As somebody, with a client id of its own. */
  const as = async (name: string, clientId: string): Promise<Client> => {
    const client = await Client.of(t, nodes.url('mq1'), { ...identity(dir, name), clientId });
    assert.ok(client, `${name} is let in`);
    return client;
  };
  let probes = 0;
  /** A robot as `headland doctor` connects: refusals cost it its connection. */
  const robotAs = (name: string): Promise<Client> => {
    probes += 1;
    return as(name, `headland-doctor-${probes.toString(16).padStart(8, '0')}`);
  };

  await t.test('no robot hears or forges what is of another robot or of the hub', async () => {
    const operator = await as('operator', 'operator-1');
    assert.ok(await operator.grants('headland/#'));
    const foreign = [
      ...(['reported', 'chunk', 'want', 'desired', 'part'] as const).map((each) =>
        fleetTopic('r2', each),
      ),
      ...['status', 'prediction', 'cmd/status/response'].map((each) => `headland/r2/${each}`),
    ];
    const commands = ['headland/r1/cmd/retrain', 'headland/r2/cmd/retrain'];
    const ofHub = (['desired', 'part'] as const).map((each) => fleetTopic('r1', each));
    for (const topic of [...foreign, ...commands, ...ofHub, 'headland/r1/status/x']) {
      assert.equal(await (await robotAs('r1')).takes(topic, 'forged'), false, topic);
    }
    const filters = ['#', 'headland/#', '+/r2/#', 'headland/+/fleet/desired', 'headland/+/cmd/+'];
    for (const filter of [...filters, ...foreign, 'headland/r1/cmd/#', 'headland/r1/fleet/#']) {
      assert.equal(await (await robotAs('r1')).grants(filter), false, filter);
    }
    const own = await robotAs('r1');
    for (const filter of ['headland/r1/cmd/+', ...ofHub]) assert.ok(await own.grants(filter));
    assert.ok(await own.takes('headland/r1/status', 'own'));
    // The queue of another one, with what waits for it.
    const taken = await as('r1', 'headland-away');
    assert.equal(await taken.grants('headland/r1/cmd/+'), false, 'a queue of another robot');
    const hubs = await as('r1', 'headland-hub-one-more');
    assert.equal(await hubs.grants('headland/r1/cmd/+'), false, 'a queue of a hub');
    await operator.takes('headland/r2/cmd/last', 'of r2');
    await operator.takes('headland/r1/cmd/last', 'of r1');
    await own.heard.until(({ text }) => text === 'of r1', 'the command');
    assert.deepEqual(
      own.heard.all.filter(({ topic }) => !topic.startsWith('headland/r1/')),
      [],
    );
    await operator.heard.until(({ text }) => text === 'of r1', 'the command');
    assert.ok(operator.heard.all.some(({ text }) => text === 'own'));
    assert.deepEqual(
      operator.heard.all.filter(({ text }) => text === 'forged'),
      [],
    );
  });

  await t.test('the hub sees no prediction and no command, and sends no command', async () => {
    const spy = () => as('hub', 'headland-hub-spy');
    const filters = ['#', 'headland/#', 'headland/+/fleet/#', 'headland/+/prediction'];
    for (const filter of [...filters, 'headland/r1/prediction', 'headland/r1/cmd/+']) {
      assert.equal(await (await spy()).grants(filter), false, filter);
    }
    for (const topic of ['headland/r1/cmd/retrain', fleetTopic('r1', 'reported')]) {
      assert.equal(await (await spy()).takes(topic, 'forged'), false, topic);
    }
    const viewer = await as('viewer', 'viewer');
    assert.ok(await viewer.grants('headland/#'));
    assert.equal(await viewer.takes('headland/r1/cmd/retrain', 'forged'), false);
  });

  await t.test('nobody gets in without a certificate of a user that is there', async () => {
    const url = nodes.url('mq2');
    const { ca } = identity(dir, 'r1');
    assert.equal(await Client.of(t, url, { ca, clientId: 'headland-r4' }), null);
    const stranger = { ...identity(dir, 'stranger'), clientId: 'headland-stranger' };
    assert.equal(await Client.of(t, url, stranger), null);
    for (const login of [{}, { password: '' }, { password: 'guest' }]) {
      const named = await Client.of(t, url, {
        ...identity(dir, 'r1'),
        clientId: 'headland-doctor-ffffffff',
        username: 'operator',
        ...login,
      });
      // A user name makes nobody an operator.
      if (named) assert.equal(await named.takes('headland/r1/cmd/retrain', 'forged'), false);
    }
    const users = nodes.control('list_users');
    assert.doesNotMatch(users, /guest|administrator/);
    assert.match(users, /^operator\t\[\]$/m);
    assert.match(nodes.control('environment'), /subscription_ttl,1209600000/, 'conf.d is read');
  });

  await t.test('robots come and go while the cluster runs', async () => {
    script('add', 'r4');
    assert.deepEqual(script('list').trim().split('\n').sort(), [...ROBOTS, 'r4']);
    const r4 = await as('r4', 'headland-r4');
    assert.ok(await r4.grants('headland/r4/cmd/+'));
    const closed = new Promise<void>((resolve) => r4.mqtt.once('close', () => resolve()));
    script('remove', 'r4');
    await closed;
    const again = { ...identity(dir, 'r4'), clientId: 'headland-r4' };
    assert.equal(await Client.of(t, nodes.url('mq1'), again), null);
    for (const [id, why] of [
      ['r.5', /no '\.'/],
      ['operator', /would get its rights/],
      ['hub-one', /client id/],
      ['a b', /no robot\.id/],
    ] as const) {
      const { status, stderr } = nodes.robots('add', id);
      assert.equal(status, 1);
      assert.match(stderr, why);
    }
  });
  t.diagnostic(`rights after ${Math.round(performance.now() - started)} ms`);

  await t.test('a label reaches all robots without one node and without the leader', async () => {
    const store = await HubStore.open({
      postgres: databaseUrl(database.port, join(dir, 'ca.crt')),
      password: PASSWORD,
    });
    t.after(() => store.close());
    const leader = await store.leader();
    await Promise.all([
      nodes.kill('mq1'),
      ...hubs.filter(({ place }) => place.replica === leader).map((hub) => hub.kill()),
    ]);
    robots[0]?.learn(placeData('later', ['late-weed'], 6, SIZE));
    await until('another hub leads', async () => (await store.leader()) !== leader, STEP_MS);
    await until('a head with the new class', () => serves('late-weed'), STEP_MS);
    t.diagnostic(`again after ${Math.round(performance.now() - started)} ms`);
    assert.deepEqual(
      robots.flatMap(({ faults }) => faults),
      [],
    );
  });
});

function databaseUrl(port: number, ca: string, host = 'localhost'): string {
  return `postgres://headland@${host}:${port}/headland?sslmode=verify-full&sslrootcert=${ca}`;
}

test('PostgreSQL from deploy/fleet/fleet lets in a hub with TLS and its password alone', {
  skip: withoutPostgres || withoutOpenssl,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const dir = authority(t);
  const database = await FleetDatabase.start(t, dir, PASSWORD);
  const { port } = database;
  const ca = join(dir, 'ca.crt');
  const open = (postgres: string, password: string | null = PASSWORD) =>
    HubStore.open({ postgres, password });
  const store = await open(databaseUrl(port, ca));
  await store.close();
  const other = join(temporaryFolder(t), 'ca');
  assert.equal(certificates(other, 'ca').status, 0);
  await assert.rejects(open(databaseUrl(port, join(other, 'ca.crt'))), /certificate/);
  await assert.rejects(open(databaseUrl(port, ca, '127.0.0.1')), /altnames|certificate/);
  const plain = `postgres://headland@localhost:${port}/headland`;
  await assert.rejects(open(plain), /no pg_hba\.conf entry .*no encryption/);
  await assert.rejects(open(databaseUrl(port, ca), 'another'), /password authentication failed/);
  await assert.rejects(open(databaseUrl(port, ca).replace('/headland?', '/postgres?')), /pg_hba/);
  const asAdministrator = databaseUrl(port, ca).replace('headland@', 'postgres@');
  await assert.rejects(open(asAdministrator), /pg_hba/);
  assert.notEqual(database.define('short').status, 0, 'a password that anybody can guess');
  assert.equal(database.define('another-of-this-test').status, 0);
  await assert.rejects(open(databaseUrl(port, ca)), /password authentication failed/);
  await (await open(databaseUrl(port, ca), 'another-of-this-test')).close();
});
