/**
 * What the place Pictures costs the daemon's main thread: parts of the list, counts, changes of classes,
 * thumbnails.
 *   npm run -s bench -- pictures [--samples 20000,100000]
 * CPU times of this process, because other work on the machine must not count; the median of the runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawCheckPicture } from '../src/backbone/check-picture.js';
import type { ListFilter } from '../src/samples/listing/sample-list.js';
import { Thumbnails } from '../src/samples/listing/thumbnails.js';
import { SampleStore } from '../src/samples/store.js';
import { openDatabase } from '../src/storage/database.js';
import { encodeJpeg } from '../src/vision/picture.js';

const RUNS = 7;
const PAGE = 200;
const START_MS = 1_700_000_000_000;
const DAY_MS = 86_400_000;
const NOWHERE = {
  accuracyMeters: 1,
  altitudeMeters: null,
  speedMetersPerSecond: null,
  courseDegrees: null,
};

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: options,
    options: { samples: { type: 'string', default: '20000,100000' } },
  });
  const lists: Record<string, Record<string, number>> = {};
  for (const samples of values.samples.split(',').map(Number)) {
    lists[samples] = measureList(samples);
  }
  return { load: loadavg()[0], lists_cpu_ms: lists, thumbnails: await measureThumbnails() };
}

function measureList(samples: number): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'headland-bench-'));
  const database = openDatabase(join(folder, 'headland.db'));
  try {
    const store = new SampleStore(database, {
      holdoutShare: 0.2,
      holdoutAfterSamples: 60,
      maxPictureStoreBytes: 1e12,
    });
    fill(store, samples);
    const { everything } = store;
    const day = { fromMs: START_MS + DAY_MS, toMs: START_MS + 2 * DAY_MS };
    const filters: Record<string, ListFilter> = {
      all: {},
      class: { label: 'class 3' },
      waiting: { state: 'waiting' },
      camera: { source: 'camera 3' },
      class_and_camera: { label: 'class 3', source: 'camera 3' },
      training: { holdout: false },
      day,
      place: { place: { latitude: 48.05, longitude: 11, radiusMeters: 80 } },
    };
    const id = everything.page({}, { limit: 1 }).samples[0]!.id;
    let flip = false;
    const change = (): void => {
      flip = !flip;
      store.change(id, { state: flip ? 'bad_image' : 'waiting' }, 'cli');
    };
    const figures: Record<string, number> = {};
    for (const [name, filter] of Object.entries(filters)) {
      figures[`page ${name}`] = cpuMs(() => everything.page(filter, { limit: PAGE }));
      figures[`page ${name}, after a change`] = cpuMs(
        () => everything.page(filter, { limit: PAGE }),
        change,
      );
    }
    const end = { limit: PAGE, offset: samples - PAGE };
    figures['page all, last'] = cpuMs(() => everything.page({}, end));
    figures['facets, after a change'] = cpuMs(() => everything.facets(60), change);
    figures.facets = cpuMs(() => everything.facets(60));
    let back = 0;
    figures['rename a class'] = cpuMs(
      () => {
        back = store.renameClass('class 3', 'new', 'cli').id;
      },
      () => {
        if (back > 0) store.undoClassChange(back, 'cli');
      },
    );
    return figures;
  } finally {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function fill(store: SampleStore, samples: number): void {
  for (let start = 0; start < samples; start += 1_000) {
    store.batch(() => {
      for (let i = start; i < Math.min(samples, start + 1_000); i++) {
        const label = i % 7 === 0 ? null : `class ${(i * 7_919) % 20}`;
        store.admit({
          jpeg: Buffer.from(`picture ${i}`),
          label,
          labelSource: label === null ? null : 'cli',
          group: `group ${i >> 4}`,
          source: `camera ${i % 9}`,
          capturedAtMs: START_MS + i * 60_000,
          dhash: '0123456789abcdef',
          position: i % 3 ? null : { latitude: 48 + (i % 100) / 1_000, longitude: 11, ...NOWHERE },
        });
      }
    });
  }
}

/** @param before not measured */
function cpuMs(work: () => unknown, before: () => void = () => {}): number {
  const times = Array.from({ length: RUNS }, () => {
    before();
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  }).sort((a, b) => a - b);
  return round(times[Math.floor(RUNS / 2)]!);
}

/** Thumbnails of pictures of 1280 x 1280 pixels. */
async function measureThumbnails(): Promise<Record<string, number>> {
  const pictures = 60;
  const jpeg = await encodeJpeg(drawCheckPicture(1_280), 85);
  const thumbnails = new Thumbnails(
    { picture: () => jpeg },
    { maxPictureBytes: 1e8, maxPicturePixels: 1e8 },
  );
  let longestMs = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  const ids = Array.from({ length: pictures }, (_, i) => `${i}`);
  const start = process.cpuUsage();
  const startMs = performance.now();
  const made = await Promise.all(ids.map((id) => thumbnails.of(id)));
  const { user, system } = process.cpuUsage(start);
  const wallMs = performance.now() - startMs;
  clearInterval(watch);
  return {
    source_bytes: jpeg.length,
    bytes: made[0]?.length ?? 0,
    cpu_ms_each: round((user + system) / 1_000 / pictures),
    wall_ms_each: round(wallMs / pictures),
    longest_wait_of_the_main_thread_ms: round(longestMs),
  };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
