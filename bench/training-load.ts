import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import sharp from 'sharp';
import { openState } from '../src/agent/open-state.js';
import { validateConfig } from '../src/config/load.js';
import { benchTrainer } from './support/bench-trainer.js';
import { cameraPictures } from './support/camera-pictures.js';
import { benchPerception, serveHead } from './support/perception.js';
import { userCacheDir } from './support/places.js';
import { quantile } from './support/timings.js';

const CAMERA = 'front';
const SAMPLES = 32;
const FRAME_INTERVAL_MS = 200;
const FRAMES_ALONE = 75;
const BUSY_LOOPS = 2;
/** A training that gets nothing is ended, and reported as null. */
const GIVE_UP_MS = 180_000;

/**
 * How a training and the frames get on with each other, and with other programs on the same cores:
 * duration of a training (embedding and fit of 32 samples with the default backbone), alone and
 * beside two busy loops of normal priority, and the time from frame to decision at five frames a
 * second, with and without training; and how many of them were dropped for newer ones.
 * Options: the niceness to try, by default that of the settings.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const config = validateConfig({});
  const chosen = options.filter((option) => /^\d+$/.test(option)).map(Number);
  const pictures = await cameraPictures();
  const figures: Record<string, unknown> = {};
  const perception = new Frames(pictures);
  await perception.start();
  const measure = async (name: string, work: Promise<unknown>): Promise<void> => {
    const { msP95, sent, dropped } = await perception.during(work);
    figures[`${name}_ms_p95`] = msP95;
    figures[`${name}_sent`] = sent;
    figures[`${name}_dropped`] = dropped;
  };
  await measure('frame_alone', wait(FRAMES_ALONE * FRAME_INTERVAL_MS));
  for (const nice of chosen.length > 0 ? chosen : [config.training.nice]) {
    for (const loops of [0, BUSY_LOOPS]) {
      const name = `nice${nice}_${loops === 0 ? 'alone' : `beside_${loops}_loops`}`;
      const busy = Array.from({ length: loops }, busyLoop);
      try {
        if (loops > 0 && figures.frame_beside_loops_ms_p95 === undefined) {
          await measure('frame_beside_loops', wait(FRAMES_ALONE * FRAME_INTERVAL_MS));
        }
        const training = train(pictures, nice);
        await measure(`${name}_frame`, training);
        figures[`${name}_training_s`] = await training;
      } finally {
        for (const loop of busy) loop.kill('SIGKILL');
      }
    }
  }
  await perception.stop();
  return figures;
}

/** Frames at a steady rate through the way of the daemon. */
class Frames {
  readonly #latenciesMs: number[] = [];
  readonly #sentMs = new Map<Uint8Array, number>();
  readonly #perception;

  constructor(private readonly pictures: readonly Uint8Array[]) {
    const config = validateConfig({ paths: { cacheDir: userCacheDir() } });
    this.#perception = benchPerception(config, {
      onPerceived: ({ jpeg }) => {
        const sentMs = this.#sentMs.get(jpeg);
        if (sentMs !== undefined) this.#latenciesMs.push(performance.now() - sentMs);
      },
    });
  }

  async start(): Promise<void> {
    await serveHead(this.#perception, await this.#perception.start());
  }

  /**
   * While something goes on: the 95th percentile from submission to decision, milliseconds, and how
   * many frames were sent, and dropped because a newer one came before perception began them.
   */
  async during(work: Promise<unknown>): Promise<{ msP95: number; sent: number; dropped: number }> {
    this.#latenciesMs.length = 0;
    const droppedBefore = this.#perception.dropped(CAMERA);
    let sent = 0;
    const timer = setInterval(() => {
      const jpeg = this.pictures[sent++ % this.pictures.length] as Uint8Array;
      this.#sentMs.set(jpeg, performance.now());
      void this.#perception.submit({ camera: CAMERA, region: null, jpeg });
    }, FRAME_INTERVAL_MS);
    await work;
    clearInterval(timer);
    await wait(FRAME_INTERVAL_MS * 2);
    return {
      msP95: Number(quantile(this.#latenciesMs, 0.95).toPrecision(4)),
      sent,
      dropped: this.#perception.dropped(CAMERA) - droppedBefore,
    };
  }

  async stop(): Promise<void> {
    await this.#perception.stop();
  }
}

/** Seconds of a training from the labels on; null: it was given up. */
async function train(pictures: readonly Uint8Array[], nice: number): Promise<number | null> {
  const folder = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  const config = validateConfig({
    paths: { stateDir: folder, cacheDir: userCacheDir() },
    training: { nice, maxDurationMs: GIVE_UP_MS },
  });
  const state = openState(config);
  try {
    const { samples } = state.task();
    for (let i = 0; i < SAMPLES; i++) {
      const jpeg = await sharp(pictures[i % pictures.length])
        .modulate({ brightness: 1 + i / 100 })
        .jpeg()
        .toBuffer();
      samples.admit({
        jpeg,
        label: i % 2 === 0 ? 'crop' : 'weed',
        labelSource: 'cli',
        group: `pass-${i >> 2}`,
        source: CAMERA,
        capturedAtMs: 1_700_000_000_000 + i * 60_000,
        dhash: i.toString(16).padStart(16, '0'),
      });
    }
    const trainer = benchTrainer(config, state);
    const { outcome, durationMs } = await trainer.start({ trigger: 'cli' }).finished;
    return outcome === 'failed' ? null : Number((durationMs / 1_000).toPrecision(4));
  } finally {
    state.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function busyLoop(): ChildProcess {
  return spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
}
