import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { LineChoice } from '../../src/alerts/gpio/choose-line.js';
import type { OutputConfig } from '../../src/alerts/gpio/held-outputs.js';
import {
  onoffInput,
  onoffLoadError,
  onoffOutputs,
  type TakeLine,
} from '../../src/alerts/gpio/onoff.js';
import { globalLineNumber, listSysfsChips } from '../../src/alerts/gpio/sysfs-chips.js';
import { openOutputs } from '../../src/alerts/open-outputs.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import { hasCode } from '../errors.js';
import { SimulatedKernel } from './gpio/simulated-kernel.js';
import { PI4, runOnGpioMachine, sysfs } from './gpio-machine.js';

const RETRAIN = { kind: 'retrain' };
const [horn, beacon] = configSchema.parse({
  gpio: {
    outputs: [
      { name: 'horn', line: 17 },
      { name: 'beacon', line: 4, activeLow: true },
    ],
  },
}).gpio.outputs as [OutputConfig, OutputConfig];
const line = (wanted: Partial<LineChoice>): LineChoice => ({
  line: null,
  lineName: null,
  chipLabel: null,
  ...wanted,
});

describe('GPIO line numbers', () => {
  it("add the line on the board to its chip's base", (t) => {
    const chips = listSysfsChips(sysfs(t));
    assert.deepEqual(
      chips,
      [PI4[1], PI4[0]].map((chip) => ({ ...chip, names: null })),
    );
    assert.equal(globalLineNumber(line({ line: 17 }), chips), 529);
    assert.equal(globalLineNumber(line({ line: 57, chipLabel: 'pinctrl-bcm2711' }), chips), 569);
    assert.equal(
      globalLineNumber(line({ line: 3, chipLabel: 'raspberrypi-exp-gpio' }), chips),
      573,
    );
  });

  it('equal those of the board before Linux 6.6', (t) => {
    const chips = listSysfsChips(sysfs(t, [{ base: 0, label: 'pinctrl-bcm2835', lines: 54 }]));
    assert.equal(globalLineNumber(line({ line: 17 }), chips), 17);
  });

  it('refuse a missing line or chip and list the available ones', (t) => {
    const chips = listSysfsChips(sysfs(t));
    for (const wanted of [
      { line: 58 },
      { line: 8, chipLabel: 'raspberrypi-exp-gpio' },
      { line: 1, chipLabel: 'pinctrl-rp1' },
      { lineName: 'PQ.05' },
    ]) {
      assert.throws(() => globalLineNumber(line(wanted), chips), hasCode('HL_GPIO_LINE_UNKNOWN'));
    }
    assert.throws(
      () => globalLineNumber(line({ line: 99 }), chips),
      (error) => isHeadlandError(error) && /pinctrl-bcm2711 \(lines 0 to 57\)/.test(error.remedy),
    );
  });

  it('are refused where two chips have the line and none is the header of a Raspberry Pi', (t) => {
    const chips = [
      { base: 512, label: '9030000.pl061', lines: 8 },
      { base: 520, label: 'gpio-sim.0-node0', lines: 8 },
    ];
    const listed = listSysfsChips(sysfs(t, chips));
    assert.throws(
      () => globalLineNumber(line({ line: 5 }), listed),
      hasCode('HL_GPIO_LINE_AMBIGUOUS'),
    );
    const chipLabel = 'gpio-sim.0-node0';
    assert.equal(globalLineNumber(line({ line: 5, chipLabel }), listed), 525);
  });

  it('report that there is no GPIO', (t) => {
    assert.throws(() => listSysfsChips('/nonexistent'), hasCode('HL_GPIO_UNAVAILABLE'));
    assert.throws(() => listSysfsChips(sysfs(t, [])), hasCode('HL_GPIO_UNAVAILABLE'));
  });
});

