import { HeadlandError, messageOf } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { InputChange, InputLine } from '../input-line.js';
import { Debouncer } from './debouncer.js';

export type InputConfig = Config['gpio']['inputs'][number];

/** An input on a claimed line, whatever the driver. */
export class HeldInput implements InputLine {
  #open = true;

  /** @param source where changes come from; its errors become HL_GPIO_READ_FAILED */
  constructor(
    private readonly name: string,
    readonly description: string,
    private readonly source: { changes(nowMs: number): InputChange[]; release(): void },
  ) {}

  changes(nowMs: number): InputChange[] {
    if (!this.#open) return [];
    try {
      return this.source.changes(nowMs);
    } catch (error) {
      throw new HeadlandError(
        'HL_GPIO_READ_FAILED',
        `cannot read input "${this.name}": ${messageOf(error)}`,
        {
          remedy:
            'Look for errors of the GPIO chip in the kernel log (`dmesg`), and check the wiring.',
          details: { name: this.name },
          cause: error,
        },
      );
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.source.release();
    } catch {
      // The chip is gone, and the line with it.
    }
  }
}

/** Changes of a line that can only be read, found by comparing its levels. */
export function polledChanges(
  debounceMs: number,
  level: () => boolean,
): (nowMs: number) => InputChange[] {
  const debouncer = new Debouncer(debounceMs, level());
  return (nowMs) => {
    const active = debouncer.read(level(), nowMs);
    return active === null ? [] : [{ active }];
  };
}
