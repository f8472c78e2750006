import { openOutputs } from '../../alerts/open-outputs.js';
import { OutputSignals } from '../../alerts/output-signals.js';
import { pause } from '../../base/pause.js';
import { loadSection } from '../../config/load.js';
import { commandLog } from '../support/command-log.js';
import { printLine } from '../support/output.js';

import { daemonLock } from './daemon-lock.js';
import { namedLine } from './named-line.js';

/** Switches one output on as an alert of `seconds` would, with its signal, then off. */
export async function testOutput(
  name: string,
  { seconds, config }: { seconds: number; config: string },
): Promise<void> {
  const { driver, outputs: configured } = loadSection(config, 'gpio');
  const output = namedLine('output', name, configured);
  if (driver === 'none') {
    printLine('gpio.driver is none: there is nothing to switch');
    return;
  }
  const lock = await daemonLock(config);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupted.abort());
  }
  const outputs = await openOutputs({ driver, outputs: [output] }, commandLog());
  // The reader of the output may close the pipe, which ends the process here.
  process.on('exit', () => outputs.allOff());
  try {
    printLine(outputs.description);
    const signals = new OutputSignals([output]);
    const endMs = performance.now() + seconds * 1_000;
    let isOn = false;
    for (;;) {
      const nowMs = performance.now();
      if (nowMs >= endMs || interrupted.signal.aborted) break;
      const on = signals.lit(new Set([name]), nowMs).has(name);
      if (on !== isOn) {
        outputs.set(name, on);
        printLine(`${name}: ${on ? 'on' : 'off'}`);
        isOn = on;
      }
      await pause(
        Math.max(1, Math.min(endMs, signals.nextMs ?? endMs) - nowMs),
        interrupted.signal,
      );
    }
    if (isOn) printLine(`${name}: off`);
  } finally {
    outputs.close();
    await lock?.release();
  }
}
