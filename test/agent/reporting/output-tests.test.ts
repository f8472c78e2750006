import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Alerting } from '../../../src/agent/reporting/alerts/alerting.js';
import { openOutputs } from '../../../src/alerts/open-outputs.js';
import { configSchema } from '../../../src/config/schema.js';
import { undecided } from '../../../src/perception/decision.js';
import { SimulatedKernel } from '../../alerts/gpio/simulated-kernel.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { recordedAlarms, recordedLog } from '../../recorder.js';

const RULE = { name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1, output: 'horn' };
const HORN = { outputs: [{ name: 'horn', line: 0 }] };

function outputs(gpio: object = HORN, nowMs?: () => number) {
  const kernel = new SimulatedKernel([{ label: 'relays', names: [null] }]);
  const part = new Alerting(
    configSchema.parse({ alerts: { rules: [{ ...RULE, holdMs: 1_000 }] }, gpio }),
    { event: () => undefined },
    recordedAlarms().alarms,
    recordedLog().log,
    nowMs,
    undefined,
    (lines, log) => openOutputs(lines, log, () => kernel),
  );
  const show = (label: string): void => {
    const decision = { ...undecided(), label, probability: 0.9 };
    part.observe({ camera: 'main', region: null }, { task: 'main', decision, scene: null });
  };
  return { part, kernel, show, level: () => kernel.level(0, 0) };
}

describe('the test of an output', { timeout: TEST_HANG_MS }, () => {
  test('switches it on, and off by itself', async () => {
    const { part, level } = outputs();
    await part.open();
    part.test('horn', 150);
    assert.equal(level(), 1);
    assert.equal(part.outputs[0]!.isOn, true);
    assert.ok(part.outputs[0]!.testUntilMs! > performance.now());
    while (level() === 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([part.outputs[0]!.isOn, part.outputs[0]!.testUntilMs], [false, null]);
    await part.close();
  });

  test('lasts ten seconds at most', async () => {
    const clock = { nowMs: 0 };
    const { part, level } = outputs(HORN, () => clock.nowMs);
    await part.open();
    assert.equal(part.test('horn', 3_600_000), 10_000);
    clock.nowMs = 9_999;
    part.tick();
    assert.equal(level(), 1);
    clock.nowMs = 10_000;
    part.tick();
    assert.equal(level(), 0);
    await part.close();
  });

  test('is refused while an alert has the output on, or another test', async () => {
    const clock = { nowMs: 0 };
    const { part, show, level } = outputs(HORN, () => clock.nowMs);
    await part.open();
    show('stone');
    assert.throws(() => part.test('horn', 500), { code: 'HL_OUTPUT_BUSY' });
    clock.nowMs = 1_000;
    part.tick();
    assert.equal(level(), 0);
    part.test('horn', 500);
    assert.throws(() => part.test('horn', 500), { code: 'HL_OUTPUT_BUSY' });
    await part.close();
  });

  test('ends no alert that rises meanwhile', async () => {
    const clock = { nowMs: 0 };
    const { part, show, level } = outputs(HORN, () => clock.nowMs);
    await part.open();
    part.test('horn', 500);
    clock.nowMs = 400;
    show('stone');
    clock.nowMs = 600;
    part.tick();
    assert.equal(level(), 1, 'the alert has it on');
    clock.nowMs = 1_400;
    part.tick();
    assert.equal(level(), 0);
    await part.close();
  });

  test('ends with the daemon', async () => {
    const { part, level } = outputs();
    await part.open();
    part.test('horn', 9_000);
    part.allOff();
    assert.equal(level(), 0);
    assert.throws(() => part.test('horn', 500), { code: 'HL_OUTPUT_UNAVAILABLE' });
    await part.close();
  });

  test('needs an output that is there and can be switched', async () => {
    const { part, kernel } = outputs();
    assert.throws(() => part.test('siren', 500), { code: 'HL_OUTPUT_UNKNOWN' });
    assert.throws(() => part.test('horn', 500), { code: 'HL_OUTPUT_UNAVAILABLE' }, 'not open');
    assert.equal(kernel.openFiles, 0);
    const none = outputs({ driver: 'none', ...HORN });
    await none.part.open();
    assert.throws(() => none.part.test('horn', 500), { code: 'HL_OUTPUT_UNAVAILABLE' });
    await none.part.close();
  });
});
