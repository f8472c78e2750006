import { parentPort, workerData } from 'node:worker_threads';
import { configSchema } from '../../src/config/schema.js';
import { simulateStreams } from './gate-simulation.js';

const { gate, samples } = configSchema.parse({});

/** One thread of bench gate: some streams, counted. */
parentPort?.postMessage(await simulateStreams(workerData, { gate, samples }));
