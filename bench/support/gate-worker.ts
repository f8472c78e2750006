import { parentPort, workerData } from 'node:worker_threads';
import { configSchema } from '../../src/config/schema.js';
import { simulateStreams } from './gate-simulation.js';

/** One thread of bench gate: some streams, counted. */
parentPort?.postMessage(await simulateStreams(workerData, configSchema.parse({}).gate));
