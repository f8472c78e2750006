import { type Kernel, KernelError } from '../../../src/alerts/gpio/kernel.js';

/**
 * The GPIO character device in this process, by its own reading of linux/gpio.h: chips whose lines have a
 * level, a pull and an owner. It refuses what the kernel refuses. What it cannot show: that the kernel of
 * a board agrees, and what a pin does electrically. test/board does that.
 */
export interface SimulatedChip {
  label: string;
  names: (string | null)[];
  /** The driver leaves a freed output at its level, as kernels of Raspberry Pi OS do. */
  keepsOutputs?: boolean;
  /** Lines without an interrupt. */
  noInterrupts?: boolean;
}

interface SimulatedLine {
  chip: SimulatedChip;
  number: number;
  owner: number | null;
  consumer: string;
  flags: bigint;
  isOutput: boolean;
  /** Level that the output drives, 0 or 1. */
  driven: number;
  /** What the pull resistor of the chip makes of an undriven pin. */
  pull: number;
  /** Level that something outside drives; null: nothing does. */
  outside: number | null;
  debounceUs: number;
  /** Events that were not read yet, as the kernel writes them. */
  events: Uint8Array[];
}

const CHIP_INFO = 0x8044b401;
const LINE_INFO = 0xc100b405;
const REQUEST = 0xc250b407;
const GET = 0xc010b40e;
const SET = 0xc010b40f;
const SIZES = new Map([
  [CHIP_INFO, 68],
  [LINE_INFO, 256],
  [REQUEST, 592],
  [GET, 16],
  [SET, 16],
]);
const bit = (flags: bigint, index: number): boolean => ((flags >> BigInt(index)) & 1n) === 1n;
const [USED, ACTIVE_LOW, INPUT, OUTPUT, RISING, FALLING] = [0, 1, 2, 3, 4, 5];
const [PULL_UP, PULL_DOWN] = [8, 9];

export class SimulatedKernel implements Kernel {
  readonly #lines: SimulatedLine[][];
  readonly #open = new Map<number, SimulatedLine[] | SimulatedLine>();
  #nextFd = 100;
  /** Errors of the next calls, by name of the call. */
  readonly failures = new Map<string, string>();

