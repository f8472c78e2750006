import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { silentLog } from '../src/base/log.js';
import { FfmpegDriver } from '../src/camera/drivers/ffmpeg.js';
import { CameraSupervisor } from '../src/camera/supervisor.js';
import { configSchema } from '../src/config/schema.js';
import { boundPictureMemory } from '../src/host/picture-memory.js';

const STALL_MS = 1_500;
const PARALLEL = 2;
const PICTURES_A_RUN = 30;
const ALLOWED_BEYOND_STALL_MS = 2_000;

/**
 * Restarts of real ffmpeg cameras: whether a thousand of them leave memory, file descriptors or
 * processes behind, and how long it takes from a fault (killed, stopped) to the next frame.
 *
 * Options: --restarts N (1,000), --faults N (10 of each kind).
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const restarts = option(options, '--restarts', 1_000);
  const faults = option(options, '--faults', 10);
  const folder = mkdtempSync(join(tmpdir(), 'headland-bench-restarts-'));
  try {
    const leak = await leakOverRestarts(restarts);
    const video = endlessVideo(folder);
    const killed = await recoveries(video, 'SIGKILL', faults);
    const stopped = await recoveries(video, 'SIGSTOP', faults);
    return {
      ...leak,
      ...summary('killed', killed, 0),
      ...summary('stopped', stopped, STALL_MS),
      stall_ms: STALL_MS,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A camera on the network that hangs up after a few pictures, so that its ffmpeg ends by itself. */
async function leakOverRestarts(restarts: number): Promise<Record<string, unknown>> {
  const jpeg = await sharp({
    create: { width: 320, height: 240, channels: 3, background: '#586e32' },
  })
    .jpeg()
    .toBuffer();
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace;boundary=frame' });
    for (let i = 0; i < PICTURES_A_RUN; i += 1) {
      response.write(
        `--frame\r\ncontent-type: image/jpeg\r\ncontent-length: ${jpeg.length}\r\n\r\n`,
      );
      response.write(jpeg);
      response.write('\r\n');
    }
    response.end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/video`;
  try {
    // Warms up: code is compiled and the heap finds its size.
    const warm = await restartTimes(url, Math.ceil(restarts / 10));
    const startMs = performance.now();
    const quarters: Awaited<ReturnType<typeof restartTimes>>[] = [];
    for (let quarter = 0; quarter < 4; quarter += 1) {
      quarters.push(await restartTimes(url, Math.ceil(restarts / 4)));
    }
    const sum = (of: 'restarts' | 'frames') => quarters.reduce((all, one) => all + one[of], 0);
    return {
      restarts: sum('restarts'),
      frames: sum('frames'),
      restart_ms: Math.round((performance.now() - startMs) / sum('restarts')),
      file_descriptors: [warm, ...quarters].map((one) => one.fileDescriptors),
      rss_mib: [warm, ...quarters].map((one) => one.rssMebibytes),
      heap_mib: [warm, ...quarters].map((one) => one.heapMebibytes),
      children_after: quarters.at(-1)?.children,
    };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function restartTimes(url: string, times: number) {
  const supervisors = Array.from({ length: PARALLEL }, (_, i) => supervise(`camera${i}`, url));
  for (const supervisor of supervisors) supervisor.start(() => {});
  const total = () => supervisors.reduce((sum, one) => sum + one.state().restarts, 0);
  await until(() => total() >= times);
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
  await new Promise((resolve) => setTimeout(resolve, 200));
  // As the daemon has it; it also collects, so that what is measured is what is held.
  boundPictureMemory();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    restarts: total(),
    frames: supervisors.reduce((sum, one) => sum + one.state().framesTotal, 0),
    fileDescriptors: readdirSync('/proc/self/fd').length,
    rssMebibytes: Math.round(rss / 2 ** 20),
    heapMebibytes: Number((heapUsed / 2 ** 20).toFixed(2)),
    children: children().length,
  };
}

/** From the fault to the next frame, milliseconds, so many times. */
async function recoveries(video: string, signal: NodeJS.Signals, times: number): Promise<number[]> {
  const supervisor = supervise('main', video);
  let frames = 0;
  supervisor.start(() => {
    frames += 1;
  });
  const tookMs: number[] = [];
  await until(() => frames > 5);
  for (let i = 0; i < times; i += 1) {
    const { restarts } = supervisor.state();
    const startMs = performance.now();
    process.kill(children()[0]!, signal);
    await until(() => supervisor.state().restarts > restarts);
    const seen = frames;
    await until(() => frames > seen);
    tookMs.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, STALL_MS + 200));
  }
  await supervisor.stop();
  return tookMs;
}

function supervise(name: string, input: string): CameraSupervisor {
  const section = { driver: 'ffmpeg', name, input, loop: true, framesPerSecond: 20 };
  const { cameras, cameraBackoff } = configSchema.parse({
    cameras: [{ ...section, stallMs: STALL_MS }],
  });
  const [camera] = cameras;
  if (camera?.driver !== 'ffmpeg') throw new Error('not the camera that was asked for');
  const isLeak = input.startsWith('http');
  return new CameraSupervisor(new FfmpegDriver(camera, silentLog()), {
    name,
    stallMs: STALL_MS,
    groupWindowMs: 30_000,
    pictureLimits: { maxBytes: 8_388_608, maxPixels: 10_000_000 },
    pictures: camera,
    log: silentLog(),
    backoff: isLeak ? { initialMs: 1, maxMs: 1 } : cameraBackoff,
  });
}

function summary(fault: string, tookMs: number[], stallMs: number): Record<string, number> {
  const sorted = [...tookMs].sort((one, other) => one - other);
  return {
    [`${fault}_recovery_ms_p50`]: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    [`${fault}_recovery_ms_max`]: Math.round(sorted.at(-1) ?? 0),
    [`${fault}_recovery_allowed_ms`]: stallMs + ALLOWED_BEYOND_STALL_MS,
  };
}

function endlessVideo(folder: string): string {
  const path = join(folder, 'field.mp4');
  execFileSync('ffmpeg', [
    '-loglevel',
    'error',
    '-f',
    'lavfi',
    '-i',
    'testsrc=size=320x240:rate=20:duration=2',
    '-c:v',
    'mpeg4',
    '-q:v',
    '3',
    path,
  ]);
  return path;
}

function children(): number[] {
  const ids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
  return ids === '' ? [] : ids.split(' ').map(Number);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function option(options: string[], name: string, otherwise: number): number {
  const at = options.indexOf(name);
  return at < 0 ? otherwise : Number(options[at + 1]);
}
