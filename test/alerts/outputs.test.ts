import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { globalLineNumber, listGpioChips } from '../../src/alerts/gpio/gpio-lines.js';
import { OnoffOutputs, onoffLoadError, type TakeLine } from '../../src/alerts/gpio/onoff.js';
import { openOutputs } from '../../src/alerts/open-outputs.js';
import { type ErrorCode, isHeadlandError } from '../../src/base/errors.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import { PI4, runOnGpioMachine, sysfs } from './gpio-machine.js';

const fails = (code: ErrorCode) => (error: unknown) => {
  assert.ok(isHeadlandError(error, code), String(error));
  return true;
};
const horn = { name: 'horn', line: 17, chipLabel: null, activeLow: false };
const beacon = { name: 'beacon', line: 4, chipLabel: null, activeLow: true };

describe('GPIO line numbers', () => {
  it("add the line on the board to its chip's base", (t) => {
    const chips = listGpioChips(sysfs(t));
    assert.deepEqual(chips, [PI4[1], PI4[0]]);
    assert.equal(globalLineNumber({ line: 17, chipLabel: null }, chips), 529);
    assert.equal(globalLineNumber({ line: 57, chipLabel: 'pinctrl-bcm2711' }, chips), 569);
    assert.equal(globalLineNumber({ line: 3, chipLabel: 'raspberrypi-exp-gpio' }, chips), 573);
  });

  it('equal those of the board before Linux 6.6', (t) => {
    const chips = listGpioChips(sysfs(t, [{ base: 0, label: 'pinctrl-bcm2835', lines: 54 }]));
    assert.equal(globalLineNumber({ line: 17, chipLabel: null }, chips), 17);
  });

  it('refuse a missing line or chip and list the available ones', (t) => {
    const chips = listGpioChips(sysfs(t));
    for (const line of [
      { line: 58, chipLabel: null },
      { line: 8, chipLabel: 'raspberrypi-exp-gpio' },
      { line: 1, chipLabel: 'pinctrl-rp1' },
    ]) {
      assert.throws(() => globalLineNumber(line, chips), fails('HL_GPIO_LINE_UNKNOWN'));
    }
    assert.throws(
      () => globalLineNumber({ line: 99, chipLabel: null }, chips),
      (error) => isHeadlandError(error) && /pinctrl-bcm2711 \(lines 0 to 57\)/.test(error.remedy),
    );
  });

  it('report that there is no GPIO', (t) => {
    assert.throws(() => listGpioChips('/nonexistent'), fails('HL_GPIO_UNAVAILABLE'));
    assert.throws(() => listGpioChips(sysfs(t, [])), fails('HL_GPIO_UNAVAILABLE'));
  });
});

describe('OnoffOutputs', () => {
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
    const outputs = new OnoffOutputs([horn, beacon], lines(root), silentLog(), root);
    assert.equal(outputs.description, 'onoff horn=gpio529 beacon=gpio516');
    const levels = () => [level(root, 529), level(root, 516)];
    assert.deepEqual(levels(), ['0', '1']);
    outputs.set('horn', true);
    outputs.set('beacon', true);
    assert.deepEqual(levels(), ['1', '0']);
    outputs.allOff();
    assert.deepEqual(levels(), ['0', '1']);
    assert.throws(() => outputs.set('siren', true), fails('HL_INTERNAL'));
    outputs.close();
    assert.deepEqual(levels(), [null, null]);
    outputs.close();
    outputs.allOff();
  });

  it('releases its lines if a later one cannot be claimed', (t) => {
    const root = sysfs(t);
    assert.throws(
      () => new OnoffOutputs([horn, beacon], lines(root, ['take']), silentLog(), root),
      (error) =>
        isHeadlandError(error, 'HL_GPIO_UNAVAILABLE') && /beacon.*EBUSY/.test(error.message),
    );
    assert.equal(level(root, 529), null);
  });

  it('switches the others off when one fails', (t) => {
    const root = sysfs(t);
    const broken: string[] = [];
    const outputs = new OnoffOutputs([horn, beacon], lines(root, broken), silentLog(), root);
    outputs.set('horn', true);
    outputs.set('beacon', true);
    broken.push('write 529');
    assert.throws(() => outputs.set('horn', true), fails('HL_GPIO_WRITE_FAILED'));
    outputs.allOff();
    assert.equal(level(root, 516), '1');
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

  it('without a driver accepts any name and does nothing', async () => {
    const outputs = await openOutputs(gpio({}), silentLog());
    assert.equal(outputs.description, 'none');
    outputs.set('anything', true);
    outputs.allOff();
    outputs.close();
  });

  it('with onoff reports a machine without GPIO', async (t) => {
    if (existsSync('/sys/class/gpio')) {
      t.skip('this machine has GPIO');
      return;
    }
    const settings = gpio({ driver: 'onoff', outputs: [{ name: 'horn', line: 17 }] });
    await assert.rejects(openOutputs(settings, silentLog()), fails('HL_GPIO_UNAVAILABLE'));
  });
});
