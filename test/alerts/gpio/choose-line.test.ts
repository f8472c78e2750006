import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  chooseLine,
  type KnownChip,
  type LineChoice,
} from '../../../src/alerts/gpio/choose-line.js';
import { isHeadlandError } from '../../../src/base/errors.js';
import { hasCode } from '../../errors.js';

const chip = (label: string, lines: number, names: Record<number, string> = {}): KnownChip => ({
  label,
  lines,
  names: Array.from({ length: lines }, (_, line) => names[line] ?? null),
});
const unnamed = (label: string, lines: number): KnownChip => ({ label, lines, names: null });
const header = (label: string, lines: number) =>
  chip(label, lines, { 0: 'ID_SDA', 17: 'GPIO17', 22: 'GPIO22' });

const PI3 = [chip('raspberrypi-exp-gpio', 8), header('pinctrl-bcm2835', 54)];
const PI4 = [header('pinctrl-bcm2711', 58), chip('raspberrypi-exp-gpio', 8)];
const PI5 = [
  chip('gpio-brcmstb@107d508500', 32),
  chip('gpio-brcmstb@107d508520', 4),
  header('pinctrl-rp1', 54),
];
const JETSON = [
  chip('tegra234-gpio', 164, { 105: 'PQ.05', 106: 'PQ.06' }),
  chip('tegra234-gpio-aon', 32, { 1: 'PAA.01' }),
];

const choice = (wanted: Partial<LineChoice>): LineChoice => ({
  line: null,
  lineName: null,
  chipLabel: null,
  ...wanted,
});
const found = (wanted: Partial<LineChoice>, chips: readonly KnownChip[]): string => {
  const place = chooseLine(choice(wanted), chips);
  return `${place.chip.label} ${place.line}`;
};

describe('the line that is meant', () => {
  test('is the BCM number on the header of a Raspberry Pi, by number and by name', () => {
    for (const [chips, label] of [
      [PI3, 'pinctrl-bcm2835'],
      [PI4, 'pinctrl-bcm2711'],
      [PI5, 'pinctrl-rp1'],
    ] as const) {
      assert.equal(found({ line: 5 }, chips), `${label} 5`);
      assert.equal(found({ lineName: 'GPIO17' }, chips), `${label} 17`);
      // The kernel names it ID_SDA.
      assert.equal(found({ lineName: 'GPIO0' }, chips), `${label} 0`);
      const sysfs = chips.map((each) => unnamed(each.label, each.lines));
      assert.equal(found({ lineName: 'GPIO22' }, sysfs), `${label} 22`);
    }
  });

  test('is found by name on a Jetson, whose numbers are ambiguous', () => {
    assert.equal(found({ lineName: 'PQ.05' }, JETSON), 'tegra234-gpio 105');
    assert.equal(found({ line: 1, chipLabel: 'tegra234-gpio-aon' }, JETSON), 'tegra234-gpio-aon 1');
    assert.throws(
      () => found({ line: 1 }, JETSON),
      hasCode(
        'HL_GPIO_LINE_AMBIGUOUS',
        /line 1 can mean 2 lines/,
        /chipLabel: tegra234-gpio, line: 1 }, { chipLabel: tegra234-gpio-aon, line: 1 } \(PAA\.01\)/,
      ),
    );
  });

  test('is refused when it may be on one of several chips, whatever their order', () => {
    // Linux 6.1 and 6.12 list the same two chips in opposite orders.
    const chips = [chip('gpio-sim.0-node0', 8), chip('9030000.pl061', 8)];
    for (const order of [chips, [...chips].reverse()]) {
      assert.throws(
        () => found({ line: 5 }, order),
        hasCode('HL_GPIO_LINE_AMBIGUOUS', /line 5/, /pl061/),
      );
    }
    assert.equal(found({ line: 5 }, [chips[1]!]), '9030000.pl061 5', 'the only chip');
  });

  test('is never another than the label or the name says, however chips are ordered', () => {
    const label = fc.constantFrom('a', 'b', 'pinctrl-rp1');
    const chips = fc.array(
      fc.record({ label, lines: fc.integer({ min: 1, max: 4 }) }).chain(({ label, lines }) =>
        fc
          .array(fc.option(fc.constantFrom('x', 'y', 'GPIO2')), {
            minLength: lines,
            maxLength: lines,
          })
          .map((names): KnownChip => ({ label, lines, names })),
      ),
      { maxLength: 4 },
    );
    const wanted = fc.oneof(
      fc.record({ line: fc.nat(4), chipLabel: fc.option(label) }),
      fc.record({ lineName: fc.constantFrom('x', 'y', 'GPIO2'), chipLabel: fc.option(label) }),
    );
    const outcome = (want: Partial<LineChoice>, all: readonly KnownChip[]): string | KnownChip => {
      try {
        return chooseLine(choice(want), all).chip;
      } catch (error) {
        assert.ok(isHeadlandError(error));
        return error.code;
      }
    };
    fc.assert(
      fc.property(chips, wanted, (all, want) => {
        const first = outcome(want, all);
        assert.equal(outcome(want, [...all].reverse()), first);
        if (typeof first === 'string') return;
        const { line } = chooseLine(choice(want), all);
        assert.ok(line < first.lines);
        if (want.chipLabel) assert.equal(first.label, want.chipLabel);
        if ('lineName' in want) {
          const isBcm = want.lineName === 'GPIO2' && first.label === 'pinctrl-rp1' && line === 2;
          assert.ok(first.names?.[line] === want.lineName || isBcm);
        } else assert.equal(line, want.line);
      }),
    );
  });

  test('that is not there is refused with the lines that are', () => {
    assert.throws(
      () => found({ line: 58 }, PI4),
      hasCode('HL_GPIO_LINE_UNKNOWN', /line 58/, /pinctrl-bcm2711 \(lines 0 to 57\)/),
    );
    assert.throws(
      () => found({ lineName: 'PQ.05' }, PI4),
      hasCode('HL_GPIO_LINE_UNKNOWN', /PQ\.05/),
    );
    assert.throws(
      () => found({ lineName: 'PQ.05' }, [unnamed('tegra234-gpio', 164)]),
      hasCode('HL_GPIO_LINE_UNKNOWN', /sysfs tells no line names/),
    );
    const twins = [chip('pcf8574', 8, { 1: 'pump' }), chip('pcf8574', 8)];
    assert.throws(
      () => found({ line: 1, chipLabel: 'pcf8574' }, twins),
      hasCode('HL_GPIO_LINE_AMBIGUOUS', /line 1/, /lineName/),
    );
    assert.equal(found({ lineName: 'pump' }, twins), 'pcf8574 1');
  });
});
