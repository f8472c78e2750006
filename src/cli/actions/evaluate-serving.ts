import { join } from 'node:path';
import { openState } from '../../agent/open-state.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { redactedJson } from '../../base/redact.js';
import { evaluateHead } from '../../evaluation/evaluate.js';
import type { Evaluation } from '../../evaluation/evaluation-types.js';
import { evaluationPage } from '../../evaluation/report/report-evaluation.js';
import { figure, percent as percentText } from '../../evaluation/report/report-markup.js';
import type { Interval } from '../../head/intervals/wilson.js';
import { withPicture } from '../../vision/picture.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { openEmbedder } from '../support/open-embedder.js';
import { printJson, printLine } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import { loadServingHead } from '../support/serving-head.js';
import type { TaskOptions } from '../support/state-options.js';

/** Longer side of the pictures in the report, pixels. */
const THUMBNAIL_PIXELS = 320;
const PHASES = {
  embed: { what: 'computing features', unit: 'pictures' },
  fit: { what: 'fitting', unit: 'fits' },
  curve: { what: 'learning curve', unit: 'fits' },
} as const;

export interface EvaluateOptions extends TaskOptions {
  out: string;
  json?: boolean;
}

export async function evaluate(options: EvaluateOptions): Promise<void> {
  const config = resolveConfig(options);
  const log = commandLog();
  const state = openState(config, log);
  try {
    const { samples, heads, settings: own } = state.task(options.task);
    const stored = await loadServingHead(heads);
    const { embedder, limits, augmentation, close } = await openEmbedder(config, log);
    const { settings, ...named } = augmentation;
    const progress = showProgress();
    try {
      const evaluation = await evaluateHead({
        store: samples,
        stored,
        training: own.training,
        embedder,
        augmentation: settings,
        ...named,
        minHoldoutSamples: own.gate.minHoldoutSamples,
        maxErrorShare: own.inference.maxErrorShare,
        thumbnail: (picture) => thumbnail(picture, limits),
        onProgress: (phase, done, total) => progress.show({ ...PHASES[phase], done, total }),
      });
      progress.stop();
      await makeFolder(options.out);
      const files = {
        html: join(options.out, 'evaluation.html'),
        json: join(options.out, 'evaluation.json'),
      };
      await writeFileDurably(files.html, evaluationPage(evaluation));
      await writeFileDurably(files.json, `${redactedJson(evaluation, 2)}\n`);
      if (options.json) printJson({ ...withoutPictures(evaluation), files });
      else print(evaluation, files.html);
    } finally {
      progress.stop();
      await close();
    }
  } finally {
    state.close();
  }
}

async function thumbnail(
  picture: Uint8Array,
  limits: { maxBytes: number; maxPixels: number },
): Promise<string> {
  const jpeg = await withPicture(picture, limits, (opened) =>
    opened
      .resize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 72 })
      .toBuffer(),
  );
  return jpeg.toString('base64');
}

function withoutPictures(evaluation: Evaluation): Evaluation {
  const bare = evaluation.mistakes.map((mistake) => ({ ...mistake, jpeg: null }));
  const shown = evaluation.suspects.shown.map((suspect) => ({ ...suspect, jpeg: null }));
  return { ...evaluation, mistakes: bare, suspects: { ...evaluation.suspects, shown } };
}

/** With a plain space, for terminals. */
function percent(share: number): string {
  return percentText(share).replace('\u00a0', ' ');
}

function print(
  { head, metrics, evidence, data, interval, advice }: Evaluation,
  file: string,
): void {
  const right = Math.round(metrics.accuracy * metrics.samples);
  const groups = evidence === 'holdout' ? data.holdoutGroups : data.trainingGroups;
  const between = (i: Interval, as: (value: number) => string): string =>
    ` (95 %: ${as(i.lower)} to ${as(i.upper)})`;
  printLine(
    `head ${head.version}: ${right} of ${metrics.samples} samples in ${groups} groups are right (${evidence})`,
  );
  printLine(
    `accuracy ${percent(metrics.accuracy)}${interval ? between(interval.accuracy, percent) : ''}, ` +
      `macro-F1 ${figure(metrics.macroF1)}${interval ? between(interval.macroF1, figure) : ''}, ` +
      `calibration error ${percent(metrics.ece)}`,
  );
  if (!interval) printLine('too few groups for an interval: all of this may be luck');
  for (const { text } of advice) printLine(`  - ${text}`);
  printLine(`report: ${file}`);
}
