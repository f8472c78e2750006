import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabelQueue } from '../../src/agent/teaching/label-queue.js';
import { silentLog } from '../../src/base/log.js';
import { createRandom } from '../../src/base/random.js';
import { validateConfig } from '../../src/config/load.js';
import type { ServingHead } from '../../src/perception/perception-protocol.js';
import { LookAlikes } from '../../src/samples/look-alikes.js';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import { learn } from '../../src/training/instant/learn.js';
import { quantile } from './timings.js';

const CHECKSUM = 'f'.repeat(64);
const FEATURE_SIZE = 1_280;
const CLASSES = 12;
const LABELLED = 240;
const REQUESTS = 60;

/** What the queue and the look-alikes cost, milliseconds, at several numbers of waiting samples. */
export function measureQueue(): Record<string, unknown>[] {
  return [200, 1_000, 5_000, 20_000].map(measure);
}

function measure(waiting: number): Record<string, unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'headland-queue-'));
  const config = validateConfig({ paths: { stateDir: folder, cacheDir: folder } });
  const database = openDatabase(join(folder, 'headland.db'));
  const store = new SampleStore(database, config.samples);
  try {
    fill(store, waiting);
    let serving: ServingHead | null = null;
    const refit = (): void => {
      const request = { backboneChecksum: CHECKSUM, base: null, sinceRevision: 0 };
      const { head, prior } = learn(store, request, 2)!;
      serving = { version: null, head, ...(prior ? { prior } : {}) };
    };
    const backbone = {
      name: 'drawn',
      checksum: CHECKSUM,
      engine: 'drawn',
      inputSize: 288,
      insteadOf: null,
      featureSize: FEATURE_SIZE,
    };
    const queue = new LabelQueue({
      task: 'main',
      perception: { backbone, serving: () => serving },
      samples: store,
      inference: config.inference,
      log: silentLog(),
    });
    refit();
    const first = timed(() => queue.next(8));
    const each = Array.from({ length: REQUESTS }, () => {
      const id = queue.next(1).items[0]!.sample.id;
      store.label(id, 'class-1', 'console');
      // The instant learner has another head after every label.
      serving = { ...serving! };
      return timed(() => queue.next(8));
    });
    queue.stop();
    const options = { groupWindowMs: 30_000, backboneChecksum: () => CHECKSUM };
    const alikes = new LookAlikes(store, options);
    const ids = store.waitingIds().slice(-20);
    const alike = ids.map((id) => timed(() => alikes.of(id)));
    return {
      waiting,
      first_request_ms: first,
      request_after_label_ms_p50: quantile(each, 0.5),
      request_after_label_ms_p95: quantile(each, 0.95),
      look_alikes_ms_p50: quantile(alike, 0.5),
      look_alikes_ms_p95: quantile(alike, 0.95),
    };
  } finally {
    database.close();
    rmSync(folder, { recursive: true });
  }
}

/** Frames of one pass: each like the one before, of a class that changes now and then. */
function fill(store: SampleStore, waiting: number): void {
  const random = createRandom(waiting);
  const means = Array.from({ length: CLASSES }, () => vector(() => random.next() ** 3));
  store.batch(() => {
    for (let i = 0; i < LABELLED + waiting; i++) {
      const c = random.int(CLASSES);
      const label = i < LABELLED ? `class-${c}` : null;
      const { sample } = store.admit({
        jpeg: Buffer.from(`picture ${i}`),
        label,
        labelSource: label === null ? null : 'cli',
        group: `pass-${Math.floor(i / 20)}`,
        source: 'main',
        capturedAtMs: 1_700_000_000_000 + i * 50,
        dhash: '0'.repeat(16),
      });
      const features = vector((k) => means[c]![k]! + 0.3 * random.next());
      const key = { sampleId: sample.id, backboneChecksum: CHECKSUM, recipe: '', view: 0 };
      store.putFeatures([{ ...key, features }]);
    }
  });
}

function vector(value: (k: number) => number): Float32Array {
  return Float32Array.from({ length: FEATURE_SIZE }, (_, k) => value(k));
}

/** Processor time: other programs of the machine do not count. */
function timed(work: () => unknown): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
