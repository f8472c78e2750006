import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Mosquitto, withoutMosquitto } from '../telemetry/mosquitto.js';
import { temporaryFolder } from '../temporary-folder.js';
import { HubChild } from './hub-child.js';
import { until } from './hub-fixture.js';
import { placeData } from './places.js';
import { RobotStandIn } from './stand-in.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/headland.js', import.meta.url));

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function fleet(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'fleet', ...words], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return { status, stdout, stderr };
}

test('an operator watches and steers the fleet from the command line', {
  skip: withoutMosquitto,
}, async (t) => {
  const broker = await Mosquitto.start(t);
  const folder = temporaryFolder(t);
  const child = new HubChild({
    fleet: 'valley',
    store: `sqlite:${join(folder, 'hub.sqlite')}`,
    replica: 'one',
    mqtt: { url: broker.url },
    http: { port: 0 },
    learning: { basisDirections: 'all', roundIntervalMs: 1_000, settleMs: 200 },
    rollout: { stageMs: 0 },
    tickMs: 100,
    log: { format: 'json' },
  });
  t.after(() => child.stop());
  const url = await child.up();
  const robot = new RobotStandIn({
    robot: 'a',
    url: broker.url,
    task: 'weeds',
    backbone: 'b1',
    featureSize: 8,
    data: placeData('a', ['maize', 'dock'], 20, 8),
  });
  t.after(() => robot.stop());
  await robot.start();
  await until('it serves', () => robot.servingVersion === 1);

  const direct = ['--config', child.config];
  const added = fleet(['people', 'add', 'Ann', '--role', 'operate', ...direct]);
  assert.equal(added.status, 0, added.stderr);
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, added.stdout);
  const remote = ['--url', url, '--token-file', tokenFile];
  const view = fleet(['people', 'add', 'Vic', ...remote, '--json']);
  assert.equal(view.status, 0, view.stderr);
  const { token } = JSON.parse(view.stdout) as { token: string };

  assert.match(
    fleet(['overview', ...remote]).stdout,
    /fleet valley: 1 of 1 robots online, leader one/,
  );
  assert.match(fleet(['robots', ...remote]).stdout, /a .*online .*weeds .*1 serving/);
  assert.equal(fleet(['pause', '--robot', 'a', ...remote]).status, 0);
  await until('it is paused', () => robot.task?.follow === 'paused');
  // On the store, without the hub's API.
  assert.equal(fleet(['resume', '--robot', 'a', ...direct]).status, 0);
  await until('it follows again', () => robot.task?.follow === 'follow');
  assert.equal(fleet(['pin', '1', '--robot', 'a', ...remote]).status, 0);
  await until('it is pinned', () => robot.task?.follow === 'pinned');
  assert.match(fleet(['recompute', ...remote]).stdout, /equal the merged sums/);
  assert.match(fleet(['audit', ...remote]).stdout, /Ann +pause +a/);
  const unknown = fleet(['pin', '9', '--robot', 'a', ...remote]);
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /HL_FLEET_VERSION_UNKNOWN/);
  const refused = fleet(['pause', '--robot', 'a', '--url', url], { HEADLAND_FLEET_TOKEN: token });
  assert.match(refused.stderr, /HL_FLEET_ROLE/);
  assert.equal(fleet(['people', 'remove', 'Vic', ...remote]).status, 0);
  const gone = fleet(['overview', '--url', url], { HEADLAND_FLEET_TOKEN: token });
  assert.match(gone.stderr, /HL_FLEET_TOKEN_REFUSED/);
  const nobody = fleet(['overview', '--url', url], { HEADLAND_FLEET_TOKEN: '' });
  assert.match(nobody.stderr, /HL_FLEET_TOKEN_NEEDED/);
});

test('a configuration of the hub with mistakes names each', (t) => {
  const config = join(temporaryFolder(t), 'hub.yaml');
  writeFileSync(config, 'store: mysql://x\nmqtt: {url: "mqtt://b", colour: red}\n');
  const { status, stderr } = fleet(['serve', '--config', config]);
  assert.equal(status, 2);
  assert.match(stderr, /HL_CONFIG_INVALID/);
  assert.match(stderr, /store/);
  assert.match(stderr, /colour/);
  writeFileSync(
    config,
    'store: "sqlite:x"\nmqtt: {url: "mqtt://b"}\nrollout: {stages: [0.5, 0.1, 1]}\n',
  );
  assert.match(fleet(['serve', '--config', config]).stderr, /rollout\.stages/);
});
