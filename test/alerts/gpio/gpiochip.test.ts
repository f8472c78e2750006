import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gpiochipInput, gpiochipOutputs } from '../../../src/alerts/gpio/gpiochip.js';
import { keepsReleasedLevel } from '../../../src/alerts/gpio/released-level.js';
import { surveyLines } from '../../../src/alerts/survey-lines.js';
import { silentLog } from '../../../src/base/log.js';
import { configSchema } from '../../../src/config/schema.js';
import { hasCode } from '../../errors.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { type SimulatedChip, SimulatedKernel } from './simulated-kernel.js';

const names = (...given: (string | null)[]) => given;
const PI: SimulatedChip = {
  label: 'pinctrl-bcm2711',
  names: names('ID_SDA', null, 'GPIO2', 'GPIO3', 'GPIO4'),
};
const SIM: SimulatedChip = { label: 'gpio-sim', names: names('horn', null, null) };
/** Chip 0 is another one, as on a board: numbers must not be taken for positions. */
const board = (pi: Partial<SimulatedChip> = {}) => new SimulatedKernel([SIM, { ...PI, ...pi }]);

const outputsOf = (...outputs: object[]) => configSchema.parse({ gpio: { outputs } }).gpio.outputs;
const inputOf = (input: object) =>
  configSchema.parse({
    gpio: { inputs: [{ name: 'button', action: { kind: 'retrain' }, ...input }] },
  }).gpio.inputs[0]!;
const HORN = { name: 'horn', line: 3 };
const BEACON = { name: 'beacon', line: 4, activeLow: true };

describe('outputs by gpiochip', () => {
  test('are off when opened, follow their name, and are off when closed', () => {
    const kernel = board();
    const outputs = gpiochipOutputs(outputsOf(HORN, BEACON), kernel, silentLog());
    assert.equal(outputs.description, 'gpiochip horn=gpiochip1:3 GPIO3 beacon=gpiochip1:4 GPIO4');
    const levels = () => [kernel.level(1, 3), kernel.level(1, 4)];
    assert.deepEqual(levels(), [0, 1]);
    outputs.set('horn', true);
    outputs.set('beacon', true);
    assert.deepEqual(levels(), [1, 0]);
    outputs.allOff();
    assert.deepEqual(levels(), [0, 1]);
    outputs.set('horn', true);
    outputs.close();
    outputs.close();
    outputs.allOff();
    assert.deepEqual(levels(), [0, 1]);
    assert.equal(kernel.openFiles, 0, 'nothing is left open');
  });

  test('fall to off with the process, because the pull leads there', () => {
    const kernel = board();
    const outputs = gpiochipOutputs(outputsOf(HORN, BEACON), kernel, silentLog());
    outputs.set('horn', true);
    outputs.set('beacon', true);
    kernel.kill();
    assert.deepEqual([kernel.level(1, 3), kernel.level(1, 4)], [0, 1]);
  });

  test('are found on a Raspberry Pi 5, where a symbolic link leads to the same chip', () => {
    const rp1 = { ...PI, label: 'pinctrl-rp1' };
    const kernel = new SimulatedKernel([rp1, SIM], { gpiochip4: 0 });
    const lines = [HORN, { name: 'lamp', lineName: 'GPIO2' }];
    const outputs = gpiochipOutputs(outputsOf(...lines), kernel, silentLog());
    assert.equal(outputs.description, 'gpiochip horn=gpiochip0:3 GPIO3 lamp=gpiochip0:2 GPIO2');
    outputs.close();
    assert.deepEqual(
      surveyLines([], kernel).chips.map(({ path }) => path),
      ['/dev/gpiochip0', '/dev/gpiochip1'],
    );
  });

  test('whose driver keeps their level are switched off by opening them again', () => {
    const kernel = board({ keepsOutputs: true });
    gpiochipOutputs(outputsOf(HORN), kernel, silentLog()).set('horn', true);
    kernel.kill();
    assert.equal(kernel.level(1, 3), 1, 'as Raspberry Pi OS leaves it');
    const next = gpiochipOutputs(outputsOf(HORN), kernel, silentLog());
    assert.equal(kernel.level(1, 3), 0);
    next.set('horn', true);
    next.close();
    assert.equal(kernel.level(1, 3), 0, 'off is written before the line is let go');
  });

  test('name who holds a line that is taken, and give back the lines that they have', () => {
    const kernel = board();
    const other = gpiochipOutputs(outputsOf({ name: 'pump', line: 4 }), kernel, silentLog());
    assert.throws(
      () => gpiochipOutputs(outputsOf(HORN, BEACON), kernel, silentLog()),
      hasCode('HL_GPIO_UNAVAILABLE', /beacon.*EBUSY/, /"headland pump"/),
    );
    assert.equal(kernel.openFiles, 1);
    other.close();
  });

  test('report what the kernel refuses, and switch the others off all the same', () => {
    const kernel = board();
    const outputs = gpiochipOutputs(outputsOf(HORN, BEACON), kernel, silentLog());
    outputs.set('beacon', true);
    kernel.failures.set('ioctl', 'EIO');
    assert.throws(() => outputs.set('horn', true), hasCode('HL_GPIO_WRITE_FAILED', /EIO/));
    outputs.allOff();
    outputs.close();
    assert.equal(kernel.openFiles, 0);
  });

  test('report a machine without chips, and chips that may not be opened', () => {
    const open = (kernel: SimulatedKernel) => gpiochipOutputs(outputsOf(HORN), kernel, silentLog());
    assert.throws(
      () => open(new SimulatedKernel([])),
      hasCode('HL_GPIO_UNAVAILABLE', /below \/dev/),
    );
    const kernel = board();
    kernel.failures.set('open', 'EACCES');
    assert.throws(() => open(kernel), hasCode('HL_GPIO_UNAVAILABLE', /EACCES/, /group/));
    kernel.failures.clear();
    kernel.failures.set('ioctl', 'ENOTTY');
    assert.throws(() => open(kernel), hasCode('HL_GPIO_UNAVAILABLE', /ENOTTY/, /Linux 5\.10/));
    assert.equal(kernel.openFiles, 0);
  });
});

