import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Alerting } from '../../../src/agent/reporting/alerting.js';
import { openOutputs } from '../../../src/alerts/open-outputs.js';
import { UNKNOWN_LABEL } from '../../../src/base/words/label.js';
import { configSchema } from '../../../src/config/schema.js';
import { type Decision, undecided } from '../../../src/perception/decision.js';
import type { EventBody } from '../../../src/telemetry/contract/messages.js';
import { SimulatedKernel } from '../../alerts/gpio/simulated-kernel.js';
import { runOnGpioMachine } from '../../alerts/gpio-machine.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { recordedLog } from '../../recorder.js';
import { outgoing, recordedAlarms } from '../support.js';

/** Alerts by these rules, with a clock that the test moves. */
function alerting(
  rules: Record<string, unknown>[],
  gpio: Record<string, unknown> = {},
  kernel?: SimulatedKernel,
) {
  const events: EventBody[] = [];
  const { log, lines } = recordedLog();
  const { alarms, said } = recordedAlarms();
  const clock = { nowMs: 0 };
  const part = new Alerting(
    configSchema.parse({ alerts: { rules }, gpio }),
    { event: (body) => void events.push(body) },
    alarms,
    log,
    () => clock.nowMs,
    (lines, lineLog) => openOutputs(lines, lineLog, kernel && (() => kernel)),
  );
  const show = (label: string, decision: Partial<Decision> = {}, camera = 'main'): void => {
    clock.nowMs += 100;
    part.observe(
      { camera, region: null },
      {
        task: 'main',
        decision: { ...undecided(), label, probability: 0.9, ...decision },
        scene: null,
      },
    );
  };
  return { part, events, lines, said, clock, show };
}

const kinds = (events: readonly EventBody[]): string[] => events.map(({ kind }) => kind);

