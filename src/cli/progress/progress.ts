import { redactText } from '../../base/redact.js';
import { duration } from '../../base/words/duration.js';
import { visible } from '../../base/words/text.js';
import { formatBytes } from '../support/output.js';
import { textColumns } from '../support/prose.js';

/** Between two drawings on a terminal: a person sees no faster change. */
const DRAW_INTERVAL_MS = 100;
/** Redraws without news, because the time left goes on. */
const HEARTBEAT_MS = 1_000;
const PLAIN_INTERVAL_MS = 5_000;
const MAX_COLUMNS = 100;
const MAX_BAR = 30;
const MIN_BAR = 6;
/** The time left is guessed only after this part of the work. */
const MIN_ELAPSED_SECONDS = 2;

/** How far a piece of work is. */
export interface ProgressStep {
  /** What is being done, such as "importing"; a change starts a new bar. */
  what: string;
  done: number;
  /** Null: the end is not known. */
  total: number | null;
  /** Plural, such as "pictures"; "bytes" are shown as kB and MB. */
  unit: string;
  /** Absent: estimated from the progress so far; null: not known. */
  secondsLeft?: number | null;
}

export interface Progress {
  show(step: ProgressStep): void;
  /** Work whose steps cannot be counted: the time it has taken is shown. */
  begin(what: string): void;
  /** Removes the bar; `show` starts a new one. */
  stop(): void;
}

type Output = Pick<NodeJS.WriteStream, 'write'> &
  Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

/**
 * Progress of long work on standard error: on a terminal one line with a bar that is redrawn, which
 * ends within the width; otherwise a plain line every five seconds.
 */
export function showProgress(out: Output = process.stderr): Progress {
  let step: ProgressStep | null = null;
  let from = { what: '', done: 0, ms: 0 };
  let lastMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;
  const intervalMs = out.isTTY ? DRAW_INTERVAL_MS : PLAIN_INTERVAL_MS;

  const draw = (): void => {
    if (step === null) return;
    const nowMs = performance.now();
    lastMs = nowMs;
    const elapsedSeconds = (nowMs - from.ms) / 1_000;
    const text = { ...step, what: visible(redactText(step.what)) };
    const left = secondsLeft(step, from.done, elapsedSeconds);
    if (!out.isTTY) return void out.write(`${plainText(text, elapsedSeconds, left)}\n`);
    const columns = Math.min(MAX_COLUMNS, textColumns(out, process.env)) - 1;
    out.write(`\r${barText(text, elapsedSeconds, left, columns)}\x1b[K`);
  };
  const shown = (next: ProgressStep): void => {
    const isNew = step === null || next.what !== from.what;
    step = next;
    const nowMs = performance.now();
    if (isNew) {
      from = { what: next.what, done: next.done, ms: nowMs };
      // Without a terminal, work of less than five seconds is silent.
      if (!out.isTTY && lastMs === Number.NEGATIVE_INFINITY) lastMs = nowMs;
    }
    if ((isNew && out.isTTY) || nowMs - lastMs >= intervalMs) draw();
    timer ??= setInterval(draw, out.isTTY ? HEARTBEAT_MS : PLAIN_INTERVAL_MS).unref();
  };
  return {
    show: shown,
    begin: (what) => shown({ what, done: 0, total: null, unit: '' }),
    stop: () => {
      if (timer) clearInterval(timer);
      timer = null;
      if (step !== null && out.isTTY) out.write('\r\x1b[K');
      step = null;
    },
  };
}

/** One line of at most `columns` characters: what, bar, how far, time left. */
export function barText(
  step: ProgressStep,
  elapsedSeconds: number,
  left: number | null,
  columns: number,
): string {
  const facts = factsText(step, elapsedSeconds, left);
  const share = shareOf(step);
  const room = columns - facts.length - 2;
  const what = cut(step.what, Math.max(0, room));
  const barColumns = Math.min(MAX_BAR, room - what.length - 1);
  if (share === null || barColumns < MIN_BAR) return cut(`${what}  ${facts}`.trimStart(), columns);
  const full = Math.round(share * barColumns);
  return `${what} ${'█'.repeat(full)}${'░'.repeat(barColumns - full)}  ${facts}`;
}

function plainText(step: ProgressStep, elapsedSeconds: number, left: number | null): string {
  return `${step.what}: ${factsText(step, elapsedSeconds, left)}`;
}

function factsText(step: ProgressStep, elapsedSeconds: number, left: number | null): string {
  const { done, total, unit } = step;
  const amount = (value: number): string => (unit === 'bytes' ? formatBytes(value) : `${value}`);
  const share = shareOf(step);
  const words = unit === '' || unit === 'bytes' ? '' : ` ${unit}`;
  const far =
    share === null
      ? done > 0
        ? `${amount(done)}${words}, `
        : ''
      : `${String(Math.floor(100 * share)).padStart(3)} %  ${amount(done)}/${amount(total ?? 0)}${words}, `;
  // Whole seconds: tenths would only flicker.
  const time = (whole: number): string => duration(whole).replace('.0 s', ' s');
  if (left === null) return `${far}${time(Math.floor(elapsedSeconds))} so far`;
  return `${far}${time(Math.ceil(left))} left`;
}

function shareOf({ done, total }: ProgressStep): number | null {
  if (total === null || total <= 0) return null;
  return Math.min(1, Math.max(0, done / total));
}

function secondsLeft(
  { done, total, secondsLeft: known }: ProgressStep,
  startDone: number,
  elapsedSeconds: number,
): number | null {
  if (known !== undefined) return known;
  if (total === null || done <= startDone || elapsedSeconds < MIN_ELAPSED_SECONDS) return null;
  return ((total - done) * elapsedSeconds) / (done - startDone);
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, columns - 1).join('')}…`;
}
