import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { configSchema } from '../src/config/schema.js';
import { WrittenBytes } from '../src/host/written-bytes.js';
import { userCacheDir } from './support/places.js';

const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const DAY_MS = 86_400_000;
const SETTLE_MS = 30_000;
const DEFAULT_SECONDS = 240;
const ASK_INTERVAL_MS = 2_000;

/**
 * Bytes that the real daemon sends to storage (`/proc/PID/io`) at five frames a second from the
 * simulated camera, with the embedded broker: while it stores nothing, for each frame that it stores
 * to ask for a label, and from both for a day on which the list of waiting frames is full.
 * The state is in HEADLAND_BENCH_DIR, else the temporary folder, which must be on a disk: a memory file
 * system counts nothing.
 * Option: seconds of each measurement, by default 240.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const seconds = Number(options.find((option) => /^\d+$/.test(option)) ?? DEFAULT_SECONDS);
  const { askMaxWaiting, askWhenFullIntervalMs } = configSchema.parse({}).samples;
  const idle = await writtenPerMs({ askMaxWaiting: 0 }, seconds);
  const asking = await writtenPerMs(
    { askIntervalMs: ASK_INTERVAL_MS, askBelowProbability: 1, askMaxWaiting: 100_000 },
    seconds,
  );
  const idleDay = idle * DAY_MS;
  const perImage = (asking - idle) * ASK_INTERVAL_MS;
  const asksADay = DAY_MS / askWhenFullIntervalMs;
  return {
    seconds,
    idle_bytes_per_day: Math.round(idleDay),
    bytes_per_waiting_image: Math.round(perImage),
    filling_the_list_bytes: Math.round(perImage * askMaxWaiting),
    full_list_bytes_per_day: Math.round(idleDay + perImage * asksADay),
  };
}

async function writtenPerMs(samples: object, seconds: number): Promise<number> {
  const folder = mkdtempSync(join(process.env.HEADLAND_BENCH_DIR ?? tmpdir(), 'headland-bench-'));
  const file = join(folder, 'headland.yaml');
  const config = {
    paths: { stateDir: join(folder, 'state'), cacheDir: userCacheDir() },
    cameras: [{ driver: 'simulated', name: 'front', intervalMs: 200 }],
    embeddedBroker: { port: 0 },
    console: { enabled: false },
    samples,
  };
  writeFileSync(file, JSON.stringify(config));
  const daemon = spawn(process.execPath, [MAIN, 'run', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await ready(daemon);
    await wait(SETTLE_MS);
    const counter = new WrittenBytes({ pid: daemon.pid ?? 0 });
    const startedMs = performance.now();
    const before = counter.observe(startedMs)?.totalBytes ?? Number.NaN;
    await wait(seconds * 1_000);
    const nowMs = performance.now();
    const after = counter.observe(nowMs)?.totalBytes ?? Number.NaN;
    return (after - before) / (nowMs - startedMs);
  } finally {
    daemon.kill('SIGTERM');
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ready(daemon: ChildProcess): Promise<void> {
  if (!daemon.stdout) throw new Error('the daemon has no output');
  const lines = createInterface({ input: daemon.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('"msg":"ready"') && resolve());
    daemon.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
  });
}
