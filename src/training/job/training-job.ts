import { writeFileSync } from 'node:fs';
import { serialiseError } from '../../base/errors.js';
import { createLog } from '../../base/log.js';
import { openSampleStore } from '../../samples/open-store.js';
import { Courtesy } from './courtesy.js';
import type { JobMessage, JobSettings, TrainerMessage } from './job-protocol.js';
import { endWithParent } from './parent-watch.js';
import { PauseGate } from './pause-gate.js';
import { runTraining } from './run-training.js';
import { lockTrainer } from './trainer-lock.js';

/** The program of the training process; see {@link Trainer}. Its argument is the process id of its parent. */

/** Asks the kernel to end the training, and not the robot's daemon, when memory runs out. */
function offerToOutOfMemoryKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not Linux, or not allowed; this is only a preference.
  }
}

function say(message: JobMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) resolve();
    else process.send?.(message, undefined, undefined, () => resolve());
  });
}

async function train(settings: JobSettings, gate: PauseGate): Promise<void> {
  try {
    const lock = await lockTrainer(settings.dbPath, log);
    const { store, close } = openSampleStore(settings.dbPath, {
      ...settings.samples,
      task: settings.task,
    });
    try {
      const result = await runTraining({
        settings,
        store,
        log,
        gate,
        onProgress: (progress) => void say({ type: 'progress', ...progress }),
      });
      await say({ type: 'outcome', result });
    } finally {
      close();
      lock?.release();
    }
  } catch (error) {
    await say({ type: 'error', error: serialiseError(error) });
  }
  process.exit(0);
}

// Only its end goes into the trainer's report; the parent logs.
const log = createLog({ level: 'warn', fileDescriptor: 2 });
offerToOutOfMemoryKiller();
// Everything it writes is durable or whole, so it may end anywhere; without a parent it must.
endWithParent({ pid: Number(process.argv[2] ?? process.ppid) }, log);
process.on('disconnect', () => process.exit(1));
const gate = new PauseGate();
process.on('message', (message: TrainerMessage) => {
  switch (message.type) {
    case 'start':
      if (message.courteous) gate.beCourteous(new Courtesy());
      void train(message.settings, gate);
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
