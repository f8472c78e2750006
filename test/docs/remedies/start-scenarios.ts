import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { fileAppears } from '../../file-appears.js';
import { listen } from '../../ports.js';
import { installBackbone } from '../../training/fixture.js';
import { type Robot, withoutMounts } from './field.js';
import { Running, type StartScenario } from './start-scenario.js';

const trained = async (robot: Robot): Promise<void> => robot.adopt(await robot.field.trained());

/** What scenarios hold between their two halves, by robot. */
const held = new WeakMap<Robot, { close(): Promise<unknown> }>();
const letGo = (robot: Robot) => held.get(robot)?.close();

/** Another program on a port. */
async function takenPort(robot: Robot): Promise<number> {
  const server = createServer();
  held.set(robot, { close: () => closed(server) });
  return listen(server);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function everyFile(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name));
}

/** A rule that is raised by the first frame of a robot without a head. */
const ANY = { name: 'any', labels: ['unknown'], matches: 1, ofFrames: 1 };

export const startScenarios: StartScenario[] = [
  {
    code: 'HL_ALERT_COMMAND_FAILED',
    follows: 'Correct `command` of the rule',
    settings: { alerts: { rules: [{ ...ANY, command: { path: '/bin/false' } }] } },
    follow: (robot) => {
      const command = { path: '/bin/sh', arguments: ['-c', `: > ${robot.path('ran')}`] };
      robot.configure({ alerts: { rules: [{ ...ANY, command }] } });
    },
    proof: (_, robot) => fileAppears(robot.path('ran')),
  },
  {
    code: 'HL_CLIP_UNWRITABLE',
    follows: 'Remove what stands in the way of the folder clips in paths.stateDir',
    settings: { alerts: { rules: [{ ...ANY, clip: { beforeSeconds: 0, afterSeconds: 0 } }] } },
    given: (robot) => {
      mkdirSync(robot.stateDir, { recursive: true });
      writeFileSync(join(robot.stateDir, 'clips'), '');
    },
    follow: (robot) => rmSync(join(robot.stateDir, 'clips')),
    over: ({ msg }) => msg === 'clip saved',
  },
  {
    code: 'HL_ALREADY_RUNNING',
    when: 'another folder',
    follows: 'set another paths.stateDir',
    given: async (robot) => {
      const first = new Running(robot);
      held.set(robot, { close: () => first.stop() });
      await first.logged(({ msg }) => msg === 'ready');
    },
    follow: (robot) => robot.configure({ paths: { stateDir: robot.path('state-2') } }),
    after: letGo,
  },
  {
    code: 'HL_ALREADY_RUNNING',
    when: 'the other one is stopped',
    follows: 'Stop it (systemctl stop headland)',
    given: async (robot) => {
      const first = new Running(robot);
      held.set(robot, { close: () => first.stop() });
      await first.logged(({ msg }) => msg === 'ready');
    },
    follow: letGo,
  },
  {
    code: 'HL_STORE_UNAVAILABLE',
    when: 'of the daemon',
    follows: 'set another paths.stateDir',
    given: (robot) => {
      const file = robot.write('file', '');
      robot.configure({ paths: { stateDir: join(file, 'state') } });
    },
    follow: (robot) => robot.configure({ paths: { stateDir: robot.path('folder', 'state') } }),
  },
  {
    code: 'HL_BROKER_PORT_IN_USE',
    follows: 'set embeddedBroker.port to a free port, or to 0 for any',
    given: async (robot) => robot.configure({ embeddedBroker: { port: await takenPort(robot) } }),
    follow: (robot) => robot.configure({ embeddedBroker: { port: 0 } }),
    after: letGo,
  },
  {
    code: 'HL_BROKER_START_FAILED',
    follows: 'Set embeddedBroker.port to a port that this user may open',
    skip: privilegedPort() ? false : 'every port may be opened by every user here',
    settings: { embeddedBroker: { port: 1 } },
    given: (robot) => chmodSync(robot.dir, 0o777),
    asNobody: true,
    follow: (robot) => robot.configure({ embeddedBroker: { port: 0 } }),
  },
  {
    code: 'HL_BROKER_FULL',
    follows: 'Raise embeddedBroker.maxConnections',
    settings: { embeddedBroker: { maxConnections: 1 } },
    // The daemon itself is the first client.
    meanwhile: async (daemon) => {
      await daemon.logged(({ msg }) => msg === 'connected to the broker');
      // Without `false`, a connection that closes before an answer is waited for without end.
      await connectAsync(await mqttUrl(daemon), { reconnectPeriod: 0 }, false).catch(() => {});
    },
    follow: (robot) => robot.configure({ embeddedBroker: { maxConnections: 4 } }),
    proof: async (daemon) => {
      await (await connectAsync(await mqttUrl(daemon))).endAsync();
    },
  },
  {
    code: 'HL_CONSOLE_LISTEN_FAILED',
    when: 'the port',
    follows: 'Set console.port to a free port, or to 0 for any',
    given: async (robot) => robot.configure({ console: { port: await takenPort(robot) } }),
    follow: (robot) => robot.configure({ console: { port: 0 } }),
    after: letGo,
  },
  {
    code: 'HL_CONSOLE_LISTEN_FAILED',
    when: 'the address',
    follows: 'it must be an address of this machine',
    given: (robot) => {
      const file = robot.write('token', 'a'.repeat(40), 0o600);
      robot.configure({ console: { host: '203.0.113.7', token: { file } } });
    },
    follow: (robot) => robot.configure({ console: { host: '127.0.0.1' } }),
  },
  {
    code: 'HL_CONSOLE_TOKEN_NEEDED',
    when: 'with a token',
    follows: 'Set console.token to a file that holds a token',
    settings: { console: { host: '0.0.0.0' } },
    skip: withoutMounts,
    given: (robot) => robot.mountState('ro'),
    after: (robot) => robot.unmountState(),
    follow: (robot) => {
      const file = robot.write('token', execFileSync('openssl', ['rand', '-hex', '24']), 0o600);
      robot.configure({ console: { token: { file } } });
    },
  },
  {
    code: 'HL_CONSOLE_TOKEN_NEEDED',
    when: 'on loopback',
    follows: 'or console.host to 127.0.0.1',
    settings: { console: { host: '0.0.0.0' } },
    skip: withoutMounts,
    given: (robot) => robot.mountState('ro'),
    after: (robot) => robot.unmountState(),
    follow: (robot) => robot.configure({ console: { host: '127.0.0.1' } }),
  },
  {
    code: 'HL_CONSOLE_TOKEN_WEAK',
    follows: 'openssl rand -hex 24',
    given: (robot) => {
      const file = robot.write('token', 'short', 0o600);
      robot.configure({ console: { token: { file } } });
    },
    follow: (robot) => robot.write('token', execFileSync('openssl', ['rand', '-hex', '24']), 0o600),
  },
  {
    code: 'HL_MQTT_TLS_FILE',
    follows: 'Correct mqtt.caFile',
    given: (robot) =>
      robot.configure({ mqtt: { url: 'mqtts://127.0.0.1:1', caFile: robot.path('none.pem') } }),
    follow: (robot) => robot.configure({ mqtt: { caFile: null } }),
  },
  {
    code: 'HL_TRAINING_CRON_INVALID',
    follows: 'Write five fields',
    settings: { training: { cron: 'every night' } },
    follow: (robot, { remedy }) => {
      const [, example] = /"([^"]+)" is every night/.exec(remedy ?? '')!;
      robot.configure({ training: { cron: example } });
    },
  },
  {
    code: 'HL_GPIO_UNAVAILABLE',
    follows: 'set gpio.driver to none',
    skip: existsSync('/dev/gpiochip0') ? 'this machine has GPIO' : false,
    settings: { gpio: { outputs: [{ name: 'lamp', line: 17 }] } },
    follow: (robot) => robot.configure({ gpio: { driver: 'none' } }),
  },
  {
    code: 'HL_GPIO_UNAVAILABLE',
    when: 'onoff',
    follows: 'set gpio.driver to none',
    skip: existsSync('/sys/class/gpio') ? 'this machine has GPIO' : false,
    settings: { gpio: { driver: 'onoff', outputs: [{ name: 'lamp', line: 17 }] } },
    follow: (robot) => robot.configure({ gpio: { driver: 'none' } }),
  },
  {
    code: 'HL_HEAD_BACKBONE_MISMATCH',
    when: 'the setting',
    follows: 'set models.backbone back to',
    given: async (robot) => {
      await trained(robot);
      await useOtherBackbone(robot);
    },
    follow: (robot) => robot.configure({ models: { backbone: 'tiny' } }),
    over: ({ msg, version }) => msg === 'head serving' && version === 1,
  },
  {
    code: 'HL_HEAD_BACKBONE_MISMATCH',
    when: 'a new head',
    follows: 'Train again (`headland train`)',
    given: async (robot) => {
      await trained(robot);
      await useOtherBackbone(robot);
    },
    follow: async (robot) => {
      await robot.headland('train');
      // Where the gate wants the old head to go on serving, a person decides.
      await robot.must('rollback', '2');
    },
    over: ({ msg, version }) => msg === 'head serving' && version === 2,
  },
  {
    code: 'HL_HEAD_LOST',
    follows: 'train: `headland train`',
    settings: { training: { everyNewLabels: 0 } },
    given: async (robot) => {
      await trained(robot);
      writeFileSync(join(robot.stateDir, 'heads', 'main', '1', 'weights'), 'garbage');
    },
    follow: (robot) => robot.must('train'),
    over: ({ msg, version }) => msg === 'head serving' && version === 2,
  },
  {
    code: 'HL_HEAD_UNREADABLE',
    follows: 'Give the user of the daemon read access to paths.stateDir',
    given: async (robot) => {
      await trained(robot);
      for (const path of [robot.dir, robot.stateDir, ...everyFile(robot.stateDir)])
        chmodSync(path, 0o777);
      chmodSync(join(robot.stateDir, 'heads', 'main', '1', 'weights'), 0o000);
    },
    asNobody: true,
    follow: async (robot) => {
      chmodSync(join(robot.stateDir, 'heads', 'main', '1', 'weights'), 0o644);
      await robot.must('rollback', '1');
      for (const path of everyFile(robot.stateDir)) chmodSync(path, 0o777);
    },
    over: ({ msg, version }) => msg === 'head serving' && version === 1,
  },
];

/** Two backbones in the folder of cards: `tiny`, which the head has learnt, and another one. */
async function useOtherBackbone(robot: Robot): Promise<void> {
  await installBackbone(robot.dir, 'tiny', 1);
  const cardsDir = await installBackbone(robot.dir, 'other', 2);
  robot.configure({
    models: { backbone: 'other', cardsDir },
    paths: { cacheDir: robot.path('cache') },
  });
}

async function mqttUrl(daemon: Running): Promise<string> {
  return String((await daemon.logged(({ msg }) => msg === 'ready')).mqtt);
}

function privilegedPort(): boolean {
  const first = readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8');
  assert.match(first, /^\d+/);
  return Number(first) > 1;
}
