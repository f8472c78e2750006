import { PerformanceObserver } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { PixelRing, pixelBuffers } from '../../src/perception/pixel-ring.js';

const PICTURES = 1_500;
const ROUNDS = 4;

/** Reads one byte of every page, as a reader of the pixels would, and says so. */
const READER = `
const { parentPort, workerData } = require('node:worker_threads');
const slots = workerData.map((buffer) => new Uint8Array(buffer));
parentPort.on('message', (message) => {
  if (message === 'close') return parentPort.close();
  const pixels = message.pixels ?? slots[message.slot];
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 4096) sum += pixels[i];
  parentPort.postMessage(sum);
});`;

export interface HandOver {
  /** There and back, milliseconds. */
  round_trip_ms_p50: number;
  round_trip_ms_p95: number;
  /** Collections of garbage in this thread per thousand pictures, and their time. */
  collections_per_1000: number;
  collecting_ms_per_1000: number;
}

/** Decoded pictures to a worker: as messages, which copy them, and through the ring, by turns. */
export async function compareHandOver(sizePixels: number): Promise<Record<string, HandOver>> {
  const buffers = pixelBuffers(2, sizePixels);
  const ring = new PixelRing(buffers);
  const worker = new Worker(READER, { eval: true, workerData: buffers });
  const collections: number[] = [];
  const observer = new PerformanceObserver((list) => {
    collections.push(...list.getEntries().map(({ duration }) => duration));
  });
  observer.observe({ entryTypes: ['gc'] });
  const answered = (): Promise<void> =>
    new Promise((resolve) => worker.once('message', () => resolve()));
  const ways = {
    message: async (pixels: Uint8Array) => {
      const answer = answered();
      worker.postMessage({ pixels });
      await answer;
    },
    ring: async (pixels: Uint8Array) => {
      const slot = ring.put(pixels) as number;
      const answer = answered();
      worker.postMessage({ slot });
      await answer;
      ring.release(slot);
    },
  };
  const pixels = new Uint8Array(sizePixels * sizePixels * 3).fill(7);
  const timesMs: Record<string, number[]> = { message: [], ring: [] };
  const garbageMs: Record<string, number[]> = { message: [], ring: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, send] of Object.entries(ways)) {
      collections.length = 0;
      for (let n = 0; n < PICTURES / ROUNDS; n++) {
        const startMs = performance.now();
        await send(pixels);
        timesMs[way]!.push(performance.now() - startMs);
      }
      // What the observer has to tell comes with the next turns of the loop.
      await new Promise((resolve) => setTimeout(resolve, 20));
      garbageMs[way]!.push(...collections);
    }
  }
  observer.disconnect();
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('close');
  await ended;
  return Object.fromEntries(
    Object.keys(ways).map((way) => [way, figures(timesMs[way]!, garbageMs[way]!)]),
  );
}

function figures(timesMs: number[], garbageMs: number[]): HandOver {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (q: number): number => Math.round(sorted[Math.floor(q * sorted.length)]! * 1e4) / 1e4;
  const perThousand = 1_000 / timesMs.length;
  const sum = garbageMs.reduce((total, ms) => total + ms, 0);
  return {
    round_trip_ms_p50: at(0.5),
    round_trip_ms_p95: at(0.95),
    collections_per_1000: Math.round(garbageMs.length * perThousand * 10) / 10,
    collecting_ms_per_1000: Math.round(sum * perThousand * 100) / 100,
  };
}
