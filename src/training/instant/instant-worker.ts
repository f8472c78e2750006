import { parentPort, workerData } from 'node:worker_threads';
import { serialiseError } from '../../base/errors.js';
import { openSampleStoreToRead } from '../../samples/open-store.js';
import type { FromInstantWorker, InstantSettings, ToInstantWorker } from './instant-protocol.js';
import { learn } from './learn.js';

/** The thread of {@link InstantLearner}; it keeps nothing that is not in the store. */
const port = parentPort;
if (!port) throw new Error('instant/worker.ts runs as a worker thread only');
const { dbPath, task, minLabelsPerClass } = workerData as InstantSettings;
// It adds no samples, so the limits of admission do not matter.
const { store, close, refresh } = openSampleStoreToRead(dbPath, {
  task,
  holdoutShare: 0,
  holdoutAfterSamples: 0,
  maxPictureStoreBytes: 0,
});
const send = (message: FromInstantWorker): void => port.postMessage(message);

port.on('message', (message: ToInstantWorker) => {
  if (message === 'close') {
    close();
    port.close();
    return;
  }
  const { id, request } = message;
  refresh();
  try {
    send({ id, learnt: learn(store, request, minLabelsPerClass) });
  } catch (error) {
    send({ id, error: serialiseError(error) });
  }
});
