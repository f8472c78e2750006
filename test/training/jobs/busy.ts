// The real program of a training, which holds its lock and whose main thread then computes without end.
// It writes its process id to HEADLAND_TEST_MARKER before.
import { renameSync, writeFileSync } from 'node:fs';

await import('../../../src/training/job/training-job.js');
process.once('message', () => {
  const marker = process.env.HEADLAND_TEST_MARKER as string;
  writeFileSync(`${marker}.new`, String(process.pid));
  renameSync(`${marker}.new`, marker);
  for (;;);
});
