import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectAsync } from 'mqtt';
import { Rig } from '../agent/daemon.js';
import { withoutTool } from '../camera/support.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';
import { BrokerWorld } from './remedies/broker-world.js';
import { CameraWorld } from './remedies/camera-scenarios.js';
import {
  brokerScenarios,
  cameraScenarios,
  startScenarios,
  talkScenarios,
} from './remedies/every-scenario.js';
import { Field } from './remedies/field.js';
import { beginOnce, repeatedTalk, unsignedTalk } from './remedies/key-scenarios.js';
import { checkSaid, titleOf } from './remedies/scenario.js';
import { Running, tryStart } from './remedies/start-scenario.js';
import { Talk, tryTalk } from './remedies/talk-scenario.js';

test('remedies of a running daemon end the trouble', { timeout: TEST_HANG_MS }, async (t) => {
  const talk = await Talk.begin(t, await Rig.create(t));
  for (const scenario of talkScenarios) {
    await t.test(titleOf(scenario), () => tryTalk(talk, scenario));
  }
});

test('remedies of a robot that wants signatures, or was killed amid a command, end the trouble', {
  timeout: TEST_HANG_MS,
}, async (t) => {
  const signing = await Rig.create(t, { mqtt: { requireSignedCommands: true } });
  const strict = await Talk.begin(t, signing);
  await t.test(titleOf(unsignedTalk), () => tryTalk(strict, unsignedTalk));
  const rig = await Rig.create(t);
  const before = await Talk.begin(t, rig);
  await beginOnce(before);
  await before.daemon.stop('SIGKILL');
  const after = await Talk.begin(t, rig);
  await t.test(titleOf(repeatedTalk), () => tryTalk(after, repeatedTalk));
});

test('remedies of a daemon that starts end the trouble', { timeout: TEST_HANG_MS }, async (t) => {
  const field = await Field.create(t);
  for (const scenario of startScenarios) {
    await t.test(titleOf(scenario), { skip: scenario.skip ?? false }, () =>
      tryStart(field, scenario),
    );
  }
});

test('remedies of a daemon and its broker end the trouble', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const field = await Field.create(t);
  for (const scenario of brokerScenarios) {
    await t.test(titleOf(scenario), async (inner) => {
      let heard = false;
      await scenario.run(new BrokerWorld(inner, field, field.robot()), (said) => {
        heard = true;
        checkSaid(scenario, said);
      });
      assert.ok(heard, 'nothing was said');
    });
  }
});

test('remedies of cameras end the trouble', {
  skip: withoutTool('ffmpeg'),
  timeout: TEST_HANG_MS,
}, async (t) => {
  const field = await Field.create(t);
  const robot = field.robot({ cameraBackoff: { initialMs: 50, maxMs: 1_000 } });
  const world = new CameraWorld(t, robot);
  const cameras = await Promise.all(
    cameraScenarios.map(async (scenario) => ({
      name: scenario.name,
      ...(await scenario.camera(world)),
    })),
  );
  robot.configure({ cameras });
  const daemon = new Running(robot);
  t.after(() => daemon.stop());
  const { mqtt } = await daemon.logged(({ msg }) => msg === 'ready');
  const client = await connectAsync(String(mqtt));
  t.after(() => client.endAsync(true));
  const showing = new Set<string>();
  client.on('message', (_, payload) => showing.add(JSON.parse(payload.toString('utf8')).camera));
  await client.subscribeAsync('headland/r1/prediction');
  for (const scenario of cameraScenarios) {
    await t.test(titleOf(scenario), async () => {
      const { name, code } = scenario;
      const line = await daemon.logged((each) => each.camera === name && each.code === code);
      const said = { code, message: String(line.msg), remedy: String(line.remedy) };
      checkSaid(scenario, said);
      assert.ok(!showing.has(name));
      await scenario.mend(world, said);
      while (!showing.has(name)) await new Promise((resolve) => client.once('message', resolve));
    });
  }
});
