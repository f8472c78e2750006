import assert from 'node:assert/strict';
import { test } from 'node:test';
import { befall } from '../../chaos/resources/resources-chaos.js';
import { SCENARIOS } from '../../chaos/resources/scenarios.js';
import { HANG_MS, TEST_HANG_MS } from '../liveness.js';
import { withoutMosquitto } from '../telemetry/mosquitto.js';

/** `chaos -- resources` tries all, and how soon the alarm comes. */
const SOME = [
  'errors of the disk',
  'a disk that needs two seconds for a flush',
  'no more open files',
  'full disk',
];

test('a robot survives the loss of disk and files, says so, and is as before', {
  skip: withoutMosquitto,
  timeout: TEST_HANG_MS,
}, async () => {
  const scenarios = SCENARIOS.filter(({ name }) => SOME.includes(name));
  assert.equal(scenarios.length, SOME.length);
  const limits = { alarmMs: HANG_MS, recoveryMs: HANG_MS, windowMs: 1_500 };
  const outcomes = await Promise.all(scenarios.map((each) => befall([each], limits)));
  assert.deepEqual(
    outcomes.flatMap(({ violations }) => violations),
    [],
  );
});
