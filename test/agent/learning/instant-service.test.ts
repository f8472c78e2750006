import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { InstantService } from '../../../src/agent/learning/instant-service.js';
import { silentLog } from '../../../src/base/log.js';
import type { ServingHead } from '../../../src/perception/perception-protocol.js';
import { SampleStore } from '../../../src/samples/store.js';
import { openDatabase } from '../../../src/storage/database.js';
import { Meta } from '../../../src/storage/meta-table.js';
import { InstantLearner } from '../../../src/training/instant/instant-learner.js';
import { HANG_MS } from '../../liveness.js';
import { temporaryDirectory } from '../../training/fixture.js';

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + HANG_MS;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error('it did not come to that');
    await sleep(10);
  }
}

test('a thread that crashes costs the correction only, and is asked again with the next label', async (t) => {
  const dbPath = join(temporaryDirectory(t), 'headland.db');
  const database = openDatabase(dbPath);
  t.after(() => database.close());
  const samples = new SampleStore(database, {
    holdoutShare: 0.2,
    holdoutAfterSamples: 0,
    maxPictureStoreBytes: 1e9,
  });
  const teach = (label: string, name: string): void => {
    samples.admit({
      ...{ jpeg: Uint8Array.of(...Buffer.from(name)), label, labelSource: 'cli', group: name },
      ...{ source: 'test', capturedAtMs: 1, dhash: '0000000000000000' },
    });
  };
  const swapped: (ServingHead | null)[] = [];
  const codes: string[] = [];
  const service = new InstantService({
    learner: new InstantLearner(
      { dbPath, minLabelsPerClass: 2 },
      new URL('data:text/javascript,process.exit(3)'),
    ),
    ...{ samples, meta: new Meta(database), log: silentLog() },
    backboneChecksum: () => 'b',
    swap: (serving) => {
      swapped.push(serving);
    },
    isPaused: () => false,
    onLearnt: () => {},
    onFailure: ({ code }) => codes.push(code),
  });
  t.after(() => service.stop());
  service.start();
  await until(() => service.failures === 1);
  await sleep(2_500);
  assert.equal(service.failures, 1, 'without a new label it is not tried again');
  teach('crop', 'one');
  service.labelsChanged();
  await until(() => service.failures === 2);
  assert.deepEqual([codes, swapped], [['HL_INSTANT_CRASHED', 'HL_INSTANT_CRASHED'], []]);
});
