import { rmSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { type ConsoleRig, openConsoleRig } from './support/console-rig.js';
import { groceryPhotos, type Photo } from './support/grocery.js';
import { pageWeight } from './support/page-weight.js';
import { processLoad } from './support/process-load.js';
import { quantile, round, took } from './support/timings.js';

/** In the page: milliseconds since the navigation, as soon as a camera's image is there. */
const LIVE_SINCE =
  "document.querySelector('.image img')?.naturalWidth > 0 ? performance.now() : null";
const FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime";
/** In the page: the address of the image that is asked about; null before it is there. */
const QUESTION =
  "[...document.querySelectorAll('.question-image img')].find((image) => image.naturalWidth > 0)?.src ?? null";

/**
 * `npm run -s bench -- console --json [--seconds N]`: what the console costs and how fast it is, against a
 * daemon with the replay camera and Debian's chromium on the same machine. First paint, first live image, time per label
 * through HTTP and from a key of the page, what a viewer costs the daemon, and the weight of the page.
 */
const LOADS = 7;
const STORED = [100, 2_000, 10_000];
const LABELS = 100;
const PAGE_LABELS = 20;
/** Requests of one client are limited; a person does not label faster. */
const LABEL_PAUSE_MS = 60;
/** Sooner after a new question, the page takes a key for an answer to the former one. */
const KEY_PAUSE_MS = 300;
const VIEW_SECONDS = 20;
const PAGE_TIMEOUT_MS = 30_000;

export async function run(options: string[]): Promise<Record<string, unknown>> {
  const found = groceryPhotos();
  if (!found) throw new Error('the grocery photos are not here: set HEADLAND_SHARED');
  const at = options.indexOf('--seconds');
  const seconds = at < 0 ? VIEW_SECONDS : Number(options[at + 1]);
  const byStored: Record<string, unknown>[] = [];
  for (const stored of STORED) byStored.push(await labelsOverHttp(found, stored));
  const rig = await openConsoleRig(found, 500);
  try {
    return {
      page: await pageWeight(),
      labels_over_http: byStored,
      ...(await paints(rig)),
      label_from_a_key_ms: await labelsFromKeys(rig),
      viewer: await viewer(rig, seconds),
    };
  } finally {
    await rig.close();
    rmSync(rig.stateDir, { recursive: true, force: true });
  }
}

type Found = { folder: string; photos: Photo[] };

/** From the request to the answer, after which the label is durable. */
async function labelsOverHttp(found: Found, stored: number): Promise<Record<string, unknown>> {
  const rig = await openConsoleRig(found, stored, LABELS);
  try {
    const labels: number[] = [];
    const questions: number[] = [];
    for (let i = 0; i < LABELS; i++) {
      const { value, ms } = await rig.get('teach/questions?limit=4');
      questions.push(ms);
      const [question] = value.questions;
      const label = question.guess?.label ?? 'class-0';
      labels.push(await took(() => rig.post('label', { sampleId: question.id, label })));
      await pause(LABEL_PAUSE_MS);
    }
    return {
      stored,
      label_ms_p50: quantile(labels, 0.5),
      label_ms_p95: quantile(labels, 0.95),
      questions_ms_p50: quantile(questions, 0.5),
      questions_ms_p95: quantile(questions, 0.95),
    };
  } finally {
    await rig.close();
    rmSync(rig.stateDir, { recursive: true, force: true });
  }
}

/** Of a browser without anything of the page in its cache, from the navigation. */
async function paints(rig: ConsoleRig): Promise<Record<string, unknown>> {
  const first: number[] = [];
  const live: number[] = [];
  for (let i = 0; i < LOADS; i++) {
    const { page, close } = await rig.visit('live');
    live.push(Number(await truthy(page, LIVE_SINCE)));
    first.push(await page.evaluate<number>(FIRST_PAINT));
    await close();
  }
  return {
    loads: LOADS,
    first_paint_ms_p50: quantile(first, 0.5),
    first_paint_ms_max: quantile(first, 1),
    first_live_image_ms_p50: quantile(live, 0.5),
    first_live_image_ms_max: quantile(live, 1),
  };
}

/** From the key to the answer of the robot, and to the image of the next question. */
async function labelsFromKeys(rig: ConsoleRig): Promise<Record<string, unknown>> {
  const { page, close } = await rig.visit('teach');
  const stored: number[] = [];
  const shown: number[] = [];
  await truthy(page, QUESTION);
  for (let i = 0; i < PAGE_LABELS; i++) {
    const before = await page.evaluate<string>(QUESTION);
    const answered = page.waitForResponse((response) => response.url().includes('/api/label'));
    const startMs = performance.now();
    await page.keyboard.press('1');
    const answer = await answered;
    stored.push(performance.now() - startMs);
    if (!answer.ok()) throw new Error(`the label was refused: ${await answer.text()}`);
    await truthy(page, `(${QUESTION}) !== null && (${QUESTION}) !== ${JSON.stringify(before)}`);
    shown.push(performance.now() - startMs);
    await pause(KEY_PAUSE_MS);
  }
  await close();
  return {
    stored_p50: quantile(stored, 0.5),
    stored_p95: quantile(stored, 0.95),
    next_shown_p50: quantile(shown, 0.5),
    next_shown_p95: quantile(shown, 0.95),
  };
}

/** Processor time of the daemon and bytes to the browser, per second. */
async function viewer(rig: ConsoleRig, seconds: number): Promise<Record<string, unknown>> {
  const measure = async (bytes: () => number): Promise<Record<string, number>> => {
    const before = { load: processLoad(rig.pid)!, bytes: bytes(), ms: performance.now() };
    await pause(seconds * 1_000);
    const after = processLoad(rig.pid)!;
    const passed = (performance.now() - before.ms) / 1_000;
    return {
      cpu_ms_per_second: round(((after.cpuSeconds - before.load.cpuSeconds) * 1_000) / passed),
      bytes_per_second: Math.round((bytes() - before.bytes) / passed),
      rss_mib: round(after.rssMib),
    };
  };
  const modes: Record<string, unknown> = { seconds, nobody: await measure(() => 0) };
  for (const place of ['live', 'teach', 'brain'] as const) {
    const visit = await rig.visit(place);
    await pause(2_000);
    modes[place] = await measure(() => visit.bytes);
    await visit.close();
  }
  await pause(2_000);
  modes.nobody_again = await measure(() => 0);
  return modes;
}

/** Asks the page until the expression is true: its own waiting is evaluated by the page, which refuses that. */
async function truthy(page: Page, expression: string): Promise<unknown> {
  const deadlineMs = performance.now() + PAGE_TIMEOUT_MS;
  for (;;) {
    const value = await page.evaluate<unknown>(expression);
    if (value) return value;
    if (performance.now() > deadlineMs) throw new Error(`the page never shows ${expression}`);
    await pause(5);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
