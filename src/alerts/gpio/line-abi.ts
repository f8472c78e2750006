/**
 * The structures of the GPIO character device, version 2 (linux/gpio.h, Linux 5.10), as bytes. Their
 * layout is the same on every 64-bit little-endian machine. Pure: no system call is made here.
 */

/** Requests of ioctl(2). */
export const GPIO_IOCTL = {
  chipInfo: 0x8044_b401,
  lineInfo: 0xc100_b405,
  requestLine: 0xc250_b407,
  getValues: 0xc010_b40e,
  setValues: 0xc010_b40f,
} as const;

const NAME_BYTES = 32;
export const CHIP_INFO_BYTES = 68;
export const LINE_INFO_BYTES = 256;
export const LINE_REQUEST_BYTES = 592;
export const LINE_VALUES_BYTES = 16;
export const LINE_EVENT_BYTES = 48;

/** struct gpio_v2_line_request: offsets[64], consumer[32], config, num_lines, …, fd. */
const REQUEST_CONSUMER = 256;
const REQUEST_FLAGS = 288;
const REQUEST_ATTRIBUTES = 296;
const REQUEST_FIRST_ATTRIBUTE = 320;
const REQUEST_LINES = 560;
const REQUEST_FD = 588;
const ATTRIBUTE_OUTPUT_VALUES = 2;
const ATTRIBUTE_DEBOUNCE = 3;

const FLAG = {
  used: 1n << 0n,
  activeLow: 1n << 1n,
  input: 1n << 2n,
  output: 1n << 3n,
  edgeRising: 1n << 4n,
  edgeFalling: 1n << 5n,
  openDrain: 1n << 6n,
  openSource: 1n << 7n,
  pullUp: 1n << 8n,
  pullDown: 1n << 9n,
  biasDisabled: 1n << 10n,
} as const;

export type Bias = 'as-is' | 'disabled' | 'pull-up' | 'pull-down';
export type Drive = 'push-pull' | 'open-drain' | 'open-source';

export interface ChipInfo {
  /** "gpiochip0". */
  name: string;
  label: string;
  lines: number;
}

export interface LineInfo {
  /** Null: the line has no name. */
  name: string | null;
  /** Who uses it; null: nobody. */
  consumer: string | null;
  used: boolean;
  direction: 'input' | 'output';
  activeLow: boolean;
}

interface CommonRequest {
  /** Number of the line on its chip. */
  line: number;
  activeLow: boolean;
  bias: Bias;
  /** Shown to other programs, at most 31 bytes. */
  consumer: string;
}

export interface OutputRequest extends CommonRequest {
  direction: 'output';
  drive: Drive;
  /** The line is on (at its active level) from the start. */
  on: boolean;
}

export interface InputRequest extends CommonRequest {
  direction: 'input';
  /** The kernel reports changes, after the line was still for `debounceMs`. */
  edges: boolean;
  debounceMs: number;
}

export interface LineEvent {
  /** CLOCK_MONOTONIC, milliseconds. */
  atMs: number;
  /** The line became active (true) or inactive. */
  active: boolean;
}

const BIAS_FLAG: Record<Bias, bigint> = {
  'as-is': 0n,
  disabled: FLAG.biasDisabled,
  'pull-up': FLAG.pullUp,
  'pull-down': FLAG.pullDown,
};
const DRIVE_FLAG: Record<Drive, bigint> = {
  'push-pull': 0n,
  'open-drain': FLAG.openDrain,
  'open-source': FLAG.openSource,
};

/** @param bytes CHIP_INFO_BYTES of them */
export function decodeChipInfo(bytes: Uint8Array): ChipInfo {
  return {
    name: textAt(bytes, 0),
    label: textAt(bytes, NAME_BYTES),
    lines: viewOf(bytes).getUint32(64, true),
  };
}

/** The question for one line of a chip. The kernel answers in the same bytes. */
export function encodeLineInfo(line: number): Uint8Array {
  const bytes = new Uint8Array(LINE_INFO_BYTES);
  viewOf(bytes).setUint32(64, line, true);
  return bytes;
}

