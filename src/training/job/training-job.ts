import { openSampleStore } from '../../samples/open-store.js';
import type { JobResult } from '../report.js';
import { runAsJob } from './job-main.js';
import type { JobSettings } from './job-protocol.js';
import { runTraining } from './run-training.js';
import { lockTrainer } from './trainer-lock.js';

/** The program of the training process; see {@link Trainer}. Its argument is the process id of its parent. */

runAsJob<JobSettings, JobResult>(async (settings, { gate, onProgress, log }) => {
  const lock = await lockTrainer(settings.dbPath, log);
  const { store, close } = openSampleStore(settings.dbPath, {
    ...settings.samples,
    task: settings.task,
  });
  try {
    return await runTraining({ settings, store, log, gate, onProgress });
  } finally {
    close();
    lock?.release();
  }
});