describe('alerts', () => {
  test('are raised by decisions and end with time, each an event of the contract', async () => {
    const rule = { name: 'stop', labels: ['stone'], matches: 2, ofFrames: 3, holdMs: 1_000 };
    const { part, events, lines, clock, show } = alerting([rule]);
    await part.open();
    show('stone');
    show('crop');
    assert.equal(events.length, 0);
    show('stone');
    const before = Date.now();
    const raised = outgoing('event', events[0]!);
    assert.deepEqual([raised.kind, raised.severity], ['alert_raised', 'critical']);
    assert.equal(raised.message, 'stop: "stone" on main');
    const occurredAtMs = Date.parse(String(raised.details.occurred_at));
    assert.ok(Math.abs(before - occurredAtMs) < 60_000, 'dated by the wall clock');
    clock.nowMs += 999;
    part.tick();
    assert.equal(events.length, 1);
    clock.nowMs += 1;
    part.tick();
    part.tick();
    const cleared = outgoing('event', events[1]!);
    assert.deepEqual([cleared.kind, cleared.severity], ['alert_cleared', 'info']);
    assert.equal(events.length, 2);
    assert.deepEqual(
      lines.all.map(({ msg, rule: name }) => [msg, name]),
      [
        ['alert raised', 'stop'],
        ['alert cleared', 'stop'],
      ],
    );
    await part.close();
  });

  test('end in time although the wall clock was set back', async (t) => {
    const events: EventBody[] = [];
    const { log } = recordedLog();
    const rules = [{ name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1, holdMs: 0 }];
    const part = new Alerting(
      configSchema.parse({ alerts: { rules } }),
      { event: (body) => void events.push(body) },
      recordedAlarms().alarms,
      log,
    );
    part.observe(
      { camera: 'main', region: null },
      {
        task: 'main',
        decision: { ...undecided(), label: 'stone', probability: 0.9 },
        scene: null,
      },
    );
    const real = Date.now;
    t.mock.method(Date, 'now', () => real() - 86_400_000);
    part.tick();
    assert.deepEqual(kinds(events), ['alert_raised', 'alert_cleared']);
  });

  test('take `unknown` as an answer of its own, and no guess for one', async () => {
    const strange = { name: 'strange', labels: [UNKNOWN_LABEL], matches: 1, ofFrames: 1 };
    const stop = { name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1 };
    const { events, show } = alerting([strange, stop]);
    show('stone', { guess: true });
    show('stone', { probability: 0.69 });
    assert.equal(events.length, 0);
    show(UNKNOWN_LABEL, { probability: 0.1 });
    assert.deepEqual(
      events.map(({ details }) => [details.rule, details.probability]),
      [['strange', 1]],
    );
  });

  test('switch real lines: on with the alert, off with its end, all off at the end', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const program = new URL('./alerting-machine.js', import.meta.url);
    const printed = await runOnGpioMachine(t, program, [529, 516]);
    if (printed === null) return;
    assert.deepEqual(printed, {
      said: [],
      seen: [
        'open 0 0',
        'stone 0 0',
        'crop 0 0',
        'stone 1 0',
        'weed 1 1',
        'later 0 0',
        'thistle 0 0',
        'due 1 0',
        'off 0 0',
        'weed 0 0',
        'thistle 0 0',
        'at the end 0 0',
      ],
      told: [
        ['alert_raised', 'critical', null, 'stop'],
        ['alert_raised', 'critical', null, 'look'],
        ['alert_raised', 'critical', null, 'wrong'],
        ['alert_cleared', 'info', null, 'stop'],
        ['alert_cleared', 'info', null, 'look'],
        ['alert_cleared', 'info', null, 'wrong'],
        ['alert_raised', 'critical', null, 'late'],
        ['alert_raised', 'critical', null, 'look'],
        ['alert_raised', 'critical', null, 'wrong'],
      ],
    });
  });

  test('are off when frames stall, when the daemon stops, and when it is killed', async () => {
    const kernel = new SimulatedKernel([{ label: 'pinctrl-bcm2711', names: [null, 'GPIO1'] }]);
    const rule = { name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1, output: 'horn' };
    const gpio = { outputs: [{ name: 'horn', line: 1 }] };
    const { part, clock, show } = alerting([{ ...rule, holdMs: 1_000 }], gpio, kernel);
    await part.open();
    const level = () => kernel.level(0, 1);
    assert.equal(level(), 0);
    show('stone');
    assert.equal(level(), 1);
    // No frame comes any more; only the clock of the daemon ticks.
    clock.nowMs += 999;
    part.tick();
    assert.equal(level(), 1);
    clock.nowMs += 1;
    part.tick();
    assert.equal(level(), 0, 'frames stalled');
    show('stone');
    part.allOff();
    assert.equal(level(), 0, 'the daemon stops');
    await part.close();
    assert.equal(kernel.openFiles, 0);

    const killed = alerting([rule], gpio, kernel);
    await killed.part.open();
    killed.show('stone');
    assert.equal(level(), 1);
    kernel.kill();
    assert.equal(level(), 0, 'the kernel frees the line');
  });

  test('show the signal of the output for as long as they last', async () => {
    const kernel = new SimulatedKernel([{ label: 'relays', names: [null, null] }]);
    const rule = { labels: ['stone'], matches: 1, ofFrames: 1, holdMs: 1_000 };
    const rules = [
      { ...rule, name: 'horn', output: 'horn' },
      { ...rule, name: 'lamp', output: 'lamp' },
    ];
    const outputs = [
      { name: 'horn', line: 0, signal: { kind: 'pulse', pulseMs: 200 } },
      { name: 'lamp', line: 1, activeLow: true, signal: { kind: 'blink', onMs: 300, offMs: 100 } },
    ];
    const { part, clock, show } = alerting(rules, { outputs }, kernel);
    await part.open();
    const at = (ms: number): string => {
      clock.nowMs = ms;
      part.tick();
      return `${kernel.level(0, 0)} ${1 - kernel.level(0, 1)}`;
    };
    show('stone');
    assert.equal(at(100), '1 1');
    assert.equal(at(299), '1 1');
    assert.equal(at(300), '0 1');
    assert.equal(at(400), '0 0');
    assert.equal(at(500), '0 1');
    assert.equal(at(1_099), '0 1');
    assert.equal(at(1_100), '0 0', 'the alert is over');
    await part.close();
  });

  test('go on without an output that cannot be opened, which is one critical alarm', async (t) => {
    if (existsSync('/sys/class/gpio')) {
      t.skip('this machine has GPIO');
      return;
    }
    const rule = { name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1, output: 'horn' };
    const gpio = { driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] };
    const { part, events, said, clock, show } = alerting([rule], gpio);
    await part.open();
    show('stone');
    clock.nowMs += 5_000;
    part.tick();
    part.allOff();
    await part.close();
    assert.deepEqual(said, ['raised output-horn critical HL_GPIO_UNAVAILABLE']);
    assert.deepEqual(kinds(events), ['alert_raised', 'alert_cleared']);
  });

  test('get an output back by itself, as they want it, while the others work all along', {
    timeout: TEST_HANG_MS,
  }, async (t) => {
    const program = new URL('./output-comes-back.js', import.meta.url);
    const chips = [{ base: 512, label: 'pinctrl-bcm2711', lines: 58 }];
    const printed = await runOnGpioMachine(t, program, [529, 573], chips);
    if (printed === null) return;
    assert.deepEqual(printed, [
      'raised output-beacon HL_GPIO_LINE_UNKNOWN',
      'horn 1',
      'cleared output-beacon',
      'beacon 1',
      'off 0 0',
    ]);
  });
});
