import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';
import { BrokerWorld } from './remedies/broker-world.js';
import { brokerScenarios, startScenarios, talkScenarios } from './remedies/every-scenario.js';
import { Field } from './remedies/field.js';
import { checkSaid, titleOf } from './remedies/scenario.js';
import { tryStart } from './remedies/start-scenario.js';
import { Talk, tryTalk } from './remedies/talk-scenario.js';

test('remedies of a running daemon end the trouble', { timeout: TEST_HANG_MS }, async (t) => {
  const talk = await Talk.begin(t, await Rig.create(t));
  for (const scenario of talkScenarios) {
    await t.test(titleOf(scenario), () => tryTalk(talk, scenario));
  }
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
