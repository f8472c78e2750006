import { codeOf, HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { OutputDriver } from '../alert-output.js';
import type { InputLine } from '../input-line.js';
import { HeldInput, type InputConfig, polledChanges } from './held-input.js';
import { HeldOutputs, type OutputConfig, type OutputLine } from './held-outputs.js';
import { globalLineNumber, listSysfsChips } from './sysfs-chips.js';

/** The part of onoff's Gpio that outputs and inputs need. */
export interface OnoffLine {
  /** 1 = on, 0 = off; the line's activeLow sets the electrical level. */
  writeSync(value: 0 | 1): void;
  readSync(): 0 | 1;
  unexport(): void;
}

/** Claims a line by its global number: as an input, or switched off at the electrical level of off. */
export type TakeLine = (
  globalNumber: number,
  direction: 'in' | 'low' | 'high',
  options: { activeLow: boolean },
) => OnoffLine;

/**
 * Outputs through sysfs and the optional package `onoff`, for kernels before 5.10. A line stays as it is
 * when the process ends without switching it off.
 *
 * @param sysfsFolder `/sys/class/gpio`, or a folder of the same layout
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export function onoffOutputs(
  outputs: readonly OutputConfig[],
  takeLine: TakeLine,
  log: Log,
  sysfsFolder: string,
): OutputDriver {
  const chips = listSysfsChips(sysfsFolder);
  const claim = (output: OutputConfig): OutputLine => {
    const { name, activeLow } = output;
    const gpio = globalLineNumber(output, chips);
    return claiming(`output "${name}"`, gpio, () => {
      // The kernel reads "low" and "high" as levels of the pin, not as off and on.
      const line = takeLine(gpio, activeLow ? 'high' : 'low', { activeLow });
      // A line that was exported already keeps its level.
      line.writeSync(0);
      return {
        description: `gpio${gpio}`,
        write: (on: boolean) => line.writeSync(on ? 1 : 0),
        release: () => line.unexport(),
      };
    });
  };
  return new HeldOutputs('onoff', outputs, claim, log);
}

/**
 * An input through sysfs, found by polling: sysfs sets neither bias nor debounce.
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export function onoffInput(input: InputConfig, takeLine: TakeLine, sysfsFolder: string): InputLine {
  const { name, activeLow, debounceMs } = input;
  const gpio = globalLineNumber(input, listSysfsChips(sysfsFolder));
  return claiming(`input "${name}"`, gpio, () => {
    const line = takeLine(gpio, 'in', { activeLow });
    const changes = polledChanges(debounceMs, () => line.readSync() === 1);
    return new HeldInput(name, `gpio${gpio}`, { changes, release: () => line.unexport() });
  });
}

function claiming<T>(who: string, gpio: number, claim: () => T): T {
  try {
    return claim();
  } catch (error) {
    throw new HeadlandError(
      'HL_GPIO_UNAVAILABLE',
      `cannot claim ${who} on gpio${gpio}: ${messageOf(error)}`,
      { remedy: claimRemedy(error), details: { who, gpio, code: codeOf(error) }, cause: error },
    );
  }
}

function claimRemedy(error: unknown): string {
  switch (codeOf(error)) {
    case 'EROFS':
      return 'Set gpio.driver to gpiochip. Or let the unit write below /sys: install the drop-in sysfs-gpio.conf (docs/reference/systemd.md), then `systemctl daemon-reload` and restart headland.';
    case 'EACCES':
    case 'EPERM':
      return 'Set gpio.driver to gpiochip. Or install udev rules that give /sys/class/gpio to the group gpio (Raspberry Pi OS has them), and add the user of the daemon to it.';
    case 'EBUSY':
      return 'End the program that uses the line: /sys/kernel/debug/gpio shows root who uses which line.';
    default:
      return 'Set gpio.driver to gpiochip, or look for errors of the GPIO chip in the kernel log (`dmesg`).';
  }
}

/**
 * Loads onoff. The package is optional because it compiles native code at install.
 *
 * @throws HeadlandError HL_GPIO_UNAVAILABLE
 */
export async function loadOnoff(): Promise<TakeLine> {
  // Not a literal type, so that the compiler does not resolve a package that may be absent.
  const name: string = 'onoff';
  try {
    const { Gpio } = (await import(name)) as {
      Gpio: new (...args: [number, string, string, { activeLow: boolean }]) => OnoffLine;
    };
    return (number, direction, options) => new Gpio(number, direction, 'none', options);
  } catch (error) {
    throw onoffLoadError(error);
  }
}

/**
 * The error for a failed import of onoff. npm compiles its dependency epoll at install, for one ABI of
 * Node.js, so the binary no longer loads after a change of the Node.js version.
 */
export function onoffLoadError(error: unknown): HeadlandError {
  const message = messageOf(error);
  const reason = unusableBinary(error, message);
  return new HeadlandError(
    'HL_GPIO_UNAVAILABLE',
    reason ?? `the optional package onoff cannot be loaded: ${message.split('\n', 1)[0]}`,
    {
      remedy:
        reason !== null
          ? 'Run "npm rebuild epoll" where headland is installed, then start it again. Or set gpio.driver to gpiochip.'
          : 'Install a compiler (build-essential, python3), run "npm install onoff" where headland is installed, then start it again. Or set gpio.driver to gpiochip.',
      details: { node: process.version },
      cause: error,
    },
  );
}

/** Why epoll's binary cannot be used; null: the packages themselves are missing. */
function unusableBinary(error: unknown, message: string): string | null {
  if (/NODE_MODULE_VERSION|different Node\.js version/.test(message)) {
    return `the package epoll was compiled for another Node.js version, this is ${process.version}`;
  }
  if (codeOf(error) === 'ERR_DLOPEN_FAILED') {
    return `the binary of the package epoll cannot be loaded: ${message.split('\n', 1)[0]}`;
  }
  // The message of the package bindings, which locates the binary.
  return /could not locate the bindings file/i.test(message)
    ? 'the package epoll was installed without being compiled'
    : null;
}
