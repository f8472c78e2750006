import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import { validateConfig } from '../src/config/load.js';
import type { Perception } from '../src/perception/perception.js';
import type { Perceived } from '../src/perception/perception-protocol.js';
import { decodePicture } from '../src/vision/decode.js';
import { differenceHash } from '../src/vision/dhash.js';
import type { RgbImage } from '../src/vision/image.js';
import { jpegOf, sourcePictures } from './support/camera-pictures.js';
import { compareHandOver } from './support/hand-over.js';
import { type BenchFrame, benchPerception, serveHead } from './support/perception.js';
import { userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';
import { quantile, round, took } from './support/timings.js';

const FRAMES = 200;
const WARM_UP = 30;
const ROUNDS = 5;
const ROUND_MS = 3_000;
/** Faster than the engine: the newest frame is always fresh. */
const CAMERA_INTERVAL_MS = 4;
const SIZES: [number, number][] = [
  [640, 480],
  [1280, 720],
  [1920, 1080],
  [4608, 2592],
];

/**
 * The whole way of a frame (JPEG to decision, through decoder and worker) and, turn by turn in the
 * same run, its parts bare in this thread: the forward pass of the same weights, the decoder, the
 * hash. Then frames at full speed, one after the other and overlapped; then the hand-over to a
 * worker through shared memory and through messages; then decoding by size of the picture.
 */
export async function run(): Promise<Record<string, unknown>> {
  const cacheDir = userCacheDir();
  const config = validateConfig({ paths: { cacheDir, stateDir: cacheDir } });
  const card = await preparedCard(config);
  const bare = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  let settle: (frame: BenchFrame, perceived: Perceived) => void = () => {};
  const perception = benchPerception(config, {
    onPerceived: (frame, perceived) => settle(frame, perceived),
  });
  await perception.start();
  await serveHead(perception, bare);
  const sources = await sourcePictures();
  const jpegs = await Promise.all(sources.map((source) => jpegOf(source, 640, 480)));
  const decode = (jpeg: Uint8Array): Promise<RgbImage> =>
    decodePicture(jpeg, {
      sizePixels: bare.inputSize,
      fit: config.inference.fit,
      maxBytes: config.inference.maxPictureBytes,
      maxPixels: config.inference.maxPicturePixels,
    });

  const frameMs: number[] = [];
  const engineMs: number[] = [];
  const decodeMs: number[] = [];
  const hashMs: number[] = [];
  for (let index = 0; index < WARM_UP + FRAMES; index++) {
    const jpeg = jpegs[index % jpegs.length]!;
    const whole = await took(() => perception.submit({ camera: 'bench', region: null, jpeg }));
    let image: RgbImage | null = null;
    const decoding = await took(async () => {
      image = await decode(jpeg);
    });
    const engine = await took(() => bare.embed(image as unknown as RgbImage));
    const hash = await took(async () => differenceHash(image as unknown as RgbImage));
    if (index < WARM_UP) continue;
    frameMs.push(whole);
    decodeMs.push(decoding);
    engineMs.push(engine);
    hashMs.push(hash);
  }
  await bare.close();

  const speed = { one_by_one: new Speed(), overlapped: new Speed() };
  for (let round = 0; round < ROUNDS; round++) {
    for (const mode of ['one_by_one', 'overlapped'] as const) {
      settle = speed[mode].listener();
      await fullSpeed(perception, jpegs, mode === 'one_by_one');
    }
  }
  await perception.stop();

  const sizes: Record<string, unknown> = {};
  for (const [width, height] of SIZES) {
    const some = await Promise.all(sources.slice(0, 5).map((s) => jpegOf(s, width, height)));
    const timesMs: number[] = [];
    for (let n = 0; n < 25; n++) timesMs.push(await took(() => decode(some[n % 5]!)));
    sizes[`${width}x${height}`] = quantile(timesMs, 0.5);
  }
  const parts = quantile(engineMs, 0.5) + quantile(decodeMs, 0.5);
  return {
    backbone: config.models.backbone,
    frames: FRAMES,
    frame_ms_p50: quantile(frameMs, 0.5),
    frame_ms_p95: quantile(frameMs, 0.95),
    engine_ms_p50: quantile(engineMs, 0.5),
    decode_ms_p50: quantile(decodeMs, 0.5),
    hash_ms_p50: quantile(hashMs, 0.5),
    ratio_to_bare_engine_and_decode: round(quantile(frameMs, 0.5) / parts),
    full_speed: { one_by_one: speed.one_by_one.figures(), overlapped: speed.overlapped.figures() },
    hand_over: await compareHandOver(bare.inputSize),
    decode_ms_p50_by_size: sizes,
  };
}

/** Frames and their age when they are decided, over some rounds. */
class Speed {
  readonly #agesMs: number[] = [];

  /** Counts the frames of a round. */
  listener(): (frame: BenchFrame) => void {
    return (frame) => {
      this.#agesMs.push(performance.now() - (frame as TimedFrame).capturedMs);
    };
  }

  figures(): Record<string, number> {
    return {
      frames_per_second: round(this.#agesMs.length / ((ROUNDS * ROUND_MS) / 1_000)),
      age_ms_p50: quantile(this.#agesMs, 0.5),
      age_ms_p95: quantile(this.#agesMs, 0.95),
    };
  }
}

interface TimedFrame extends BenchFrame {
  capturedMs: number;
}

/** A camera that is faster than the engine; one by one, a frame is given only after the last. */
async function fullSpeed(
  perception: Perception<BenchFrame>,
  jpegs: readonly Uint8Array[],
  oneByOne: boolean,
): Promise<void> {
  let newest: TimedFrame | null = null;
  let busy = false;
  let count = 0;
  const next = (): void => {
    if (busy || !newest) return;
    const frame = newest;
    newest = null;
    busy = oneByOne;
    void perception.submit(frame).then(() => {
      busy = false;
      next();
    });
  };
  const timer = setInterval(() => {
    newest = {
      camera: 'bench',
      region: null,
      jpeg: jpegs[count++ % jpegs.length]!,
      capturedMs: performance.now(),
    };
    next();
  }, CAMERA_INTERVAL_MS);
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  clearInterval(timer);
  while (perception.busyForMs > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
