import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { REPOSITORY } from '../mutants/mutant.js';
import { tryDoctor } from './remedies/doctor-scenario.js';
import { doctorScenarios } from './remedies/every-scenario.js';
import { Field } from './remedies/field.js';
import { titleOf } from './remedies/scenario.js';

test('what doctor finds is found no more once its remedy has been followed', {
  concurrency: 2,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const field = await Field.create(t);
  await Promise.all(
    doctorScenarios.map((scenario) =>
      t.test(`${scenario.check}: ${titleOf(scenario)}`, { skip: scenario.skip ?? false }, (inner) =>
        tryDoctor(inner, field, scenario),
      ),
    ),
  );
});

/** They need a running daemon: test/agent/doctor/running-daemon.test.ts, test/agent/console/robot-handlers.test.ts. */
const OF_A_RUNNING_DAEMON = [
  'HL_DOCTOR_CAMERA_LOST',
  'HL_DOCTOR_FLEET_QUARANTINED',
  'HL_DOCTOR_FLEET_SILENT',
  'HL_DOCTOR_PAGE_SILENT',
  'HL_DOCTOR_RUNNING',
];

test('every code of doctor has been provoked', () => {
  const tried = new Set([...OF_A_RUNNING_DAEMON, ...doctorScenarios.map(({ code }) => code)]);
  const source = readdirSync(join(REPOSITORY, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(REPOSITORY, 'src', file), 'utf8'))
    .join('\n');
  const raised = new Set([...source.matchAll(/'(HL_DOCTOR_[A-Z_]+)'/g)].map(([, code]) => code!));
  assert.deepEqual(
    [...raised].filter((code) => !tried.has(code)),
    [],
  );
});
