import { test } from 'node:test';
import { TEST_HANG_MS } from '../liveness.js';
import { tryCommand } from './remedies/command-scenario.js';
import { commandScenarios } from './remedies/every-scenario.js';
import { Field } from './remedies/field.js';
import { titleOf } from './remedies/scenario.js';

test('remedies of commands end the trouble', {
  concurrency: 2,
  timeout: TEST_HANG_MS,
}, async (t) => {
  const field = await Field.create(t);
  await Promise.all(
    commandScenarios.map((scenario) =>
      t.test(titleOf(scenario), { skip: scenario.skip ?? false }, () =>
        tryCommand(field, scenario),
      ),
    ),
  );
});
