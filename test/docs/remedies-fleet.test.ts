import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';
import { fleetHubScenarios, fleetRobotScenarios } from './remedies/every-scenario.js';
import { FleetYard } from './remedies/fleet-yard.js';
import { checkSaid, documented, type Said, type Situation, titleOf } from './remedies/scenario.js';

const options = { skip: withoutMosquitto, timeout: TEST_HANG_MS };

async function tried(
  situation: Situation,
  run: (heard: (said: Said) => void) => Promise<void>,
): Promise<void> {
  let wasHeard = false;
  await run((said) => {
    wasHeard = true;
    checkSaid(situation, said);
  });
  assert.ok(wasHeard, 'nothing was said');
}

test('remedies of the hub of a fleet end the trouble', options, async (t) => {
  const yard = await FleetYard.open(t);
  for (const scenario of fleetHubScenarios) {
    await t.test(titleOf(scenario), () => tried(scenario, (heard) => scenario.run(yard, heard)));
  }
});

test('remedies of a robot in a fleet end the trouble', options, async (t) => {
  for (const scenario of fleetRobotScenarios) {
    await t.test(titleOf(scenario), (inner) =>
      tried(scenario, (heard) => scenario.run(inner, heard)),
    );
  }
});

/** Nobody is told: another hub works, or headland is being stopped. */
const NEVER_SAID = ['HL_FLEET_NOT_LEADER', 'HL_FLEET_WORK_STOPPED'];

test('the remedy of every code of a fleet has been tried', () => {
  const codes = [...documented().keys()].filter((code) => code.startsWith('HL_FLEET_'));
  const known = new Set([
    ...NEVER_SAID,
    ...[...fleetHubScenarios, ...fleetRobotScenarios].map(({ code }) => code),
  ]);
  assert.deepEqual(
    codes.filter((code) => !known.has(code)),
    [],
  );
});
