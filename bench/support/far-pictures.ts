import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRandom } from '../../src/base/random.js';
import { FieldScene } from '../../src/camera/simulated/field-scene.js';

const WIDTH = 320;
const HEIGHT = 240;
const FIELD_FRAMES = 80;
const TEXTURES = 80;
const CROPS_PER_PHOTOGRAPH = 16;

/** Generators of libavfilter; the number of a frame is its time in quarter seconds. */
const FFMPEG_SOURCES = [
  'testsrc',
  'testsrc2',
  'mandelbrot',
  'life=mold=10:r=4:ratio=0.1:death_color=#C83232:life_color=#00ff00',
  'cellauto=rule=110',
  'gradients=n=4:seed=7',
  'gradients=n=8:seed=21',
  'sierpinski',
  'smptehdbars',
  'rgbtestsrc',
  'yuvtestsrc',
];
const FRAMES_PER_SOURCE = 8;

/** Photographs that Debian's python3-sklearn and python3-matplotlib bring along. */
const PHOTOGRAPHS = [
  '/usr/lib/python3/dist-packages/sklearn/datasets/images/china.jpg',
  '/usr/lib/python3/dist-packages/sklearn/datasets/images/flower.jpg',
  '/usr/share/matplotlib/mpl-data/sample_data/grace_hopper.jpg',
];

/** Pictures of things that are no groceries, by where they come from. All deterministic. */
export async function farPictures(): Promise<Record<string, Uint8Array[]>> {
  return {
    'simulated-field': await fieldFrames(),
    'ffmpeg-sources': ffmpegFrames(),
    'drawn-textures': await textures(),
    'photograph-crops': await photographCrops(),
  };
}

async function fieldFrames(): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for (let seed = 1; frames.length < FIELD_FRAMES; seed++) {
    const scene = new FieldScene({
      seed,
      widthPixels: WIDTH,
      heightPixels: HEIGHT,
      newWeedAfterFrames: 40,
      wheelTrack: false,
    });
    for (const frame of [3, 35, 70, 110]) {
      const { data, width, height } = scene.draw(frame);
      const raw = { width, height, channels: 3 as const };
      frames.push(await sharp(Buffer.from(data), { raw }).jpeg({ quality: 88 }).toBuffer());
    }
  }
  return frames;
}

/** Empty where ffmpeg is missing. */
function ffmpegFrames(): Uint8Array[] {
  const dir = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  try {
    return FFMPEG_SOURCES.flatMap((source, i) => {
      const [name, settings] = [source.split('=', 1)[0], source.slice(source.indexOf('=') + 1)];
      const own = source.includes('=') ? `${settings}:` : '';
      execFileSync(
        'ffmpeg',
        [
          '-nostdin',
          '-loglevel',
          'error',
          '-f',
          'lavfi',
          '-i',
          `${name}=${own}s=${WIDTH}x${HEIGHT}`,
          '-r',
          '4',
          '-q:v',
          '3',
          '-frames:v',
          String(FRAMES_PER_SOURCE),
          join(dir, `${i}-%d.jpg`),
        ],
        { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000 },
      );
      return readdirSync(dir)
        .filter((file) => file.startsWith(`${i}-`))
        .sort()
        .map((file) => readFileSync(join(dir, file)));
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Stripes, checks, rings and value noise in random colours, some blurred, all with camera noise. */
async function textures(): Promise<Uint8Array[]> {
  const pictures: Uint8Array[] = [];
  for (let i = 0; i < TEXTURES; i++) {
    const random = createRandom(1_000 + i);
    const [a, b] = [0, 1].map(() => [0, 1, 2].map(() => random.uniform(0, 255)));
    const period = random.uniform(4, 60);
    const angle = random.uniform(0, Math.PI);
    const kind = i % 4;
    const lattice = Float32Array.from({ length: 64 * 64 }, () => random.next());
    const data = Buffer.alloc(WIDTH * HEIGHT * 3);
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const u = (x * Math.cos(angle) + y * Math.sin(angle)) / period;
        const v = (y * Math.cos(angle) - x * Math.sin(angle)) / period;
        const ring = Math.hypot(x - WIDTH / 2, y - HEIGHT / 2) / period;
        const mix = [
          0.5 + 0.5 * Math.sin(u * 2 * Math.PI),
          (Math.floor(u) + Math.floor(v)) & 1,
          0.5 + 0.5 * Math.cos(ring * 2 * Math.PI),
          noiseAt(lattice, x / period, y / period),
        ][kind] as number;
        for (let c = 0; c < 3; c++) {
          const value = a![c]! * (1 - mix) + b![c]! * mix + random.uniform(-8, 8);
          data[(y * WIDTH + x) * 3 + c] = Math.min(255, Math.max(0, value));
        }
      }
    }
    const raw = { width: WIDTH, height: HEIGHT, channels: 3 as const };
    const drawn = sharp(data, { raw });
    const finished = i % 3 === 0 ? drawn.blur(2) : drawn;
    pictures.push(await finished.jpeg({ quality: 85 }).toBuffer());
  }
  return pictures;
}

function noiseAt(lattice: Float32Array, x: number, y: number): number {
  const at = (i: number, j: number) => lattice[(j & 63) * 64 + (i & 63)]!;
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [p, q] = [x - i, y - j];
  const top = at(i, j) * (1 - p) + at(i + 1, j) * p;
  const bottom = at(i, j + 1) * (1 - p) + at(i + 1, j + 1) * p;
  return top * (1 - q) + bottom * q;
}

/** Quarters and larger parts of real photographs; empty where the packages are missing. */
async function photographCrops(): Promise<Uint8Array[]> {
  const crops: Uint8Array[] = [];
  for (const [i, file] of PHOTOGRAPHS.entries()) {
    if (!existsSync(file)) continue;
    const { width, height } = await sharp(file).metadata();
    const random = createRandom(500 + i);
    for (let crop = 0; crop < CROPS_PER_PHOTOGRAPH; crop++) {
      const share = random.uniform(0.4, 0.9);
      const [w, h] = [Math.floor(width * share), Math.floor(height * share)];
      const region = {
        left: random.int(width - w),
        top: random.int(height - h),
        width: w,
        height: h,
      };
      crops.push(await sharp(file).extract(region).jpeg({ quality: 88 }).toBuffer());
    }
  }
  return crops;
}
