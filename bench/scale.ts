import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { openState, type State } from '../src/agent/open-state.js';
import { augmentationRecipe } from '../src/backbone/embedder.js';
import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import { createRandom, type Random } from '../src/base/random.js';
import { validateConfig } from '../src/config/load.js';
import type { Config } from '../src/config/schema.js';
import { readText } from '../src/host/read-text.js';
import { benchTrainer } from './support/bench-trainer.js';
import { sharedMirrors, userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { quantile, round } from './support/timings.js';

const PICTURE_BYTES = 30_000;
const CLASSES = 10;
const PASS_SAMPLES = 20;
const LABELS = 200;
const POLL_MS = 20;

/**
 * What a store with many samples of 30 kB costs: opening it, one label, a training from cached features, and
 * the most memory that the training takes.
 * Options: `--stored 1000,10000`, `--views N` (default: the settings').
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: {
      stored: { type: 'string', default: '1000,10000' },
      views: { type: 'string' },
    },
  });
  const rows: Record<string, unknown>[] = [];
  for (const stored of values.stored.split(',').map(Number)) {
    const stateDir = mkdtempSync(join(tmpdir(), 'headland-scale-'));
    try {
      rows.push(await measure(stateDir, stored, values.views));
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
    } finally {
      rmSync(stateDir, { recursive: true, force: true });
    }
  }
  return { rows };
}

async function measure(
  stateDir: string,
  stored: number,
  views: string | undefined,
): Promise<Record<string, unknown>> {
  const config = validateConfig({
    paths: { stateDir, cacheDir: userCacheDir() },
    models: { mirrors: sharedMirrors() },
    samples: { maxPictureStoreBytes: 4_000_000_000 },
    ...(views === undefined ? {} : { augmentation: { views: Number(views) } }),
  });
  await fill(config, stored);
  const bytes = statSync(join(stateDir, 'headland.db')).size;
  const startMs = performance.now();
  const state = openState(config);
  const openMs = performance.now() - startMs;
  const labelMs = label(state);
  const training = await train(config, state);
  state.close();
  return {
    stored,
    views: config.augmentation.views,
    database_mb: round(bytes / 1e6),
    open_ms: round(openMs),
    label_ms_p50: quantile(labelMs, 0.5),
    label_ms_p95: quantile(labelMs, 0.95),
    ...training,
  };
}

async function fill(config: Config, stored: number): Promise<void> {
  const card = await preparedCard(config);
  const { cacheDir } = config.paths;
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const { checksum, featureSize } = backbone;
  await backbone.close();
  const state = openState(config);
  const { samples } = state.task();
  const random = createRandom(1);
  const { seed, ...augmentation } = config.augmentation;
  const recipe = augmentationRecipe(augmentation, seed);
  const means = Array.from({ length: CLASSES }, () => drawn(featureSize, random, null));
  const picture = Buffer.alloc(PICTURE_BYTES, 'x');
  for (let from = 0; from < stored; from += 500) {
    samples.batch(() => {
      for (let i = from; i < Math.min(stored, from + 500); i++) {
        const kind = Math.floor(i / PASS_SAMPLES) % CLASSES;
        picture.writeUInt32LE(i, 0);
        const { sample } = samples.admit({
          jpeg: picture,
          label: `class-${kind}`,
          labelSource: 'cli',
          group: `pass-${Math.floor(i / PASS_SAMPLES)}`,
          source: 'front',
          capturedAtMs: 1_700_000_000_000 + i * 10_000,
          dhash: i.toString(16).padStart(16, '0'),
        });
        const original = drawn(featureSize, random, means[kind]!);
        for (let view = 0; view <= augmentation.views; view++) {
          samples.putFeatures([
            {
              sampleId: sample.id,
              backboneChecksum: checksum,
              recipe: view === 0 ? '' : recipe,
              view,
              features: view === 0 ? original : drawn(featureSize, random, original),
            },
          ]);
        }
      }
    });
  }
  state.close();
}

function drawn(size: number, random: Random, around: Float32Array | null): Float32Array {
  return Float32Array.from({ length: size }, (_, k) =>
    around === null ? random.next() ** 3 : Math.max(0, around[k]! + 0.4 * (random.next() - 0.5)),
  );
}

/** Of one sample after the other, as a person corrects them. */
function label(state: State): number[] {
  const { samples } = state.task();
  return samples.list({ labelled: true, limit: LABELS }).map(({ id, label: before }) => {
    const startMs = performance.now();
    samples.label(id, before === 'class-0' ? 'class-1' : 'class-0', 'console');
    samples.label(id, before ?? 'class-0', 'console');
    return (performance.now() - startMs) / 2;
  });
}

async function train(config: Config, state: State): Promise<Record<string, unknown>> {
  const trainer = benchTrainer(config, state);
  const { finished } = trainer.start({ trigger: 'cli' });
  let peakKib = 0;
  const poll = setInterval(() => {
    const pid = trainer.running()?.pid;
    const found = /VmHWM:\s+(\d+)/.exec(readText(`/proc/${pid}/status`) ?? '');
    peakKib = Math.max(peakKib, Number(found?.[1] ?? 0));
  }, POLL_MS);
  const { outcome, reason, durationMs, result } = await finished;
  clearInterval(poll);
  return {
    outcome: outcome === 'failed' ? `${outcome}: ${reason}` : outcome,
    training_s: round(durationMs / 1_000),
    fit_s: round((result?.durationsMs.fit ?? 0) / 1_000),
    training_peak_mb: round((peakKib * 1_024) / 1e6),
    holdout_macro_f1: result?.holdout?.macroF1 ?? null,
  };
}
