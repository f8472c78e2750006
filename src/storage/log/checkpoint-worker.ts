// The thread of a Checkpointer.
import { workerData } from 'node:worker_threads';
import { checkpoint } from '../sqlite-connection.js';

const { path }: { path: string } = workerData;
checkpoint(path);
