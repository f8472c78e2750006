import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { openBackbone } from '../../src/backbone/open-backbone.js';
import { silentLog } from '../../src/base/log.js';
import { createRandom } from '../../src/base/random.js';
import { validateConfig } from '../../src/config/load.js';
import { SampleStore } from '../../src/samples/store.js';
import { openDatabase } from '../../src/storage/database.js';
import { freePort } from './cameras.js';
import type { Photo } from './grocery.js';
import { sharedMirrors, userCacheDir } from './places.js';
import { preparedCard } from './prepared-card.js';
import { StreamRig } from './stream-rig.js';

const CHROMIUM = '/usr/bin/chromium';
const CLASSES = 8;
const FRAME_MS = 200;

export interface Visit {
  page: Page;
  /** Bytes that came to the browser so far. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** A daemon with a console and stored samples, and a browser on the same machine. */
export interface ConsoleRig {
  stateDir: string;
  pid: number;
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  get(path: string): Promise<{ value: any; ms: number }>;
  post(path: string, body: object): Promise<void>;
  /** Follows the events as a page does, and throws them away. @returns ends it */
  listen(): Promise<() => void>;
  /** A browser without anything of the page in its cache opens a place. */
  visit(place: 'live' | 'teach' | 'brain'): Promise<Visit>;
  close(): Promise<void>;
}

/**
 * @param stored labelled samples in the store
 * @param waiting samples that wait for a label
 * @param frameMs time between two frames of the camera, milliseconds
 */
export async function openConsoleRig(
  found: { folder: string; photos: readonly Photo[] },
  stored: number,
  waiting = 200,
  frameMs = FRAME_MS,
): Promise<ConsoleRig> {
  const stateDir = mkdtempSync(join(tmpdir(), 'headland-console-'));
  await fill(stateDir, found, stored, waiting);
  const port = await freePort();
  const rig = await StreamRig.create(found, {
    paths: { stateDir, cacheDir: userCacheDir() },
    cameras: [
      { driver: 'replay', path: found.folder, intervalMs: frameMs, loop: true, shuffleSeed: 1 },
    ],
    models: { mirrors: sharedMirrors() },
    samples: { askMaxWaiting: 0 },
    console: { port },
  });
  await rig.start();
  const url = `http://127.0.0.1:${port}`;
  let browser: Browser | null = null;
  const open = (): Promise<Browser> =>
    chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  return {
    stateDir,
    pid: rig.daemon!.pid!,
    async get(path) {
      const startMs = performance.now();
      const response = await fetch(`${url}/api/${path}`);
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return { value: await response.json(), ms: performance.now() - startMs };
    },
    async post(path, body) {
      const response = await fetch(`${url}/api/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-headland': '1' },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      await response.arrayBuffer();
    },
    async listen() {
      const end = new AbortController();
      const { body } = await fetch(`${url}/api/stream`, { signal: end.signal });
      body?.pipeTo(new WritableStream()).catch(() => undefined);
      return () => end.abort();
    },
    async visit(place) {
      browser ??= await open();
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      const page = await context.newPage();
      page.setDefaultTimeout(30_000);
      let bytes = 0;
      const network = await context.newCDPSession(page);
      await network.send('Network.enable');
      network.on('Network.dataReceived', ({ dataLength }) => {
        bytes += dataLength;
      });
      await page.goto(`${url}/#place=${place}`);
      return {
        page,
        get bytes() {
          return bytes;
        },
        close: () => context.close(),
      };
    },
    async close() {
      await browser?.close();
      await rig.close();
    },
  };
}

/** Drawn embeddings of the running backbone: what labels cost does not depend on what they show. */
async function fill(
  stateDir: string,
  { folder, photos }: { folder: string; photos: readonly Photo[] },
  stored: number,
  waiting: number,
): Promise<void> {
  const cacheDir = userCacheDir();
  const config = validateConfig({
    paths: { stateDir, cacheDir },
    models: { mirrors: sharedMirrors() },
  });
  const card = await preparedCard(config);
  const backbone = await openBackbone({ card, cacheDir, threads: 1, log: silentLog() });
  const { checksum, featureSize } = backbone;
  await backbone.close();
  const database = openDatabase(join(stateDir, 'headland.db'));
  const store = new SampleStore(database, config.samples);
  const random = createRandom(1);
  const vector = (value: (k: number) => number): Float32Array =>
    Float32Array.from({ length: featureSize }, (_, k) => value(k));
  const means = Array.from({ length: CLASSES }, () => vector(() => random.next() ** 3));
  const jpegs = photos.slice(0, 50).map(({ path }) => readFileSync(join(folder, path)));
  store.batch(() => {
    for (let i = 0; i < stored + waiting; i++) {
      const kind = random.int(CLASSES);
      const label = i < stored ? `class-${kind}` : null;
      // Pictures that wait are looked at; the others only take part in counts.
      const jpeg =
        label === null
          ? Buffer.concat([jpegs[i % jpegs.length]!, Buffer.from(` ${i}`)])
          : Buffer.from(`picture ${i}`);
      const { sample } = store.admit({
        jpeg,
        label,
        labelSource: label === null ? null : 'cli',
        group: `pass-${Math.floor(i / 20)}`,
        source: 'main',
        capturedAtMs: 1_700_000_000_000 + i * 10_000,
        dhash: '0'.repeat(16),
      });
      const features = vector((k) => means[kind]![k]! + 0.3 * random.next());
      const key = { sampleId: sample.id, backboneChecksum: checksum, recipe: '', view: 0 };
      store.putFeatures([{ ...key, features }]);
    }
  });
  database.close();
}