/** @param bytes LINE_INFO_BYTES of them */
export function decodeLineInfo(bytes: Uint8Array): LineInfo {
  const flags = viewOf(bytes).getBigUint64(72, true);
  return {
    name: textAt(bytes, 0) || null,
    consumer: textAt(bytes, NAME_BYTES) || null,
    used: (flags & FLAG.used) !== 0n,
    direction: (flags & FLAG.output) !== 0n ? 'output' : 'input',
    activeLow: (flags & FLAG.activeLow) !== 0n,
  };
}

/** A request for one line. The kernel adds the file descriptor: {@link decodeRequestedFd}. */
export function encodeLineRequest(request: OutputRequest | InputRequest): Uint8Array {
  const bytes = new Uint8Array(LINE_REQUEST_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, request.line, true);
  putText(bytes, REQUEST_CONSUMER, request.consumer);
  view.setBigUint64(REQUEST_FLAGS, flagsOf(request), true);
  view.setUint32(REQUEST_LINES, 1, true);
  if (request.direction === 'output') {
    putAttribute(view, ATTRIBUTE_OUTPUT_VALUES, (at) =>
      view.setBigUint64(at, request.on ? 1n : 0n, true),
    );
  } else if (request.edges && request.debounceMs > 0) {
    putAttribute(view, ATTRIBUTE_DEBOUNCE, (at) =>
      view.setUint32(at, request.debounceMs * 1_000, true),
    );
  }
  return bytes;
}

/** File descriptor of the line, from an answered request. */
export function decodeRequestedFd(bytes: Uint8Array): number {
  return viewOf(bytes).getInt32(REQUEST_FD, true);
}

/** Sets, or asks for, the value of the only line of a request. */
export function encodeLineValue(on: boolean): Uint8Array {
  const bytes = new Uint8Array(LINE_VALUES_BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(0, on ? 1n : 0n, true);
  view.setBigUint64(8, 1n, true);
  return bytes;
}

/** The value of the only line of a request: true = active. */
export function decodeLineValue(bytes: Uint8Array): boolean {
  return (viewOf(bytes).getBigUint64(0, true) & 1n) !== 0n;
}

/** @param bytes a whole number of events of LINE_EVENT_BYTES each; a rest is ignored */
export function decodeLineEvents(bytes: Uint8Array): LineEvent[] {
  const view = viewOf(bytes);
  const events: LineEvent[] = [];
  for (let at = 0; at + LINE_EVENT_BYTES <= bytes.length; at += LINE_EVENT_BYTES) {
    const atMs = Number(view.getBigUint64(at, true) / 1_000n) / 1_000;
    events.push({ atMs, active: view.getUint32(at + 8, true) === 1 });
  }
  return events;
}

function flagsOf(request: OutputRequest | InputRequest): bigint {
  let flags = BIAS_FLAG[request.bias] | (request.activeLow ? FLAG.activeLow : 0n);
  if (request.direction === 'output') flags |= FLAG.output | DRIVE_FLAG[request.drive];
  else flags |= FLAG.input | (request.edges ? FLAG.edgeRising | FLAG.edgeFalling : 0n);
  return flags;
}

/** One attribute, for the first and only line. */
function putAttribute(view: DataView, id: number, putValue: (at: number) => void): void {
  view.setUint32(REQUEST_ATTRIBUTES, 1, true);
  view.setUint32(REQUEST_FIRST_ATTRIBUTE, id, true);
  putValue(REQUEST_FIRST_ATTRIBUTE + 8);
  view.setBigUint64(REQUEST_FIRST_ATTRIBUTE + 16, 1n, true);
}

function putText(bytes: Uint8Array, at: number, text: string): void {
  // encodeInto writes whole characters only, and the last byte stays the end of the text.
  new TextEncoder().encodeInto(text, bytes.subarray(at, at + NAME_BYTES - 1));
}

function textAt(bytes: Uint8Array, at: number): string {
  const field = bytes.subarray(at, at + NAME_BYTES);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
