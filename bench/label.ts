import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * `npm run -s bench -- label [--stored N,N] [--rounds N] [--beside FOLDER]`: what one label costs a running
 * daemon at several numbers of labelled samples, and what the queue costs at several numbers of waiting ones.
 * Of `--beside`, the built checkout of another version with these two programs of bench/support, the same is
 * measured in turn, so that both meet the same load of the machine.
 */
const STORED = '100,10000,50000';
const MEASURE_TIMEOUT_MS = 600_000;

interface Measured {
  labels: unknown[];
  queue: unknown[];
}

export function run(options: string[]): Promise<Record<string, unknown>> {
  const own = fileURLToPath(new URL('../..', import.meta.url));
  const { values } = parseArgs({
    args: options,
    options: {
      stored: { type: 'string', default: STORED },
      rounds: { type: 'string', default: '1' },
      beside: { type: 'string' },
    },
  });
  const { beside } = values;
  const stored = values.stored.split(',').map(Number);
  const rounds = Number(values.rounds);
  const folders = { this: own, ...(beside === undefined ? {} : { beside }) };
  const results = Object.entries(folders).map(([name, folder]) => {
    return { name, folder, found: { labels: [], queue: [] } as Measured };
  });
  for (let round = 0; round < rounds; round++) {
    for (const count of stored) {
      for (const { folder, found } of results) {
        found.labels.push(measured(folder, 'label-cost.js', String(count)));
        process.stderr.write(`${folder}: ${JSON.stringify(found.labels.at(-1))}\n`);
      }
    }
    for (const { folder, found } of results) {
      found.queue.push(measured(folder, 'queue-cost.js'));
      process.stderr.write(`${folder}: ${JSON.stringify(found.queue.at(-1))}\n`);
    }
  }
  return Promise.resolve(Object.fromEntries(results.map(({ name, found }) => [name, found])));
}

function measured(folder: string, program: string, ...parameters: string[]): unknown {
  const file = join(folder, 'dist/bench/support', program);
  const printed = execFileSync(process.execPath, [file, ...parameters], {
    encoding: 'utf8',
    timeout: MEASURE_TIMEOUT_MS,
  });
  return JSON.parse(printed.trim().split('\n').at(-1)!);
}
