import { measureQueue } from './queue-timings.js';

/** `node queue-cost.js`: what the queue costs, as one line of JSON. A program of its own as label-cost.js is. */
process.stdout.write(`${JSON.stringify(measureQueue())}\n`);
process.exit(0);
