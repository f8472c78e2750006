import { Presets, SingleBar } from 'cli-progress';

export interface ProgressBar {
  update(done: number, total: number | null): void;
  stop(): void;
}

/** A progress bar on standard error if that is a terminal; otherwise, and if `silent`, it does nothing. */
export function progressBar(unit: string, silent = false): ProgressBar {
  if (silent || !process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar(
    { format: ` {bar} {value}/{total} ${unit} · {eta_formatted}`, stream: process.stderr },
    Presets.rect,
  );
  let started = false;
  return {
    update(done, total) {
      // Of a source without a known end, what is done so far.
      const goal = Math.max(1, total ?? done);
      if (!started) bar.start(goal, done);
      started = true;
      if (goal !== bar.getTotal()) bar.setTotal(goal);
      bar.update(done);
    },
    stop() {
      if (started) bar.stop();
      started = false;
    },
  };
}
