import { drawCheckPicture } from '../src/backbone/check-picture.js';
import { openBackbone } from '../src/backbone/open-backbone.js';
import { silentLog } from '../src/base/log.js';
import { createRandom } from '../src/base/random.js';
import { validateConfig } from '../src/config/load.js';
import { applyAugmentation, drawAugmentation } from '../src/vision/augment.js';
import {
  applyPhotometricChange,
  drawPhotometricChange,
  NO_PHOTOMETRIC_CHANGE,
  type PhotometricChange,
} from '../src/vision/photometric.js';
import { userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';

const ROUNDS = 5;
const PER_ROUND = 100;
const WARM_UP = 15;

/**
 * What an augmented view costs beside the forward pass of the default backbone, in processor time:
 * another load on the machine does not count. Each figure is the median of five rounds.
 */
export async function run(): Promise<Record<string, unknown>> {
  const cacheDir = userCacheDir();
  const config = validateConfig({ paths: { cacheDir, stateDir: cacheDir } });
  const card = await preparedCard(config);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const { augmentation } = config;
  const size = backbone.inputSize;
  const image = drawCheckPicture(size);
  const changed = (change: Partial<PhotometricChange>) =>
    cpuMs(() => applyPhotometricChange(image, { ...NO_PHOTOMETRIC_CHANGE, gamma: 2, ...change }));
  const figures = {
    backbone: card.name,
    input_pixels: size,
    forward_cpu_ms: await cpuMs(() => backbone.embed(image)),
    geometric_cpu_ms: await cpuMs((seed) =>
      applyAugmentation(image, drawAugmentation(createRandom(seed), augmentation, size, size)),
    ),
    photometric_as_drawn_cpu_ms: await cpuMs((seed) =>
      applyPhotometricChange(image, drawPhotometricChange(createRandom(seed), augmentation)),
    ),
    light_cpu_ms: await changed({}),
    light_and_blur_2_pixels_cpu_ms: await changed({ blurSigmaPixels: 2 }),
    light_and_blur_8_pixels_cpu_ms: await changed({ blurSigmaPixels: 8 }),
    light_and_noise_cpu_ms: await changed({ noiseSdLevels: 12 }),
    light_and_jpeg_30_cpu_ms: await changed({ jpegQuality: 30 }),
  };
  await backbone.close();
  return figures;
}

async function cpuMs(work: (seed: number) => unknown): Promise<number> {
  for (let i = 0; i < WARM_UP; i++) await work(i);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < PER_ROUND; i++) await work(round * PER_ROUND + i);
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / 1_000 / PER_ROUND);
  }
  rounds.sort((a, b) => a - b);
  return Math.round(rounds[ROUNDS >> 1]! * 100) / 100;
}
