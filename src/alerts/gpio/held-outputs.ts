import { DEFECT_REMEDY, HeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { OutputDriver } from '../alert-output.js';

export type OutputConfig = Config['gpio']['outputs'][number];

/** A claimed line, switched off. */
export interface OutputLine {
  /** "gpio529", "gpiochip0:17 GPIO17". */
  readonly description: string;
  write(on: boolean): void;
  release(): void;
}

/** Named outputs on claimed lines, whatever the driver. */
export class HeldOutputs implements OutputDriver {
  readonly description: string;
  readonly #lines = new Map<string, OutputLine>();
  readonly #log: Log;

  /**
   * Claims every line and switches it off.
   * @param claim throws a HeadlandError when it cannot claim the line
   */
  constructor(
    driver: string,
    outputs: readonly OutputConfig[],
    claim: (output: OutputConfig) => OutputLine,
    log: Log,
  ) {
    this.#log = log;
    try {
      for (const output of outputs) this.#lines.set(output.name, claim(output));
    } catch (error) {
      this.close();
      throw error;
    }
    const lines = [...this.#lines].map(([name, { description }]) => `${name}=${description}`);
    this.description = [driver, ...lines].join(' ');
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
      line.write(on);
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
    for (const [name, line] of this.#lines) this.#attempt(name, () => line.release());
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
