import assert from 'node:assert/strict';
import { freePort } from '../../ports.js';
import { connack, textProperty } from '../../telemetry/byte-broker.js';
import { passwordFile } from '../../telemetry/mosquitto.js';
import type { BrokerWorld, Person } from './broker-world.js';
import type { Said, Situation } from './scenario.js';
import { Running } from './start-scenario.js';

/** What a daemon has with a real broker: provokes, hands what was said to `heard`, and follows. */
export interface BrokerScenario extends Situation {
  run(world: BrokerWorld, heard: (said: Said) => void): Promise<void>;
}

const errorOf = (body: Record<string, unknown>): Said => {
  assert.equal(body.ok, false, JSON.stringify(body));
  return body.error as Said;
};
const connected = (daemon: Running) =>
  daemon.logged(({ msg }) => msg === 'connected to the broker');

export const brokerScenarios: BrokerScenario[] = [
  {
    code: 'HL_BROKER_UNREACHABLE',
    follows: 'Start the broker',
    run: async (world, heard) => {
      const broker = await world.broker();
      await broker.kill();
      const daemon = world.daemon({ url: broker.url });
      heard(await daemon.said('HL_BROKER_UNREACHABLE'));
      await broker.up();
      await connected(daemon);
    },
  },
  {
    code: 'HL_BROKER_UNREACHABLE',
    when: 'the address',
    follows: 'correct mqtt.url',
    run: async (world, heard) => {
      const broker = await world.broker();
      const wrong = world.daemon({ url: `mqtt://127.0.0.1:${await freePort()}` });
      heard(await wrong.said('HL_BROKER_UNREACHABLE'));
      await wrong.stop();
      await connected(world.daemon({ url: broker.url }));
    },
  },
  {
    code: 'HL_BROKER_LOST',
    follows: 'The daemon tries again by itself',
    run: async (world, heard) => {
      const broker = await world.broker();
      const daemon = world.daemon({ url: broker.url });
      await connected(daemon);
      await broker.kill();
      heard(await daemon.said('HL_BROKER_LOST'));
      await broker.up();
      await daemon.logged(({ msg, session }) => msg === 'connected to the broker' && session !== 1);
    },
  },
  {
    code: 'HL_BROKER_REFUSED',
    follows: 'Correct mqtt.username and mqtt.password',
    run: async (world, heard) => {
      const { robot } = world;
      const passwords = passwordFile(robot.path('passwords'), 'robot', 'swordfish');
      const broker = await world.broker('allow_anonymous false', passwords);
      const refused = world.daemon({ url: broker.url });
      heard(await refused.said('HL_BROKER_REFUSED'));
      await refused.stop();
      const file = robot.write('password', 'swordfish', 0o600);
      await connected(world.daemon({ url: broker.url, username: 'robot', password: { file } }));
    },
  },
  {
    code: 'HL_BROKER_LOGIN',
    follows: 'Correct mqtt.username and mqtt.password',
    run: async (world, heard) => {
      const passwords = passwordFile(world.robot.path('passwords'), 'robot', 'swordfish');
      const refused = world.daemon({ url: await world.refusing(connack(0x86), 100) });
      heard(await refused.said('HL_BROKER_LOGIN'));
      await refused.stop();
      const broker = await world.broker('allow_anonymous false', passwords);
      const file = world.robot.write('password', 'swordfish', 0o600);
      await connected(world.daemon({ url: broker.url, username: 'robot', password: { file } }));
    },
  },
  {
    code: 'HL_BROKER_BUSY',
    follows: 'the daemon tries again by itself',
    run: async (world, heard) => {
      const daemon = world.daemon({ url: await world.refusing(connack(0x89)) });
      heard(await daemon.said('HL_BROKER_BUSY'));
      await connected(daemon);
    },
  },
  {
    code: 'HL_BROKER_QUOTA',
    follows: 'send less: mqtt.predictionIntervalMs, mqtt.metricsIntervalMs',
    run: async (world, heard) => {
      const url = await world.refusing(connack(0x97));
      const daemon = world.daemon({ url });
      heard(await daemon.said('HL_BROKER_QUOTA'));
      await daemon.stop();
      const less = { predictionIntervalMs: 60_000, metricsIntervalMs: 600_000 };
      await connected(world.daemon({ url, ...less }));
    },
  },
  {
    code: 'HL_BROKER_MOVED',
    follows: 'Set mqtt.url to the broker that the message names',
    run: async (world, heard) => {
      const broker = await world.broker();
      const place = textProperty(0x1c, `127.0.0.1:${broker.port}`);
      const daemon = world.daemon({ url: await world.refusing(connack(0x9d, place), 100) });
      const said = await daemon.said('HL_BROKER_MOVED');
      heard(said);
      await daemon.stop();
      const [, named] = /has moved: (\S+)/.exec(said.message)!;
      await connected(world.daemon({ url: `mqtt://${named}` }));
    },
  },
  {
    code: 'HL_BROKER_LIMITED',
    follows: 'Allow it in the settings of the broker',
    run: async (world, heard) => {
      const small = await world.broker('retain_available false');
      const daemon = world.daemon({ url: small.url });
      const { code, msg } = await daemon.logged(
        (line) => line.code === 'HL_BROKER_LIMITED' && Array.isArray(line.missing),
      );
      heard({ code: String(code), message: String(msg), remedy: null });
      await daemon.stop();
      const whole = await world.broker('retain_available true');
      const later = world.daemon({ url: whole.url });
      await connected(later);
      const person = await world.person(whole.url);
      await person.state('online');
      assert.ok(!later.output.includes('HL_BROKER_LIMITED'), later.output);
    },
  },
  {
    code: 'HL_BROKER_CLIENT_ID_TAKEN',
    follows: 'Give every robot its own robot.id',
    run: async (world, heard) => {
      const broker = await world.broker();
      const daemon = world.daemon({ url: broker.url });
      await connected(daemon);
      const copy = world.field.robot({
        mqtt: { url: broker.url, backoffInitialMs: 50, backoffMaxMs: 1_000 },
      });
      const second = new Running(copy);
      world.t.after(() => second.stop());
      heard(await second.said('HL_BROKER_CLIENT_ID_TAKEN'));
      await second.stop();
      copy.configure({ robot: { id: 'r2' } });
      const other = new Running(copy);
      world.t.after(() => other.stop());
      await connected(other);
    },
  },
  {
    code: 'HL_BROKER_PROTOCOL',
    follows: 'Set mqtt.protocol to auto',
    run: async (world, heard) => {
      const url = await world.gate('no MQTT 5');
      const daemon = world.daemon({ url, protocol: '5' });
      heard(await daemon.said('HL_BROKER_PROTOCOL'));
      await daemon.stop();
      await connected(world.daemon({ url, protocol: 'auto' }));
    },
  },
  {
    code: 'HL_BROKER_CLOSED',
    follows: "Look into the broker's log",
    run: async (world, heard) => {
      // A proxy whose broker is away takes connections and closes them.
      const url = await world.gate('no answer at first');
      const daemon = world.daemon({ url, protocol: '5' });
      heard(await daemon.said('HL_BROKER_CLOSED'));
      await connected(daemon);
    },
  },
  {
    code: 'HL_BROKER_PACKET_TOO_LARGE',
    follows: 'Raise the packet size that the broker takes (mosquitto: max_packet_size)',
    run: async (world, heard) => {
      world.robot.adopt(await world.field.labelled());
      const small = await world.broker('max_packet_size 720');
      const daemon = world.daemon({ url: small.url });
      const person = await world.person(small.url);
      await person.state('online');
      await person.ask('retrain');
      // Other messages may be too large as well, and come before the training ends.
      const { code, msg } = await daemon.logged(
        (line) =>
          line.code === 'HL_BROKER_PACKET_TOO_LARGE' &&
          line.topic === 'headland/r1/training/report',
      );
      heard({ code: String(code), message: String(msg), remedy: null });
      await daemon.stop();
      const large = await world.broker('max_packet_size 200000');
      const later = await world.person(large.url);
      world.daemon({ url: large.url });
      await later.until(({ topic }) => topic.endsWith('/training/report'));
    },
  },
  {
    code: 'HL_COMMAND_RESPONSE_TOO_LARGE',
    when: 'less',
    follows: 'Ask for less (no include_picture)',
    run: async (world, heard) => {
      const broker = await world.broker('max_packet_size 2500');
      world.daemon({ url: broker.url });
      const person = await world.person(broker.url);
      await person.until(({ topic }) => topic.endsWith('/prediction'));
      heard(errorOf(await person.ask('snapshot', { include_picture: true })));
      assert.equal((await person.ask('snapshot')).ok, true);
    },
  },
  {
    code: 'HL_COMMAND_RESPONSE_TOPIC',
    follows: 'Ask for the answer on a topic below',
    run: async (world, heard) => {
      const broker = await world.broker();
      world.daemon({ url: broker.url });
      const person = await world.person(broker.url);
      await person.state('online');
      // A topic that may not be written on: the refusal goes where answers usually go.
      await person.send('status', {}, { properties: { responseTopic: 'headland/other/answers' } });
      const { body } = await person.until(
        ({ topic }) => topic === 'headland/r1/cmd/status/response',
      );
      const said = errorOf(body);
      heard(said);
      const [, below] = /below (\S+response\/)/.exec(said.remedy ?? '')!;
      const responseTopic = `${below}mine`;
      assert.equal((await person.ask('status', {}, { properties: { responseTopic } })).ok, true);
    },
  },
  {
    code: 'HL_COMMAND_RETAINED',
    follows: 'Clear it with an empty retained message on its topic',
    run: async (world, heard) => {
      const broker = await world.broker();
      const person = await world.person(broker.url);
      await person.send('pause', { what: 'training' }, { retain: true });
      const first = world.daemon({ url: broker.url });
      const { body } = await person.until(({ topic }) => topic.endsWith('/cmd/pause/response'));
      heard(errorOf(body));
      await first.stop();
      await person.clear('pause');
      const second = world.daemon({ url: broker.url });
      await connected(second);
      assert.equal((await person.ask('status')).ok, true);
      assert.ok(!second.output.includes('HL_COMMAND_RETAINED'), second.output);
    },
  },
  {
    code: 'HL_COMMAND_RATE_LIMITED',
    follows: 'raise mqtt.commandsPerMinute',
    run: async (world, heard) => {
      const broker = await world.broker();
      const slow = world.daemon({ url: broker.url, commandsPerMinute: 2 });
      const person = await world.person(broker.url);
      await person.state('online');
      heard(errorOf(await firstRefusal(person)));
      await slow.stop();
      await person.state('offline');
      const quick = world.daemon({ url: broker.url, commandsPerMinute: 60 });
      await person.state('online');
      for (let i = 0; i < 10; i++) assert.equal((await person.ask('status')).ok, true);
      await quick.stop();
    },
  },
];

async function firstRefusal(person: Person): Promise<Record<string, unknown>> {
  for (let i = 0; i < 10; i++) {
    const answer = await person.ask('status');
    if (answer.ok !== true) return answer;
  }
  throw new Error('ten commands were taken');
}
