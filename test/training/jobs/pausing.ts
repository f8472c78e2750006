// The real training, but it stops dead in the phase that HEADLAND_TEST_PAUSE names, says so by
// writing its pid to HEADLAND_TEST_MARKER, and goes on when a file `<marker>.go` appears.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { serialiseError } from '../../../src/base/errors.js';
import { silentLog } from '../../../src/base/log.js';
import { openSampleStore } from '../../../src/samples/open-store.js';
import type { TrainerMessage } from '../../../src/training/job/job-protocol.js';
import { runTraining } from '../../../src/training/job/run-training.js';

const phase = process.env.HEADLAND_TEST_PAUSE;
const marker = process.env.HEADLAND_TEST_MARKER as string;
let paused = false;

function pause(): void {
  paused = true;
  writeFileSync(`${marker}.new`, String(process.pid));
  renameSync(`${marker}.new`, marker);
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(`${marker}.go`)) Atomics.wait(nothing, 0, 0, 20);
}

process.once('message', (message: TrainerMessage) => {
  if (message.type !== 'start') return;
  const { settings } = message;
  const { store } = openSampleStore(settings.dbPath, settings.samples);
  runTraining({
    settings,
    store,
    log: silentLog(),
    onProgress: (progress) => {
      // In `embed` after the first batch was kept, in the others at once.
      const there = progress.phase === phase && (phase !== 'embed' || progress.done > 0);
      if (there && !paused) pause();
    },
  })
    .then(
      (result) => ({ type: 'outcome', result }),
      (error) => ({ type: 'error', error: serialiseError(error) }),
    )
    .then((answer) => process.send?.(answer, undefined, undefined, () => process.exit(0)));
});
