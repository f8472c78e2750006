import { groceryPhotos, type Photo } from './support/grocery.js';
import { childrenOf, processLoad } from './support/process-load.js';
import { type Heard, StreamRig } from './support/stream-rig.js';
import { quantile, round } from './support/timings.js';

const STARTS = 3;
const SETTLE_MS = 4_000;
const WINDOW_MS = 20_000;
const SAMPLE_EVERY_MS = 250;
const HEAD_PHOTOS = 240;

/** What one stretch of time showed. */
interface Stretch {
  seconds: number;
  heard: Heard[];
  rssMib: number[];
  jobRssMib: number[];
  cpuSeconds: number;
  threads: number;
}

/**
 * The installed daemon at 30 frames a second of 640 x 480 MJPEG from an ffmpeg process, seen from
 * the other end of MQTT: frames classified and dropped, time from capture to message, delay of the
 * main loop, memory; alone, while a fine-tune runs, and alone again after a restart.
 * Option: seconds of each stretch, by default 20.
 */
export async function run(options: string[]): Promise<Record<string, unknown>> {
  const grocery = groceryPhotos();
  if (!grocery) throw new Error('the grocery photos are not there: set HEADLAND_SHARED');
  const windowMs = Number(options.find((o) => /^\d+$/.test(o)) ?? WINDOW_MS / 1_000) * 1_000;
  const train = spread(grocery.photos.filter(({ split }) => split === 'train'));
  const rig = await StreamRig.create(grocery);
  try {
    await rig.importPhotos('first', grocery.folder, train.slice(0, HEAD_PHOTOS));
    const report = JSON.parse(await rig.command('train', '--json'));
    // Photos that no training has seen: the fine-tune has to embed them.
    await rig.importPhotos('second', grocery.folder, train.slice(HEAD_PHOTOS));

    const startsMs: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      startsMs.push(await rig.start());
      if (start < STARTS - 1) await rig.stop();
    }
    await pause(SETTLE_MS);
    const before = await watch(rig, windowMs);
    const answer = await rig.ask('retrain');
    if (!answer.ok) throw new Error(`no fine-tune: ${JSON.stringify(answer)}`);
    await rig.until(
      ({ topic, body }) => topic === 'training/progress' && body.phase === 'embed' && body.done > 0,
      60_000,
    );
    const during = await watch(rig, windowMs);
    const progress = during.heard.filter(({ topic }) => topic === 'training/progress');
    const ended = rig.heard.some(({ topic }) => topic === 'training/report');
    await rig.stop();
    await rig.start();
    await pause(SETTLE_MS);
    const after = await watch(rig, windowMs);

    const alone = figures([before, after]);
    const training = figures([during]);
    return {
      frames_per_second_of_camera: 30,
      head: { version: report.result?.version ?? null, outcome: report.outcome },
      first_prediction_ms: { each: startsMs, median: quantile(startsMs, 0.5) },
      alone,
      fine_tune: {
        ...training,
        job_rss_mib_max: Math.round(Math.max(0, ...during.jobRssMib)),
        running_all_the_time: !ended && progress.length > 0,
        progress: progress.length > 0 ? [step(progress[0]!), step(progress.at(-1)!)] : [],
      },
      frame_rate_change: change(alone.frames_per_second, training.frames_per_second),
      latency_p95_change: change(alone.latency_ms_p95, training.latency_ms_p95),
    };
  } finally {
    await rig.close();
  }
}

/** Photos in an order in which every stretch of them holds all classes. */
function spread(photos: readonly Photo[]): Photo[] {
  const turn = new Map<string, number>();
  return photos
    .map((photo) => {
      const number = turn.get(photo.label) ?? 0;
      turn.set(photo.label, number + 1);
      return { photo, number };
    })
    .sort((a, b) => a.number - b.number)
    .map(({ photo }) => photo);
}

async function watch(rig: StreamRig, durationMs: number): Promise<Stretch> {
  const pid = rig.daemon?.pid as number;
  const from = rig.heard.length;
  const startMs = performance.now();
  const load = processLoad(pid);
  const rssMib: number[] = [];
  const jobRssMib: number[] = [];
  while (performance.now() - startMs < durationMs) {
    await pause(SAMPLE_EVERY_MS);
    rssMib.push(processLoad(pid)?.rssMib ?? Number.NaN);
    const jobs = childrenOf(pid, 'training/job').map((job) => processLoad(job)?.rssMib ?? 0);
    jobRssMib.push(...jobs);
  }
  const end = processLoad(pid);
  return {
    seconds: (performance.now() - startMs) / 1_000,
    heard: rig.heard.slice(from),
    rssMib,
    jobRssMib,
    cpuSeconds: (end?.cpuSeconds ?? Number.NaN) - (load?.cpuSeconds ?? Number.NaN),
    threads: end?.threads ?? Number.NaN,
  };
}

function figures(stretches: readonly Stretch[]) {
  const heard = stretches.flatMap((stretch) => stretch.heard);
  const seconds = sum(stretches.map((stretch) => stretch.seconds));
  const predictions = heard.filter(({ topic }) => topic === 'prediction');
  const latencyMs = predictions.map(({ body, atMs }) => atMs - Date.parse(body.captured_at));
  const loopMs = heard
    .filter(({ topic }) => topic === 'metrics')
    .map(({ body }) => body.loop_delay_ms_p99);
  const timing = (name: string) => predictions.map(({ body }) => body.timings[name]);
  const rssMib = stretches.flatMap((stretch) => stretch.rssMib);
  return {
    seconds: round(seconds),
    frames_per_second: round(predictions.length / seconds),
    dropped: sum(stretches.map(dropped)),
    latency_ms_p50: quantile(latencyMs, 0.5),
    latency_ms_p95: quantile(latencyMs, 0.95),
    latency_ms_max: Math.max(...latencyMs),
    decode_ms_p50: quantile(timing('decode_ms'), 0.5),
    backbone_ms_p50: quantile(timing('backbone_ms'), 0.5),
    frame_ms_p50: quantile(timing('total_ms'), 0.5),
    loop_delay_ms_p99: quantile(loopMs, 0.5),
    loop_delay_ms_p99_worst: round(Math.max(...loopMs)),
    rss_mib_median: Math.round(quantile(rssMib, 0.5)),
    rss_mib_max: Math.round(Math.max(...rssMib)),
    cores_used: round(sum(stretches.map(({ cpuSeconds }) => cpuSeconds)) / seconds),
    threads: stretches[0]?.threads,
  };
}

/** Frames that the camera gave in a stretch and nobody classified. */
function dropped({ heard }: Stretch): number {
  const sequences = heard
    .filter(({ topic }) => topic === 'prediction')
    .map(({ body }) => body.sequence as number);
  if (sequences.length === 0) return 0;
  return Math.max(...sequences) - Math.min(...sequences) + 1 - sequences.length;
}

function step({ body }: Heard): string {
  return `${body.phase} ${body.done}/${body.total}`;
}

function change(before: number, now: number): number {
  return round(now / before - 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
