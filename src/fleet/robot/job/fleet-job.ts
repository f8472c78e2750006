import { openSampleStore } from '../../../samples/open-store.js';
import { runAsJob } from '../../../training/job/job-main.js';
import type { FleetWork, FleetWorkResult } from './fleet-job-protocol.js';
import { runFleetWork } from './run-fleet-work.js';

/** The program that computes for the fleet; see {@link FleetWorker}. Its argument is the process id of its parent. */

runAsJob<FleetWork, FleetWorkResult>(async (work, { gate }) => {
  const { store, close } = openSampleStore(work.dbPath, { ...work.samples, task: work.task });
  try {
    return await runFleetWork(work, store, gate);
  } finally {
    close();
  }
});