  /** @param links symbolic links below /dev, and the number of the chip to which each leads */
  constructor(
    readonly chips: readonly SimulatedChip[],
    private readonly links: Readonly<Record<string, number>> = {},
  ) {
    this.#lines = chips.map((chip) =>
      chip.names.map((_, number) => ({
        chip,
        number,
        owner: null,
        consumer: '',
        flags: 0n,
        isOutput: false,
        driven: 0,
        pull: 0,
        outside: null,
        debounceUs: 0,
        events: [],
      })),
    );
  }

  list(folder: string): string[] {
    if (folder !== '/dev') throw new KernelError('list', 'ENOENT');
    // In the order of the folder, which is not that of numbers.
    const chips = this.chips.map((_, index) => `gpiochip${index}`);
    return ['null', ...chips, ...Object.keys(this.links)].reverse();
  }

  open(path: string): number {
    this.#fail('open');
    const index = Number(/^\/dev\/gpiochip(\d+)$/.exec(path)?.[1]);
    const lines = this.#lines[this.links[path.slice('/dev/'.length)] ?? index];
    if (!lines) throw new KernelError('open', 'ENOENT');
    return this.#add(lines);
  }

  ioctl(fd: number, request: number, argument: Uint8Array): void {
    this.#fail('ioctl');
    if (SIZES.get(request) !== argument.length) throw new KernelError('ioctl', 'EFAULT');
    const opened = this.#of(fd);
    if (Array.isArray(opened)) this.#chipCall(opened, request, argument);
    else this.#lineCall(opened, request, argument);
  }

  isReadable(fd: number): boolean {
    const line = this.#of(fd);
    return !Array.isArray(line) && line.events.length > 0;
  }

  read(fd: number, into: Uint8Array): number {
    this.#fail('read');
    const line = this.#of(fd);
    if (Array.isArray(line) || into.length < 48) throw new KernelError('read', 'EINVAL');
    let length = 0;
    while (line.events.length > 0 && length + 48 <= into.length) {
      into.set(line.events.shift()!, length);
      length += 48;
    }
    return length;
  }

  close(fd: number): void {
    const opened = this.#of(fd);
    this.#open.delete(fd);
    if (Array.isArray(opened)) return;
    opened.owner = null;
    opened.events = [];
    opened.consumer = '';
    if (!opened.chip.keepsOutputs) opened.isOutput = false;
    opened.flags = 0n;
  }

  /** The process is killed. */
  kill(): void {
    for (const fd of [...this.#open.keys()]) this.close(fd);
  }

  get openFiles(): number {
    return this.#open.size;
  }

  /** Electrical level of a pin. */
  level(chip: number, line: number): number {
    return levelOf(this.#line(chip, line));
  }

  /** Something outside drives a pin, or lets it go (null). */
  drive(chip: number, number: number, level: number | null): void {
    const line = this.#line(chip, number);
    const before = levelOf(line);
    line.outside = level;
    const now = levelOf(line);
    if (now === before) return;
    const active = now === (bit(line.flags, ACTIVE_LOW) ? 0 : 1);
    if (line.owner === null || !bit(line.flags, active ? RISING : FALLING)) return;
    const event = new Uint8Array(48);
    const view = new DataView(event.buffer);
    view.setBigUint64(0, process.hrtime.bigint(), true);
    view.setUint32(8, active ? 1 : 2, true);
    view.setUint32(12, number, true);
    line.events.push(event);
  }

  debounceMs(chip: number, line: number): number {
    return this.#line(chip, line).debounceUs / 1_000;
  }

  #chipCall(lines: SimulatedLine[], request: number, argument: Uint8Array): void {
    const view = new DataView(argument.buffer, argument.byteOffset);
    if (request === CHIP_INFO) {
      const index = this.#lines.indexOf(lines);
      put(argument, 0, `gpiochip${index}`);
      put(argument, 32, this.chips[index]!.label);
      view.setUint32(64, lines.length, true);
      return;
    }
    if (request !== LINE_INFO && request !== REQUEST) throw new KernelError('ioctl', 'EINVAL');
    const line = lines[view.getUint32(request === LINE_INFO ? 64 : 0, true)];
    if (!line) throw new KernelError('ioctl', 'EINVAL');
    if (request === LINE_INFO) {
      put(argument, 0, line.chip.names[line.number] ?? '');
      put(argument, 32, line.consumer);
      const state = line.flags | (line.owner === null ? 0n : 1n << BigInt(USED));
      view.setBigUint64(72, state | (1n << BigInt(line.isOutput ? OUTPUT : INPUT)), true);
      return;
    }
    view.setInt32(588, this.#take(line, argument, view), true);
  }

  #take(line: SimulatedLine, argument: Uint8Array, view: DataView): number {
    if (view.getUint32(560, true) !== 1) throw new KernelError('ioctl', 'EINVAL');
    const flags = view.getBigUint64(288, true);
    const [input, output] = [bit(flags, INPUT), bit(flags, OUTPUT)];
    const edges = bit(flags, RISING) || bit(flags, FALLING);
    if (input === output || (edges && output)) throw new KernelError('ioctl', 'EINVAL');
    if (line.owner !== null) throw new KernelError('ioctl', 'EBUSY');
    if (edges && line.chip.noInterrupts) throw new KernelError('ioctl', 'ENXIO');
    line.flags = flags;
    line.isOutput = output;
    line.consumer = textOf(argument, 256);
    if (bit(flags, PULL_UP)) line.pull = 1;
    if (bit(flags, PULL_DOWN)) line.pull = 0;
    line.debounceUs = 0;
    for (let at = 320, n = view.getUint32(296, true); n > 0; n -= 1, at += 24) {
      if (view.getBigUint64(at + 16, true) !== 1n) throw new KernelError('ioctl', 'EINVAL');
      const id = view.getUint32(at, true);
      if (id === 2) setOutput(line, view.getBigUint64(at + 8, true));
      else if (id === 3) line.debounceUs = view.getUint32(at + 8, true);
      else throw new KernelError('ioctl', 'EINVAL');
    }
    line.owner = this.#add(line);
    return line.owner;
  }

  #lineCall(line: SimulatedLine, request: number, argument: Uint8Array): void {
    const view = new DataView(argument.buffer, argument.byteOffset);
    if (view.getBigUint64(8, true) !== 1n) throw new KernelError('ioctl', 'EINVAL');
    if (request === SET) {
      if (!line.isOutput) throw new KernelError('ioctl', 'EPERM');
      setOutput(line, view.getBigUint64(0, true));
    } else if (request === GET) {
      const on = levelOf(line) === (bit(line.flags, ACTIVE_LOW) ? 0 : 1);
      view.setBigUint64(0, on ? 1n : 0n, true);
    } else throw new KernelError('ioctl', 'EINVAL');
  }

  #line(chip: number, line: number): SimulatedLine {
    return this.#lines[chip]![line]!;
  }

  #of(fd: number): SimulatedLine[] | SimulatedLine {
    const opened = this.#open.get(fd);
    if (!opened) throw new KernelError('fd', 'EBADF');
    return opened;
  }

  #add(opened: SimulatedLine[] | SimulatedLine): number {
    this.#nextFd += 1;
    this.#open.set(this.#nextFd, opened);
    return this.#nextFd;
  }

  #fail(call: string): void {
    const code = this.failures.get(call);
    if (code !== undefined) throw new KernelError(call, code);
  }
}

function levelOf(line: SimulatedLine): number {
  return line.isOutput ? line.driven : (line.outside ?? line.pull);
}

function setOutput(line: SimulatedLine, bits: bigint): void {
  const on = (bits & 1n) === 1n;
  line.driven = on === bit(line.flags, ACTIVE_LOW) ? 0 : 1;
}

function put(bytes: Uint8Array, at: number, text: string): void {
  bytes.fill(0, at, at + 32);
  bytes.set(Buffer.from(text).subarray(0, 31), at);
}

function textOf(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + 32))
    .toString()
    .split('\0', 1)[0]!;
}
