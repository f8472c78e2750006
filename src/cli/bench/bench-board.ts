import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openState, type State } from '../../agent/open-state.js';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { loadCard } from '../../backbone/card-folders.js';
import { drawCheckPicture } from '../../backbone/check-picture.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openBackbone } from '../../backbone/open-backbone.js';
import { fullPrecisionName, quantizedCard } from '../../backbone/variant.js';
import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Config } from '../../config/schema.js';
import type { Head } from '../../head/head.js';
import { type BoardFacts, describeBoard } from '../../host/cpu.js';
import { type IntegerKernels, probeIntegerKernels } from '../../models/quantize/kernels.js';
import { encodeJpeg } from '../../vision/picture.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { formatBytes, printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';
import { advise, type PublishedFigure, publishedFor } from './bench-advice.js';
import { type Measurement, measure, type Quantiles, type Strain } from './bench-measure.js';

export interface BenchOptions extends StateOptions {
  seconds: number;
  threads: number;
  json?: boolean;
}

interface BenchReport {
  schema: 1;
  board: BoardFacts;
  engine: { node: string; arch: string; integerKernels: IntegerKernels };
  pictures: { source: string; count: number };
  measurements: Measurement[];
  strain: Strain;
  recommendation: ReturnType<typeof advise>;
  published: PublishedFigure[];
}

const STORED_PICTURES = 16;
const MAX_THREADS = 4;
/** Size and quality of the synthetic picture: those of most cameras. */
const WIDTH = 640;
const HEIGHT = 480;
const JPEG_QUALITY = 85;

/** The backbone and, if one exists that fits this machine, its 8-bit variant. */
async function cardsToMeasure(
  config: Config,
  log: Log,
): Promise<{ cards: ModelCard[]; unfit: boolean }> {
  const { cacheDir } = config.paths;
  const { models } = config;
  const card = await loadCard(models.backbone, models.cardsDir, addedCardsDir(config));
  const variant: ModelCard = quantizedCard(card);
  try {
    await (await openBackbone({ card: variant, cacheDir, threads: 1, log })).close();
    return { cards: [card, variant], unfit: false };
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return { cards: [card], unfit: error.code === 'HL_MODEL_INT8_DIFFERS' };
  }
}

/** The serving head of each task; null where none serves. */
function servingHeads({ tasks }: State): Promise<(Head | null)[]> {
  return Promise.all(
    tasks.map(async ({ heads }) => {
      const current = await heads.current();
      return current === null ? null : (await heads.load(current)).head;
    }),
  );
}

/** The newest stored frames of all tasks, else a synthetic picture: no camera is needed. */
async function readPictures(state: State | null) {
  const tasks = state?.tasks ?? [];
  const ids = tasks.flatMap(({ samples }) =>
    samples.list({ order: 'newest', limit: STORED_PICTURES }).map(({ id }) => id),
  );
  const newest = [...new Set(ids)].sort().slice(-STORED_PICTURES).reverse();
  const stored = newest.flatMap((id) => state?.tasks[0].samples.picture(id) ?? []);
  if (stored.length > 0) return { source: 'stored frames', pictures: stored };
  const square = drawCheckPicture(WIDTH);
  const firstPixel = WIDTH * Math.floor((WIDTH - HEIGHT) / 2);
  const data = square.data.subarray(3 * firstPixel, 3 * (firstPixel + WIDTH * HEIGHT));
  const drawn = await encodeJpeg({ width: WIDTH, height: HEIGHT, data }, JPEG_QUALITY);
  return { source: `a synthetic picture, ${WIDTH} x ${HEIGHT}`, pictures: [drawn] };
}

