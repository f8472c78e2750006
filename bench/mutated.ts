import { readdirSync } from 'node:fs';
import { createRandom } from '../src/base/random.js';
import { validateConfig } from '../src/config/load.js';
import { boundPictureMemory } from '../src/host/picture-memory.js';
import { mutatedJpeg, wholeJpegs } from '../test/vision/mutations.js';
import { benchPerception } from './support/perception.js';
import { userCacheDir } from './support/places.js';
import { preparedCard } from './support/prepared-card.js';

const PICTURES = 10_000;
const SEED = 20_260_504;

/**
 * 10,000 damaged JPEGs through the real decoder, worker and default backbone: how many are refused,
 * the longest that one took, and what is left behind. Option: how many.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const pictures = Number(options.find((option) => /^\d+$/.test(option)) ?? PICTURES);
  const cacheDir = userCacheDir();
  const config = validateConfig({ paths: { cacheDir, stateDir: cacheDir } });
  await preparedCard(config);
  const codes: Record<string, number> = {};
  let perceived = 0;
  const perception = benchPerception(config, {
    onPerceived: () => {
      perceived += 1;
    },
    onRefused: (_frame, { code }) => {
      codes[code] = (codes[code] ?? 0) + 1;
    },
  });
  await perception.start();
  boundPictureMemory();
  const whole = await wholeJpegs();
  const random = createRandom(SEED);
  const filesBefore = openFiles();
  const rssMib: number[] = [];
  let longestMs = 0;
  const startMs = performance.now();
  for (let n = 0; n < pictures; n++) {
    if (n > 0 && n % (pictures / 10) === 0) rssMib.push(residentMib());
    const jpeg = mutatedJpeg(whole, random);
    const fromMs = performance.now();
    await perception.submit({ camera: 'bench', region: null, jpeg });
    longestMs = Math.max(longestMs, performance.now() - fromMs);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  rssMib.push(residentMib());
  const filesAfter = openFiles();
  await perception.stop();
  return {
    pictures,
    perceived,
    refused: codes,
    longest_ms: Math.round(longestMs),
    seconds: Math.round(seconds),
    open_files_before: filesBefore,
    open_files_after: filesAfter,
    rss_mib_after_each_tenth: rssMib,
  };
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

function residentMib(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20);
}
