import { test } from 'node:test';
import { Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { startScenarios, talkScenarios } from './remedies/every-scenario.js';
import { Field } from './remedies/field.js';
import { titleOf } from './remedies/scenario.js';
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
