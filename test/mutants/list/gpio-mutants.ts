import type { Mutant } from '../mutant.js';

const GPIOCHIP = 'src/alerts/gpio/gpiochip.ts';
const CHOOSE = 'src/alerts/gpio/choose-line.ts';
const ABI = 'src/alerts/gpio/line-abi.ts';
const HELD = 'src/alerts/gpio/held-outputs.ts';
const ONOFF = 'src/alerts/gpio/onoff.ts';
const BUTTONS = 'src/agent/buttons/buttons.ts';
const CHIPS = 'src/alerts/gpio/character-chips.ts';
const GPIO_TEST = 'src/cli/gpio/gpio-test.ts';
const GPIO_CHECKS = 'src/config/gpio-checks.ts';
const GPIOCHIP_TESTS = [{ file: 'test/alerts/gpio/gpiochip.test.ts' }];
const CHOOSE_TESTS = [{ file: 'test/alerts/gpio/choose-line.test.ts' }];
const ABI_TESTS = [{ file: 'test/alerts/gpio/line-abi.test.ts' }];
const ONOFF_TESTS = [{ file: 'test/alerts/outputs.test.ts' }];
const SIGNAL_TESTS = [{ file: 'test/alerts/output-signals.test.ts' }];
const BUTTON_TESTS = [{ file: 'test/agent/buttons/buttons.test.ts' }];

