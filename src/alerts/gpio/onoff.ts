import { DEFECT_REMEDY, HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { OutputDriver } from '../alert-output.js';
import { globalLineNumber, listGpioChips } from './gpio-lines.js';

export type OutputConfig = Config['gpio']['outputs'][number];

/** The part of onoff's Gpio that outputs need. */
export interface OutputLine {
  /** 1 = on, 0 = off; the line's activeLow sets the electrical level. */
  writeSync(value: 0 | 1): void;
  unexport(): void;
}

/** Claims a line by its global number, switched off: `direction` is the electrical level of off. */
export type TakeLine = (
  globalNumber: number,
  direction: 'low' | 'high',
  options: { activeLow: boolean },
) => OutputLine;

/** GPIO through sysfs and the optional package `onoff`. */
export class OnoffOutputs implements OutputDriver {
  readonly description: string;
  readonly #lines = new Map<string, OutputLine>();
  readonly #log: Log;

  /**
   * Claims every line and switches it off.
   *
   * @param sysfsFolder `/sys/class/gpio`, or a folder of the same layout
   * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN
   */
  constructor(outputs: OutputConfig[], takeLine: TakeLine, log: Log, sysfsFolder: string) {
    this.#log = log;
    const chips = listGpioChips(sysfsFolder);
    const numbers = outputs.map((output) => globalLineNumber(output, chips));
    this.description = ['onoff', ...outputs.map((o, i) => `${o.name}=gpio${numbers[i]}`)].join(' ');
    for (const [i, { name, activeLow }] of outputs.entries()) {
      try {
        // The kernel reads "low" and "high" as levels of the pin, not as off and on.
        const line = takeLine(numbers[i]!, activeLow ? 'high' : 'low', { activeLow });
        this.#lines.set(name, line);
        line.writeSync(0);
      } catch (error) {
        this.close();
        throw new HeadlandError(
          'HL_GPIO_UNAVAILABLE',
          `cannot claim output "${name}" on gpio${numbers[i]}: ${messageOf(error)}`,
          {
            remedy:
              'End other programs that use the line, and add the user of the daemon to the group gpio.',
            details: { name, gpio: numbers[i] },
            cause: error,
          },
        );
      }
    }
  }

  set(name: string, on: boolean): void {
    const line = this.#lines.get(name);
    if (line === undefined) {
      throw new HeadlandError('HL_INTERNAL', `there is no output "${name}"`, {
        remedy: DEFECT_REMEDY,
        details: { name, outputs: [...this.#lines.keys()] },
      });
    }
    try {
      line.writeSync(on ? 1 : 0);
    } catch (error) {
      throw new HeadlandError(
        'HL_GPIO_WRITE_FAILED',
        `cannot switch output "${name}" ${on ? 'on' : 'off'}: ${messageOf(error)}`,
        {
          remedy:
            'Look for errors of the GPIO chip in the kernel log (`dmesg`), and check the wiring.',
          details: { name, on },
          cause: error,
        },
      );
    }
  }

  allOff(): void {
    for (const name of this.#lines.keys()) {
      this.#attempt(name, () => this.set(name, false));
    }
  }

  close(): void {
    this.allOff();
    for (const [name, line] of this.#lines) this.#attempt(name, () => line.unexport());
    this.#lines.clear();
  }

  #attempt(name: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.error({ output: name, error: messageOf(error) }, 'failed to release a GPIO output');
    }
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
      Gpio: new (...args: [number, string, string, { activeLow: boolean }]) => OutputLine;
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
          ? 'Run "npm rebuild epoll" where headland is installed, then start it again. Or set gpio.driver to none.'
          : 'Install a compiler (build-essential, python3), run "npm install onoff" where headland is installed, then start it again. Or set gpio.driver to none.',
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
  if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_FAILED') {
    return `the binary of the package epoll cannot be loaded: ${message.split('\n', 1)[0]}`;
  }
  // The message of the package bindings, which locates the binary.
  return /could not locate the bindings file/i.test(message)
    ? 'the package epoll was installed without being compiled'
    : null;
}
