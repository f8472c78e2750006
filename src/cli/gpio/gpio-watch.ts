import type { InputLine } from '../../alerts/input-line.js';
import { openInput } from '../../alerts/open-input.js';
import { pause } from '../../base/pause.js';
import { loadSection } from '../../config/load.js';
import { printLine } from '../support/output.js';
import { daemonLock } from './daemon-lock.js';
import { namedLine } from './named-line.js';

const POLL_MS = 20;

/** Prints every debounced change of inputs until it is interrupted, or for `seconds`. */
export async function watchInputs(
  names: readonly string[],
  { seconds, config }: { seconds?: number; config: string },
): Promise<void> {
  const { driver, inputs } = loadSection(config, 'gpio');
  const chosen = names.length > 0 ? names.map((name) => namedLine('input', name, inputs)) : inputs;
  if (driver === 'none' || chosen.length === 0) {
    printLine('no inputs are configured');
    return;
  }
  const lock = await daemonLock(config);
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());
  const open: { name: string; line: InputLine }[] = [];
  try {
    for (const input of chosen) {
      const line = await openInput(driver, input);
      open.push({ name: input.name, line });
      printLine(`watching ${input.name} on ${line.description}`);
    }
    const startMs = performance.now();
    const endMs = seconds === undefined ? Number.POSITIVE_INFINITY : startMs + seconds * 1_000;
    for (let nowMs = startMs; nowMs < endMs && !end.signal.aborted; nowMs = performance.now()) {
      for (const { name, line } of open) {
        for (const { active } of line.changes(nowMs)) {
          const at = ((nowMs - startMs) / 1_000).toFixed(2);
          printLine(`${at} s ${name}: ${active ? 'pressed' : 'released'}`);
        }
      }
      await pause(POLL_MS, end.signal);
    }
  } finally {
    for (const { line } of open) line.close();
    await lock?.release();
  }
}