describe('outputs by onoff', () => {
  /** Lines that are files: the value as sysfs would show it. */
  function lines(root: string, broken: string[] = []): TakeLine {
    return (gpio, direction, { activeLow }) => {
      const file = join(root, `value${gpio}`);
      if (broken.includes('take') && gpio === 516) throw new Error('EBUSY: resource busy');
      writeFileSync(file, direction === 'high' ? '1' : '0');
      return {
        writeSync: (value) => {
          if (broken.includes(`write ${gpio}`)) throw new Error('EIO: i/o error');
          writeFileSync(file, String(activeLow ? 1 - value : value));
        },
        readSync: () => (Number(readFileSync(file, 'utf8')) === Number(!activeLow) ? 1 : 0),
        unexport: () => rmSync(file),
      };
    };
  }
  const level = (root: string, gpio: number): string | null =>
    existsSync(join(root, `value${gpio}`))
      ? readFileSync(join(root, `value${gpio}`), 'utf8')
      : null;

  it('opens all off, switches by name, closes all off; off is high where active is low', (t) => {
    const root = sysfs(t);
    const outputs = onoffOutputs([horn, beacon], lines(root), silentLog(), root);
    assert.equal(outputs.description, 'onoff horn=gpio529 beacon=gpio516');
    const levels = () => [level(root, 529), level(root, 516)];
    assert.deepEqual(levels(), ['0', '1']);
    outputs.set('horn', true);
    outputs.set('beacon', true);
    assert.deepEqual(levels(), ['1', '0']);
    outputs.allOff();
    assert.deepEqual(levels(), ['0', '1']);
    assert.throws(() => outputs.set('siren', true), hasCode('HL_INTERNAL'));
    outputs.close();
    assert.deepEqual(levels(), [null, null]);
    outputs.close();
    outputs.allOff();
  });

  it('releases its lines if a later one cannot be claimed', (t) => {
    const root = sysfs(t);
    assert.throws(
      () => onoffOutputs([horn, beacon], lines(root, ['take']), silentLog(), root),
      (error) =>
        isHeadlandError(error, 'HL_GPIO_UNAVAILABLE') && /beacon.*EBUSY/.test(error.message),
    );
    assert.equal(level(root, 529), null);
  });

  it('switches the others off when one fails', (t) => {
    const root = sysfs(t);
    const broken: string[] = [];
    const outputs = onoffOutputs([horn, beacon], lines(root, broken), silentLog(), root);
    outputs.set('horn', true);
    outputs.set('beacon', true);
    broken.push('write 529');
    assert.throws(() => outputs.set('horn', true), hasCode('HL_GPIO_WRITE_FAILED'));
    outputs.allOff();
    assert.equal(level(root, 516), '1');
  });

  it('names the drop-in or the other driver where /sys is read-only', (t) => {
    const root = sysfs(t);
    const readOnly: TakeLine = () => {
      throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
    };
    assert.throws(
      () => onoffOutputs([horn], readOnly, silentLog(), root),
      (error) =>
        isHeadlandError(error, 'HL_GPIO_UNAVAILABLE') &&
        /sysfs-gpio\.conf/.test(error.remedy) &&
        /gpio\.driver to gpiochip/.test(error.remedy),
    );
  });

  it('reads an input, debounced', (t) => {
    const root = sysfs(t);
    const [button] = configSchema.parse({
      gpio: {
        inputs: [{ name: 'stone', line: 22, bias: 'as-is', debounceMs: 40, action: RETRAIN }],
      },
    }).gpio.inputs;
    const take: TakeLine = (gpio, _direction, options) => {
      writeFileSync(join(root, `value${gpio}`), '1');
      return { ...lines(root)(gpio, 'high', options) };
    };
    const input = onoffInput(button!, take, root);
    const file = join(root, 'value534');
    const at = (nowMs: number, level: string) => {
      writeFileSync(file, level);
      return input.changes(nowMs).map(({ active }) => active);
    };
    assert.deepEqual(at(0, '0'), []);
    assert.deepEqual(at(20, '1'), [], 'it bounces');
    assert.deepEqual(at(40, '0'), []);
    assert.deepEqual(at(60, '0'), []);
    assert.deepEqual(at(80, '0'), [true]);
    assert.deepEqual(at(100, '1'), []);
    assert.deepEqual(at(140, '1'), [false]);
    input.close();
    input.close();
    assert.equal(existsSync(file), false);
    assert.deepEqual(input.changes(200), []);
  });

  it('distinguishes a missing package from one that must be rebuilt', () => {
    assert.match(onoffLoadError(new Error('Cannot find package')).remedy, /npm install onoff/);
    // As Node 22 says it of a binary that was compiled for Node 20.
    const otherNode = new Error(
      "The module '/opt/headland/node_modules/epoll/build/Release/epoll.node'\n" +
        'was compiled against a different Node.js version using\n' +
        'NODE_MODULE_VERSION 115. This version of Node.js requires\nNODE_MODULE_VERSION 127.',
    );
    const elsewhere = Object.assign(new Error('epoll.node: invalid ELF header'), {
      code: 'ERR_DLOPEN_FAILED',
    });
    const uncompiled = new Error('Could not locate the bindings file. Tried:\n → …/epoll.node');
    for (const error of [otherNode, elsewhere, uncompiled]) {
      assert.match(onoffLoadError(error).remedy, /npm rebuild epoll/);
    }
  });

  it('drives the real package on a private /sys/class/gpio', async (t) => {
    const program = new URL('./onoff-machine.js', import.meta.url);
    const printed = await runOnGpioMachine(t, program, [529, 516]);
    if (printed === null) return;
    // Files show what was written: value is on or off, the kernel applies active_low.
    assert.deepEqual(printed, {
      description: 'onoff horn=gpio529 beacon=gpio516',
      opened: ['low 0 0', 'high 1 0'],
      hornOn: ['low 0 1', 'high 1 0'],
      allOff: ['low 0 0', 'high 1 0'],
      closed: ['low 0 0', 'high 1 0'],
      released: '516',
    });
  });
});

describe('openOutputs', () => {
  const gpio = (settings: object) => configSchema.parse({ gpio: settings }).gpio;

  it('without outputs or with driver none touches nothing and accepts any name', async () => {
    const none = { driver: 'none', outputs: [{ name: 'horn', line: 17 }] };
    const untouched = () => assert.fail('a device was touched');
    await openOutputs(gpio(none), silentLog(), untouched);
    const outputs = await openOutputs(gpio({}), silentLog(), untouched);
    assert.equal(outputs.description, 'none');
    outputs.set('anything', true);
    outputs.allOff();
    outputs.close();
  });

  for (const driver of ['gpiochip', 'onoff']) {
    it(`with ${driver} reports a machine without GPIO`, {
      skip: driver === 'onoff' && existsSync('/sys/class/gpio') && 'this machine has GPIO',
    }, async () => {
      const settings = gpio({ driver, outputs: [{ name: 'horn', line: 17 }] });
      const opened = openOutputs(settings, silentLog(), () => new SimulatedKernel([]));
      await assert.rejects(opened, hasCode('HL_GPIO_UNAVAILABLE'));
    });
  }
});