function printReport(report: BenchReport): void {
  const { board, engine, measurements, strain, recommendation, published, pictures } = report;
  const ms = ({ p50, p95, p99 }: Quantiles) =>
    `${p50.toFixed(1)} / ${p95.toFixed(1)} / ${p99.toFixed(1)}`;
  const dot = board.integerDotProduct ? `, ${board.integerDotProduct}` : '';
  const { dense } = engine.integerKernels;
  printLine(
    `${board.board ?? board.cpu ?? 'unknown board'}, ${board.cores} cores${dot}; 8-bit sums: ${dense}`,
  );
  printLine(`pictures: ${pictures.source}; milliseconds as p50 / p95 / p99`);
  printLine();
  const frames = measurements.map((m) => [
    m.backbone,
    String(m.threads),
    m.framesPerSecond.toFixed(1),
    ms(m.frameMs),
    m.rssBytes === null ? '-' : formatBytes(m.rssBytes),
  ]);
  printLine(table([['backbone', 'threads', 'frames/s', 'frame, ms', 'memory'], ...frames]));
  printLine();
  const parts = measurements.map((m) => [
    `${m.backbone}, ${m.threads}`,
    ms(m.decodeMs),
    ms(m.backboneMs),
    ms(m.headMs),
  ]);
  printLine(table([['stages, ms', 'decode', 'backbone', 'head'], ...parts]));
  printLine();
  const degrees = (value: number | null) => (value === null ? 'unknown' : `${value.toFixed(0)} °C`);
  const clock = strain.leastClockShare;
  printLine(
    `temperature ${degrees(strain.temperatureBeforeC)} before, ${degrees(strain.temperatureAfterC)} after; ` +
      `clock under load ${clock === null ? 'unknown' : `${Math.round(100 * clock)} %`}; ` +
      `supply ${strain.underVoltage === null ? 'unknown' : strain.underVoltage ? 'TOO LOW' : 'OK'}`,
  );
  if (published.length > 0) {
    printLine('\nPublished figures for this board, backbone alone:');
    const lines = published.map((p) => [
      p.network,
      p.precision,
      p.threads === null ? 'several threads' : `${p.threads} threads`,
      `${p.milliseconds} ms`,
      p.runtime,
      p.source,
    ]);
    printLine(table(lines));
  }
  printLine();
  for (const sentence of recommendation.sentences) printLine(sentence);
}

/** Measures, and prints figures and advice. */
export async function benchBoard(name: string | undefined, options: BenchOptions): Promise<void> {
  const given = resolveConfig(options);
  const base = fullPrecisionName(name ?? given.models.backbone);
  const config = { ...given, models: { ...given.models, backbone: base } };
  const log = commandLog();
  await fetchBackbone(config, log);
  // On a board without state, measure all the same and create nothing.
  const known = existsSync(join(config.paths.stateDir, 'headland.db'));
  const state = known ? openState(config, log) : null;
  const progress = showProgress();
  try {
    progress.begin('preparing the measurement');
    const board = describeBoard();
    const most = options.threads ?? Math.min(board.cores, MAX_THREADS);
    const { source, pictures } = await readPictures(state);
    const { cards, unfit } = await cardsToMeasure(config, log);
    const integerKernels = await probeIntegerKernels();
    const { measurements, strain } = await measure({
      cards,
      threads: Array.from({ length: most }, (_, i) => i + 1),
      heads: state === null ? [null] : await servingHeads(state),
      pictures,
      seconds: options.seconds,
      inference: config.inference,
      log,
      cacheDir: config.paths.cacheDir,
      onStep: (done, total) => progress.show({ what: 'measuring', done, total, unit: 'turns' }),
    });
    progress.stop();
    const report: BenchReport = {
      schema: 1,
      board,
      engine: { node: process.version, arch: process.arch, integerKernels },
      pictures: { source, count: pictures.length },
      measurements,
      strain,
      recommendation: advise(measurements, strain, {
        backbone: given.models.backbone,
        threads: given.inference.threads,
        unfit,
      }),
      published: publishedFor(board.board),
    };
    if (options.json) printJson(report);
    else printReport(report);
  } finally {
    progress.stop();
    state?.close();
  }
}
