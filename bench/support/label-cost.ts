import { rmSync } from 'node:fs';
import { type ConsoleRig, openConsoleRig } from './console-rig.js';
import { groceryPhotos } from './grocery.js';
import { processLoad } from './process-load.js';
import { quantile, round, took } from './timings.js';

/**
 * `node label-cost.js STORED`: what one label costs a daemon with so many labelled samples, as a page gives
 * it, as one line of JSON. A program of its own, so that two builds are measured alike.
 */
const LABELS = 100;
const WAITING = 200;
/** Frames must not take the processor from labels. */
const FRAME_MS = 5_000;
const PAUSE_MS = 150;
/** The first head of the instant learner is made meanwhile. */
const SETTLE_MS = 3_000;

const stored = Number(process.argv[2]);
const found = groceryPhotos();
if (!found) throw new Error('the grocery photos are not here: set HEADLAND_SHARED');
const rig = await openConsoleRig(found, stored, WAITING, FRAME_MS);
try {
  process.stdout.write(`${JSON.stringify(await measure(rig))}\n`);
} finally {
  await rig.close();
  rmSync(rig.stateDir, { recursive: true, force: true });
}
process.exit(0);

/** Label, then what the page asks for after it, while a page listens. */
async function measure({ stateDir: _, pid, get, post, listen }: ConsoleRig): Promise<object> {
  const stopListening = await listen();
  await pause(SETTLE_MS);
  const label: number[] = [];
  const questions: number[] = [];
  const progress: number[] = [];
  const alike: number[] = [];
  const before = processLoad(pid)!;
  const startMs = performance.now();
  for (let i = 0; i < LABELS; i++) {
    const asked = await get('teach/questions?limit=4');
    questions.push(asked.ms);
    const [question] = asked.value.questions;
    alike.push((await get(`look-alikes?sample=${question.id}`)).ms);
    const body = { sampleId: question.id, label: question.guess?.label ?? 'class-0' };
    label.push(await took(() => post('label', body)));
    progress.push((await get('teach/progress')).ms);
    await pause(PAUSE_MS);
  }
  const cpuMs = (processLoad(pid)!.cpuSeconds - before.cpuSeconds) * 1_000;
  const seconds = (performance.now() - startMs) / 1_000;
  stopListening();
  return {
    stored,
    label_ms_p50: quantile(label, 0.5),
    label_ms_p95: quantile(label, 0.95),
    questions_ms_p50: quantile(questions, 0.5),
    questions_ms_p95: quantile(questions, 0.95),
    look_alikes_ms_p50: quantile(alike, 0.5),
    look_alikes_ms_p95: quantile(alike, 0.95),
    progress_ms_p50: quantile(progress, 0.5),
    progress_ms_p95: quantile(progress, 0.95),
    cpu_ms_per_label: round(cpuMs / LABELS),
    seconds: round(seconds),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