export const GPIO_MUTANTS: readonly Mutant[] = [
  {
    promise: 'an output is off from the start, whatever its active level',
    file: ONOFF,
    text: "activeLow ? 'high' : 'low'",
    replacement: "activeLow ? 'low' : 'high'",
    tests: ONOFF_TESTS,
  },
  {
    promise: 'an output that was on before the start is switched off',
    file: ONOFF,
    text: 'line.writeSync(0);',
    replacement: '',
    tests: ONOFF_TESTS,
  },
  {
    promise: 'outputs are off when they are let go',
    file: HELD,
    text: 'this.allOff();\n    for',
    replacement: 'for',
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'one output that fails keeps no other on',
    file: HELD,
    text: 'this.#attempt(name, () => this.set(name, false));',
    replacement: 'this.set(name, false);',
    tests: ONOFF_TESTS,
  },
  {
    promise: 'lines that were taken are given back when a later one cannot be had',
    file: HELD,
    text: 'this.close();\n      throw',
    replacement: 'throw',
    tests: [...ONOFF_TESTS, ...GPIOCHIP_TESTS],
  },
  {
    promise: 'a read-only /sys is told from other trouble',
    file: ONOFF,
    text: "case 'EROFS':",
    replacement: "case 'EROFS!':",
    tests: ONOFF_TESTS,
  },
  {
    promise: 'a line of the character device is off from the start',
    file: GPIOCHIP,
    text: 'on: false, consumer',
    replacement: 'on: true, consumer',
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'the pull of an output leads to off when its owner is killed',
    file: GPIOCHIP,
    text: "activeLow ? 'pull-up' : 'pull-down'",
    replacement: "activeLow ? 'pull-down' : 'pull-up'",
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'a line that oscillates does not hold up the daemon',
    file: GPIOCHIP,
    text: 'reads < MAX_READS && ',
    replacement: '',
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'a line without an interrupt is polled',
    file: GPIOCHIP,
    text: "!== 'ENXIO'",
    replacement: "!== 'ENXIO!'",
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'a number that can mean several lines is refused',
    file: CHOOSE,
    text: 'if (others.length > 0) throw ambiguousLine(choice, places);',
    replacement: '',
    tests: CHOOSE_TESTS,
  },
  {
    promise: 'gpio test leaves no output on when its output pipe is closed',
    file: GPIO_TEST,
    text: "process.on('exit', () => outputs.allOff());",
    replacement: '',
    tests: [{ file: 'test/cli/gpio-test.test.ts', names: 'pipe' }],
  },
  {
    promise: 'gpio test leaves no output on when its terminal is closed',
    file: GPIO_TEST,
    text: "'SIGTERM', 'SIGHUP'",
    replacement: "'SIGTERM'",
    tests: [{ file: 'test/cli/gpio-test.test.ts', names: 'terminal' }],
  },
  {
    promise: 'a loose contact fills no audit',
    file: BUTTONS,
    text: 'const isTooFast = presses > MAX_PRESSES_PER_SECOND;',
    replacement: 'const isTooFast = presses < 0;',
    tests: BUTTON_TESTS,
  },
  {
    promise: 'a line that two entries use is refused',
    file: GPIO_CHECKS,
    text: 'each.line === line && each',
    replacement: 'each.line !== line && each',
    tests: [{ file: 'test/config/load.test.ts', names: 'GPIO lines' }],
  },
  {
    promise: 'a button that labels for one of several tasks must name it',
    file: GPIO_CHECKS,
    text: 'meant.length === 1 || ',
    replacement: 'meant.length >= 1 || ',
    tests: [{ file: 'test/config/load.test.ts', names: 'label for no task' }],
  },
  {
    promise: 'a chip with two paths is one chip',
    file: CHIPS,
    text: 'chips.set(chip.name, chip)',
    replacement: 'chips.set(chip.path, chip)',
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'a number without a chip is the BCM number on a Raspberry Pi',
    file: CHOOSE,
    text: 'chipLabel === null && header.length === 1 ? header : chips',
    replacement: 'chips',
    tests: CHOOSE_TESTS,
  },
  {
    promise: 'open drain and open source are not mixed up',
    file: ABI,
    text: "'open-drain': FLAG.openDrain",
    replacement: "'open-drain': FLAG.openSource",
    tests: ABI_TESTS,
  },
  {
    promise: 'the kernel debounces for as long as the setting says',
    file: ABI,
    text: 'request.debounceMs * 1_000',
    replacement: 'request.debounceMs',
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'a bouncing contact counts once',
    file: 'src/alerts/gpio/debouncer.ts',
    text: 'this.#otherSinceMs = null;\n      return null;',
    replacement: 'return null;',
    tests: GPIOCHIP_TESTS,
  },
  {
    promise: 'a pulse is the only one of its alert',
    file: 'src/alerts/output-signals.ts',
    text: 'partAt([signal.pulseMs], false, sinceMs)',
    replacement: 'partAt([signal.pulseMs], true, sinceMs)',
    tests: SIGNAL_TESTS,
  },
  {
    promise: 'a signal starts anew with each alert',
    file: 'src/alerts/output-signals.ts',
    text: 'if (!wanted.has(name)) this.#startMs.delete(name)',
    replacement: 'if (wanted.size < 0) this.#startMs.delete(name)',
    tests: SIGNAL_TESTS,
  },
  {
    promise: 'signals change although no frame comes',
    file: 'src/agent/reporting/alerts/alerting.ts',
    text: 'return this.#signals.lit(wanted, nowMs);',
    replacement: 'return wanted;',
    tests: [{ file: 'test/agent/reporting/alerting.test.ts', names: 'signal of the output' }],
  },
  {
    promise: 'the release of a button does nothing',
    file: BUTTONS,
    text: 'if (active) void',
    replacement: 'if (active !== null) void',
    tests: BUTTON_TESTS,
  },
  {
    promise: 'a button that cannot be read is opened again',
    file: BUTTONS,
    text: 'watched.service.failed(error);',
    replacement: '',
    tests: BUTTON_TESTS,
  },
  {
    promise: 'a requested image passes motion detection',
    file: 'src/camera/stage/frame-stage.ts',
    text: '!moved && !frame.requested',
    replacement: '!moved',
    tests: [{ file: 'test/camera/stage/frame-stage.test.ts', names: 'although nothing moves' }],
  },
  {
    promise: 'a requested image passes the rate limit',
    file: 'src/perception/perception.ts',
    text: 'waitMs >= 1 && !next.frame.requested',
    replacement: 'waitMs >= 1',
    tests: [{ file: 'test/perception/perception.test.ts', names: 'whatever the limit' }],
  },
];