describe('inputs by gpiochip', () => {
  test('tell every press between two calls, debounced by the kernel', () => {
    const kernel = board();
    const input = gpiochipInput(inputOf({ lineName: 'GPIO2', debounceMs: 25 }), kernel);
    assert.equal(input.description, 'gpiochip1:2 GPIO2');
    assert.equal(kernel.debounceMs(1, 2), 25);
    assert.equal(kernel.level(1, 2), 1, 'pulled up');
    assert.deepEqual(input.changes(0), []);
    for (const level of [0, 1, 0]) kernel.drive(1, 2, level);
    const pressed = () => input.changes(0).map(({ active }) => active);
    assert.deepEqual(pressed(), [true, false, true]);
    kernel.drive(1, 2, null);
    assert.deepEqual(pressed(), [false]);
    input.close();
    input.close();
    assert.deepEqual(input.changes(0), []);
    assert.equal(kernel.openFiles, 0);
  });

  test('of an oscillating line come in bounded portions', () => {
    const kernel = board();
    const input = gpiochipInput(inputOf({ line: 2, debounceMs: 0 }), kernel);
    for (let edge = 0; edge < 100; edge += 1) kernel.drive(1, 2, edge % 2);
    assert.equal(input.changes(0).length, 64);
    assert.ok(input.changes(0).length > 0);
  });

  test('are polled and debounced here where a line has no interrupt', () => {
    const kernel = board({ noInterrupts: true });
    const input = gpiochipInput(inputOf({ line: 2, debounceMs: 40 }), kernel);
    const at = (nowMs: number, level: number) => {
      kernel.drive(1, 2, level);
      return input.changes(nowMs).map(({ active }) => active);
    };
    assert.deepEqual(at(0, 0), []);
    assert.deepEqual(at(20, 1), []);
    assert.deepEqual(at(40, 0), []);
    assert.deepEqual(at(80, 0), [true]);
    assert.deepEqual(at(100, 1), []);
    assert.deepEqual(at(140, 1), [false]);
    input.close();
    assert.equal(kernel.openFiles, 0);
  });

  test('report a chip that was removed', () => {
    const kernel = board();
    const input = gpiochipInput(inputOf({ line: 2 }), kernel);
    kernel.drive(1, 2, 0);
    kernel.failures.set('read', 'ENODEV');
    assert.throws(() => input.changes(0), hasCode('HL_GPIO_READ_FAILED', /"button".*ENODEV/));
  });
});

test('a survey lists every line, who uses it, and what the configuration means by it', () => {
  const kernel = board();
  gpiochipOutputs(outputsOf(HORN), kernel, silentLog());
  const configured = outputsOf(HORN, { name: 'lost', line: 99 }).map((choice) => {
    return { kind: 'output' as const, name: choice.name, choice };
  });
  const { chips, faults } = surveyLines(configured, kernel);
  assert.deepEqual(
    chips.map(({ path, label, lines }) => [path, label, lines.length]),
    [
      ['/dev/gpiochip0', 'gpio-sim', 3],
      ['/dev/gpiochip1', 'pinctrl-bcm2711', 5],
    ],
  );
  assert.deepEqual(chips[1]!.lines[3], {
    line: 3,
    name: 'GPIO3',
    consumer: 'headland horn',
    used: true,
    direction: 'output',
    activeLow: false,
    configuredAs: 'output horn',
  });
  assert.deepEqual(
    faults.map(({ name, code }) => [name, code]),
    [['lost', 'HL_GPIO_LINE_UNKNOWN']],
  );
});

test('the kernel of a Raspberry Pi tells whether outputs outlive their owner', (t) => {
  const folder = temporaryFolder(t);
  assert.equal(keepsReleasedLevel('pinctrl-bcm2711', folder), null);
  const parameters = join(folder, 'pinctrl_bcm2835', 'parameters');
  mkdirSync(parameters, { recursive: true });
  for (const [text, keeps] of [
    ['Y\n', true],
    ['N\n', false],
  ] as const) {
    writeFileSync(join(parameters, 'persist_gpio_outputs'), text);
    assert.equal(keepsReleasedLevel('pinctrl-bcm2711', folder), keeps);
    assert.equal(keepsReleasedLevel('pinctrl-bcm2835', folder), keeps);
    assert.equal(keepsReleasedLevel('gpio-sim', folder), null);
  }
});
