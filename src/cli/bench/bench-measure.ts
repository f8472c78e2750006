import type { Backbone } from '../../backbone/backbone.js';
import { Embedder } from '../../backbone/embedder.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openBackbone } from '../../backbone/open-backbone.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { Head } from '../../head/head.js';
import { readings } from '../../host/board-readings.js';
import { clockMHz } from '../../host/cpu.js';
import { answer, answerSettings } from '../../perception/answer.js';

/** Quantiles in milliseconds. */
export interface Quantiles {
  p50: number;
  p95: number;
  p99: number;
}

/** Measurement of one backbone with one number of threads. */
export interface Measurement {
  backbone: string;
  precision: 'fp32' | 'int8';
  /** Name of the inference engine. */
  engine: string;
  /** Threads of the backbone. */
  threads: number;
  frames: number;
  framesPerSecond: number;
  decodeMs: Quantiles;
  backboneMs: Quantiles;
  headMs: Quantiles;
  frameMs: Quantiles;
  /** Resident memory of this process during the measurement, bytes. */
  rssBytes: number | null;
}

/** State of the board under load. */
export interface Strain {
  temperatureBeforeC: number | null;
  temperatureAfterC: number | null;
  /** Lowest clock under load as a share of its maximum; null: the kernel does not report it. */
  leastClockShare: number | null;
  /** Null: the board does not report it. */
  underVoltage: boolean | null;
  /** Median frame time of the second half over that of the first; above 1 = slower. */
  slowdown: number;
}

export interface MeasureOptions {
  cards: readonly ModelCard[];
  threads: readonly number[];
  /** JPEG files, at least one. */
  pictures: readonly Uint8Array[];
  /** The head of each task; null: use a synthetic head with ten labels. */
  heads: readonly (Head | null)[];
  seconds: number;
  inference: Config['inference'];
  cacheDir: string;
  log: Log;
  onStep: (done: number, total: number) => void;
}

interface Samples {
  decode: number[];
  backbone: number[];
  head: number[];
  frame: number[];
}

const WARM_UP_FRAMES = 3;
const LEAST_FRAMES = 4;
/** Each combination is measured twice, so that heat affects all equally. */
const PASSES = 2;
const STAND_IN_LABELS = 10;

/**
 * Runs frames one at a time through decoder, backbone and head, for each combination of backbone and
 * number of threads. Takes about `seconds`, or longer if the minimum number of frames takes longer.
 */
export async function measure(
  options: MeasureOptions,
): Promise<{ measurements: Measurement[]; strain: Strain }> {
  const ways = options.cards.flatMap((card) =>
    options.threads.map((threads) => ({ card, threads, engine: '', passes: [] as Samples[] })),
  );
  const temperatureBeforeC = readings().temperatureC;
  const clockShares: number[] = [];
  const underVoltages: (boolean | null)[] = [];
  const rss = new Map<object, number | null>();
  const turnMs = (options.seconds * 1_000) / (ways.length * PASSES);
  for (let turn = 0; turn < ways.length * PASSES; turn++) {
    const way = ways[turn % ways.length] as (typeof ways)[number];
    const { card, threads } = way;
    const { cacheDir, log } = options;
    const backbone = await openBackbone({ card, cacheDir, threads, log });
    try {
      way.engine = backbone.engine;
      way.passes.push(await run(backbone, options, turnMs));
      const clock = clockMHz();
      if (clock) clockShares.push(clock.now / clock.most);
      const { rssBytes, throttled } = readings();
      rss.set(way, rssBytes);
      underVoltages.push(throttled?.underVoltage ?? null);
    } finally {
      await backbone.close();
    }
    options.onStep(turn + 1, ways.length * PASSES);
  }
  const known = underVoltages.filter((seen) => seen !== null);
  const strain = {
    temperatureBeforeC,
    temperatureAfterC: readings().temperatureC,
    leastClockShare: clockShares.length > 0 ? Math.min(...clockShares) : null,
    underVoltage: known.length > 0 ? known.some(Boolean) : null,
    slowdown: median(
      ways.map(({ passes: [first, second] }) => p50(second?.frame) / p50(first?.frame)),
    ),
  };
  const measurements = ways.map((way) => summarise(way, rss.get(way) ?? null));
  return { measurements, strain };
}

async function run(
  backbone: Backbone,
  { pictures, heads, inference }: MeasureOptions,
  limitMs: number,
): Promise<Samples> {
  const { fit, maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = inference;
  const embedder = new Embedder(backbone, { fit, maxBytes, maxPixels });
  const serving = heads.map((each) => {
    const fits = each?.featureSize === backbone.featureSize;
    const head = fits ? each : standInHead(backbone.featureSize);
    return { version: 1, head, decision: answerSettings(head, inference) };
  });
  const samples: Samples = { decode: [], backbone: [], head: [], frame: [] };
  const endMs = performance.now() + limitMs;
  for (let i = 0; i < WARM_UP_FRAMES + LEAST_FRAMES || performance.now() < endMs; i++) {
    const startMs = performance.now();
    const picture = pictures[i % pictures.length] as Uint8Array;
    const { features, decodeMs, forwardMs } = await embedder.embedPicture(picture);
    const headStartMs = performance.now();
    for (const each of serving) answer(each, features, each.decision);
    const nowMs = performance.now();
    if (i < WARM_UP_FRAMES) continue;
    samples.decode.push(decodeMs);
    samples.backbone.push(forwardMs);
    samples.head.push(nowMs - headStartMs);
    samples.frame.push(nowMs - startMs);
  }
  return samples;
}

function summarise(
  way: { card: ModelCard; threads: number; engine: string; passes: readonly Samples[] },
  rssBytes: number | null,
): Measurement {
  const { card, threads, engine, passes } = way;
  const all = (stage: keyof Samples) => passes.flatMap((pass) => pass[stage]);
  const frame = all('frame');
  const totalMs = frame.reduce((sum, ms) => sum + ms, 0);
  return {
    backbone: card.name,
    precision: card.precision ?? 'fp32',
    engine,
    threads,
    frames: frame.length,
    framesPerSecond: rounded((1_000 * frame.length) / totalMs),
    decodeMs: quantiles(all('decode')),
    backboneMs: quantiles(all('backbone')),
    headMs: quantiles(all('head')),
    frameMs: quantiles(frame),
    rssBytes,
  };
}

function standInHead(featureSize: number): Head {
  return {
    learner: 'ridge',
    labels: Array.from({ length: STAND_IN_LABELS }, (_, i) => `label ${i}`),
    featureSize,
    backboneChecksum: '',
    transform: 'sqrt-l2',
    weights: Float32Array.from({ length: STAND_IN_LABELS * featureSize }, (_, i) => Math.sin(i)),
    bias: new Float32Array(STAND_IN_LABELS),
    temperature: 1,
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function p50(values: readonly number[] = []): number {
  return quantiles(values).p50;
}

function median(values: readonly number[]): number {
  return quantiles(values).p50;
}
