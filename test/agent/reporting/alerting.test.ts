import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Alerting } from '../../../src/agent/reporting/alerts/alerting.js';
import { openOutputs } from '../../../src/alerts/open-outputs.js';
import { Alarms } from '../../../src/base/alarms.js';
import { HeadlandError } from '../../../src/base/errors.js';
import { UNKNOWN_LABEL } from '../../../src/base/words/label.js';
import { configSchema } from '../../../src/config/schema.js';
import { type Decision, undecided } from '../../../src/perception/decision.js';
import type { EventBody } from '../../../src/telemetry/contract/messages.js';
import { SimulatedKernel } from '../../alerts/gpio/simulated-kernel.js';
import { runOnGpioMachine } from '../../alerts/gpio-machine.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { recordedAlarms, recordedLog } from '../../recorder.js';
import { outgoing } from '../support.js';

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
    undefined,
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

  test('follow the alarms of the daemon, and what else is reported', async () => {
    const part = alerting([
      { name: 'eye', on: ['camera_lost'], holdMs: 0 },
      { name: 'disk', on: ['disk_low'], holdMs: 0 },
      { name: 'training', on: ['training_failed'], holdMs: 0 },
    ]);
    const alarms = new Alarms({
      onRaised: () => part.part.alarmsChanged(alarms.list()),
      onCleared: () => part.part.alarmsChanged(alarms.list()),
    });
    const full = new HeadlandError('HL_STORE_FULL', 'full', { remedy: 'Free space.' });
    const lost = new HeadlandError('HL_CAMERA_STALLED', 'stalled', { remedy: 'Check it.' });
    alarms.raise('camera-front', lost);
    alarms.raise('pictures-front', lost);
    alarms.raise('mqtt', lost);
    alarms.raise('store', lost);
    alarms.clear('camera-front');
    alarms.raise('store', full);
    alarms.clear('pictures-front');
    alarms.raise('store', lost);
    part.part.report({ condition: 'training_failed', camera: null, task: 'gates' }, true);
    const said = part.events.map(({ kind, details }) => {
      return [kind, details.rule, details.condition, details.camera ?? details.task ?? null];
    });
    assert.deepEqual(said, [
      ['alert_raised', 'eye', 'camera_lost', 'front'],
      ['alert_raised', 'disk', 'disk_low', null],
      ['alert_cleared', 'eye', 'camera_lost', 'front'],
      ['alert_cleared', 'disk', 'disk_low', null],
      ['alert_raised', 'training', 'training_failed', 'gates'],
    ]);
    for (const event of part.events) outgoing('event', event);
  });

  test('tell of a clock that is not set, and what rules with a schedule do then', (t) => {
    const schedule = [{ from: '06:00', to: '18:00' }];
    const { part, events, lines } = alerting([
      { name: 'clock', on: ['clock_unset'], holdMs: 0 },
      { name: 'day', labels: ['stone'], schedule },
      { name: 'night', labels: ['stone'], schedule, whileClockUnset: 'ignore' },
    ]);
    const now = t.mock.method(Date, 'now', () => Date.UTC(1970, 0, 2));
    part.tick();
    part.tick();
    now.mock.mockImplementation(() => Date.UTC(2026, 0, 2));
    part.tick();
    assert.deepEqual(kinds(events), ['alert_raised', 'alert_cleared']);
    const said = lines.all.filter(({ msg }) => /clock of the board/.test(String(msg)));
    assert.deepEqual(
      said.map(({ rules }) => rules),
      [['day: apply', 'night: ignore']],
    );
  });

  test('are acknowledged by rule: one event each, and nothing twice', async () => {
    const once = { matches: 1, ofFrames: 1, holdMs: 60_000 };
    const { part, events, show } = alerting([
      { name: 'stop', labels: ['stone'], ...once },
      { name: 'look', labels: ['stone'], ...once },
    ]);
    show('stone');
    const [first, ...others] = part.acknowledge('stop');
    assert.deepEqual(
      [first, others],
      [{ rule: 'stop', task: 'main', camera: 'main', region: null, output: null }, []],
    );
    assert.deepEqual(part.acknowledge('stop'), []);
    assert.equal(part.acknowledge(null).length, 1);
    assert.deepEqual(events.map(({ kind, details }) => [kind, details.rule]).slice(2), [
      ['alert_acknowledged', 'stop'],
      ['alert_acknowledged', 'look'],
    ]);
    assert.deepEqual(
      part.raised.map(({ acknowledged }) => acknowledged),
      [true, true],
    );
    assert.throws(() => part.acknowledge('horn'), { code: 'HL_ALERT_RULE_UNKNOWN' });
  });

  test('name in their event what the actions of the rule made', async () => {
    const events: EventBody[] = [];
    const rules = [{ name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1, holdMs: 0 }];
    const acted: string[] = [];
    const part = new Alerting(
      configSchema.parse({ alerts: { rules } }),
      { event: (body) => void events.push(body) },
      recordedAlarms().alarms,
      recordedLog().log,
      () => 0,
      {
        raised: ({ rule }) => {
          acted.push(rule);
          return { sampleId: 's-1', clip: 'c.avi' };
        },
      },
    );
    const decision = { ...undecided(), label: 'stone', probability: 0.9 };
    part.observe({ camera: 'main', region: null }, { task: 'main', decision, scene: null });
    part.tick();
    assert.deepEqual(
      events.map(({ kind, details }) => [kind, details.sample_id, details.clip]),
      [
        ['alert_raised', 's-1', 'c.avi'],
        ['alert_cleared', undefined, undefined],
      ],
    );
    part.allOff();
    part.observe({ camera: 'main', region: null }, { task: 'main', decision, scene: null });
    assert.deepEqual(acted, ['stop'], 'nothing acts while the daemon stops');
  });

  test('end with the watch: what is raised is reported as cleared, and nothing is raised again', () => {
    const { part, show, events } = alerting([
      { name: 'stop', labels: ['stone'], matches: 1, ofFrames: 1, holdMs: 60_000 },
    ]);
    show('stone');
    part.end();
    show('stone');
    part.report({ condition: 'camera_lost', camera: 'main', task: null }, true);
    part.end();
    part.tick();
    assert.deepEqual(kinds(events), ['alert_raised', 'alert_cleared']);
    assert.deepEqual(part.raised, []);
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
      'raised output-beacon critical HL_GPIO_LINE_UNKNOWN',
      'horn 1',
      'cleared output-beacon',
      'beacon 1',
      'off 0 0',
    ]);
  });
});
