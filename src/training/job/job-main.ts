import { writeFileSync } from 'node:fs';
import { serialiseError } from '../../base/errors.js';
import { createLog, type Log } from '../../base/log.js';
import { Courtesy } from './courtesy.js';
import type { JobMessage, StepProgress, TrainerMessage } from './job-protocol.js';
import { endWithParent } from './parent-watch.js';
import { PauseGate } from './pause-gate.js';

/** What a job has of its process. */
export interface JobSurroundings {
  /** The job waits here between its steps. */
  gate: PauseGate;
  onProgress: (progress: StepProgress) => void;
  log: Log;
}

/**
 * The main function of a process that computes at low priority for its parent, whose process id is its
 * argument. It does one job, says how that ended, and ends.
 */
export function runAsJob<S, R>(
  work: (settings: S, surroundings: JobSurroundings) => Promise<R>,
): void {
  // Only its end goes into the trainer's report; the parent logs.
  const log = createLog({ level: 'warn', fileDescriptor: 2 });
  offerToOutOfMemoryKiller();
  // Everything it writes is durable or whole, so it may end anywhere; without a parent it must.
  endWithParent({ pid: Number(process.argv[2] ?? process.ppid) }, log);
  process.on('disconnect', () => process.exit(1));
  const gate = new PauseGate();
  const begin = async (settings: S): Promise<void> => {
    try {
      const onProgress = (progress: StepProgress): void =>
        void say<R>({ type: 'progress', ...progress });
      await say<R>({ type: 'outcome', result: await work(settings, { gate, onProgress, log }) });
    } catch (error) {
      await say<R>({ type: 'error', error: serialiseError(error) });
    }
    process.exit(0);
  };
  process.on('message', (message: TrainerMessage<S>) => {
    switch (message.type) {
      case 'start':
        if (message.courteous) gate.beCourteous(new Courtesy());
        void begin(message.settings);
        break;
      case 'pause':
        gate.pause();
        break;
      case 'resume':
        gate.resume();
        break;
      case 'cancel':
        process.exit(0);
    }
  });
}

/** Asks the kernel to end the job, and not the robot's daemon, when memory runs out. */
function offerToOutOfMemoryKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not Linux, or not allowed; this is only a preference.
  }
}

function say<R>(message: JobMessage<R>): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) resolve();
    else process.send?.(message, undefined, undefined, () => resolve());
  });
}
