import { codeOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { OutputDriver } from '../alert-output.js';
import type { InputLine } from '../input-line.js';
import { type HeldLine, holdLine } from './character-chips.js';
import { HeldInput, type InputConfig, polledChanges } from './held-input.js';
import { HeldOutputs, type OutputConfig } from './held-outputs.js';
import type { Kernel } from './kernel.js';
import {
  type Bias,
  decodeLineEvents,
  decodeLineValue,
  encodeLineValue,
  GPIO_IOCTL,
  LINE_EVENT_BYTES,
  type LineEvent,
} from './line-abi.js';
import { keepsReleasedLevel } from './released-level.js';

/** The kernel keeps this many events of a line. */
const BUFFERED_EVENTS = 16;
/** Reads of one call: a line that oscillates must not hold up the daemon. */
const MAX_READS = 4;

/**
 * Outputs through the GPIO character device (Linux 5.10). The kernel frees the lines when the process
 * ends, however it ends.
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export function gpiochipOutputs(
  outputs: readonly OutputConfig[],
  kernel: Kernel,
  log: Log,
): OutputDriver {
  const claim = (output: OutputConfig) => {
    const { name, activeLow, drive } = output;
    const bias = output.bias ?? biasTowardsOff(activeLow);
    const held = holdLine(kernel, `output "${name}"`, output, (line) => {
      const consumer = `headland ${name}`;
      return { direction: 'output', line, activeLow, bias, drive, on: false, consumer };
    });
    if (keepsReleasedLevel(held.chip.label)) {
      log.warn(
        { output: name, chip: held.chip.label },
        'this kernel leaves an output on when the daemon is killed, until the unit switches it off: add dtparam=strict_gpiod to config.txt',
      );
    }
    return {
      description: held.description,
      write: (on: boolean) => kernel.ioctl(held.fd, GPIO_IOCTL.setValues, encodeLineValue(on)),
      release: () => kernel.close(held.fd),
    };
  };
  return new HeldOutputs('gpiochip', outputs, claim, log);
}

/**
 * An input through the GPIO character device.
 * @throws HeadlandError HL_GPIO_UNAVAILABLE, HL_GPIO_LINE_UNKNOWN, HL_GPIO_LINE_AMBIGUOUS
 */
export function gpiochipInput(input: InputConfig, kernel: Kernel): InputLine {
  const { name, debounceMs } = input;
  const { held, edges } = holdInput(input, kernel);
  const changes = edges
    ? () => readEvents(kernel, held.fd)
    : polledChanges(debounceMs, () => levelOf(kernel, held.fd));
  return new HeldInput(name, held.description, { changes, release: () => kernel.close(held.fd) });
}

/** With events from the kernel where the line has an interrupt, else without. */
function holdInput(input: InputConfig, kernel: Kernel): { held: HeldLine; edges: boolean } {
  const { name, activeLow, bias, debounceMs } = input;
  const hold = (edges: boolean): HeldLine =>
    holdLine(kernel, `input "${name}"`, input, (line) => {
      const consumer = `headland ${name}`;
      return { direction: 'input', line, activeLow, bias, edges, debounceMs, consumer };
    });
  try {
    return { held: hold(true), edges: true };
  } catch (error) {
    // The line has no interrupt.
    if (!(error instanceof Error) || codeOf(error.cause) !== 'ENXIO') throw error;
    return { held: hold(false), edges: false };
  }
}

/** The pull that leads to "off" where the kernel returns a freed line to an input. */
function biasTowardsOff(activeLow: boolean): Bias {
  return activeLow ? 'pull-up' : 'pull-down';
}

function readEvents(kernel: Kernel, fd: number): LineEvent[] {
  const events: LineEvent[] = [];
  for (let reads = 0; reads < MAX_READS && kernel.isReadable(fd); reads += 1) {
    const bytes = new Uint8Array(BUFFERED_EVENTS * LINE_EVENT_BYTES);
    const length = kernel.read(fd, bytes);
    events.push(...decodeLineEvents(bytes.subarray(0, length)));
  }
  return events;
}

function levelOf(kernel: Kernel, fd: number): boolean {
  const bytes = encodeLineValue(false);
  kernel.ioctl(fd, GPIO_IOCTL.getValues, bytes);
  return decodeLineValue(bytes);
}
