import { prepareBackbone } from '../src/agent/prepare-backbone.js';
import { loadCard } from '../src/backbone/cards.js';
import { openBackbone } from '../src/backbone/open.js';
import { validateConfig } from '../src/config/load.js';
import { silentLog } from '../src/log.js';
import { Perception } from '../src/perception/perception.js';
import type { Perceived } from '../src/perception/protocol.js';
import { cameraPictures } from './support/camera-pictures.js';
import { userCacheDir } from './support/places.js';

const FRAMES = 300;
const WARM_UP = 30;

interface BenchFrame {
  camera: string;
  jpeg: Uint8Array;
}

/**
 * The whole way of a frame (640 x 480 JPEG to decision, through the worker thread) and, turn by
 * turn in the same run, one bare forward pass of the same weights in this thread.
 */
export async function run(): Promise<Record<string, unknown>> {
  const cacheDir = userCacheDir();
  const config = validateConfig({ paths: { cacheDir, stateDir: cacheDir } });
  const log = silentLog();
  await prepareBackbone(config, { log, environment: process.env, onProgress: () => {} });
  const card = await loadCard(config.models.backbone, null);
  const bare = await openBackbone({ card, cacheDir, threads: 1, log });
  const pixels = new Uint8Array(bare.inputSize ** 2 * 3).map((_, i) => (i * 2_654_435_761) >>> 24);
  const image = { width: bare.inputSize, height: bare.inputSize, data: pixels };

  let settle: (perceived: Perceived) => void = () => {};
  const perception = new Perception<BenchFrame>(
    {
      backbone: config.models.backbone,
      cardsDir: null,
      cacheDir,
      threads: 1,
      fit: config.inference.fit,
      maxPictureBytes: config.inference.maxPictureBytes,
      maxPicturePixels: config.inference.maxPicturePixels,
      decision: config.inference,
    },
    {
      onPerceived: (_frame, perceived) => settle(perceived),
      onRefused: (_frame, error) => {
        throw error;
      },
      onFailure: (error) => {
        throw error;
      },
    },
    log,
  );
  await perception.start();
  const labels = Array.from({ length: 12 }, (_, index) => `class-${index}`);
  perception.swapHead({
    version: 1,
    head: {
      learner: 'ridge',
      labels,
      featureSize: bare.featureSize,
      backboneChecksum: bare.checksum,
      transform: 'none',
      weights: new Float32Array(12 * bare.featureSize).map((_, i) => Math.sin(i)),
      bias: new Float32Array(12),
      temperature: 1,
    },
  });

  const jpegs = await cameraPictures();
  const frameMs: number[] = [];
  const engineMs: number[] = [];
  const decodeMs: number[] = [];
  for (let index = 0; index < WARM_UP + FRAMES; index++) {
    const startMs = performance.now();
    const perceived = await new Promise<Perceived>((resolve) => {
      settle = resolve;
      perception.submit({ camera: 'bench', jpeg: jpegs[index % jpegs.length] });
    });
    const betweenMs = performance.now();
    await bare.embed(image);
    const endMs = performance.now();
    if (index < WARM_UP) continue;
    frameMs.push(betweenMs - startMs);
    engineMs.push(endMs - betweenMs);
    decodeMs.push(perceived.timings.decodeMs);
  }
  await perception.stop();
  await bare.close();
  const engineP50 = quantile(engineMs, 0.5);
  return {
    backbone: config.models.backbone,
    frames: FRAMES,
    frame_ms_p50: quantile(frameMs, 0.5),
    frame_ms_p95: quantile(frameMs, 0.95),
    engine_ms_p50: engineP50,
    decode_ms_p50: quantile(decodeMs, 0.5),
    ratio: round(quantile(frameMs, 0.5) / engineP50),
  };
}

function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
