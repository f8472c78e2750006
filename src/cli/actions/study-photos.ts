import { join, resolve } from 'node:path';
import { openTfjs } from '../../backbone/engines/tfjs-library.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { createRandom, seedFrom } from '../../base/random.js';
import { redactedJson } from '../../base/redact.js';
import { duration } from '../../base/words/duration.js';
import type { Config } from '../../config/schema.js';
import { studyPage } from '../../evaluation/report/report-study.js';
import { type FitNotice, runStudy } from '../../evaluation/study/run-study.js';
import type { StudyPhoto } from '../../evaluation/study/study-split.js';
import { type Study, type StudyPlan, studyTable } from '../../evaluation/study/study-types.js';
import { type Variant, variantName } from '../../evaluation/study/study-variants.js';
import { readLabelled } from '../../training/data/collect.js';
import { applyAugmentation, drawAugmentation } from '../../vision/augment.js';
import { decodePicture } from '../../vision/decode.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { type OpenedEmbedder, openEmbedder } from '../support/open-embedder.js';
import { EXIT, printJson, printLine, printNote, table } from '../support/output.js';
import type { PhotoOptions } from '../support/photo-options.js';
import { openPhotoStore } from '../support/photo-store.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';

export interface StudyOptions extends StateOptions, PhotoOptions {
  out: string;
  epochs: number;
  size: number;
  folds?: number;
  variants: Variant[];
  budgetSeconds: number;
  json?: boolean;
}

export async function study(dir: string, options: StudyOptions): Promise<void> {
  const config = resolveConfig(options);
  const log = commandLog();
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  const { card, embedder, limits, augmentation, close } = await openEmbedder(config, log);
  const { backbone } = embedder;
  let closeStore = async () => {};
  try {
    const read = await readPhotos(dir, config, limits, options);
    const { photos, pictures } = read;
    closeStore = read.close;
    const engine = await openTfjs(log);
    const { settings, seed } = augmentation;
    const { views } = settings;
    const progress = studyProgress();
    progress.begin('measuring how long it will take');
    const result = await runStudy({
      folder: resolve(dir),
      photos,
      variants: options.variants,
      folds: options.folds ?? null,
      engine,
      backbone: {
        name: card.name,
        featureSize: backbone.featureSize,
        embed: async (index, view) => {
          const decoding = { sizePixels: backbone.inputSize, fit: config.inference.fit, ...limits };
          const image = await decodePicture(pictures(index), decoding);
          if (view === 0) return backbone.embed(image);
          return embedder.embedView(image, view, settings, seed, String(index));
        },
      },
      augment: (image, index, round) => {
        const random = createRandom(seedFrom(seed, index, round));
        return applyAugmentation(
          image,
          drawAugmentation(random, settings, image.width, image.height),
        );
      },
      epochs: options.epochs,
      sizePixels: options.size,
      views,
      seed,
      budgetSeconds: options.budgetSeconds,
      onPlan: (plan, folds) => {
        announce(plan, { folds, views }, options, engine.reason);
      },
      onProgress: progress.update,
      onFit: progress.fit,
      signal: abort.signal,
    });
    progress.stop();
    await report(result, options);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    await close();
    await closeStore();
  }
}

/** Reads the photos through an import into a temporary store; see {@link openPhotoStore}. */
async function readPhotos(
  dir: string,
  config: Config,
  limits: OpenedEmbedder['limits'],
  options: StudyOptions,
) {
  const { holdoutShare } = config.samples;
  const { store, close } = await openPhotoStore(dir, config, { ...options, holdoutShare });
  const samples = readLabelled(store);
  const pictures = (index: number) => store.picture(samples[index]!.id) as Uint8Array;
  const photos: StudyPhoto[] = [];
  const progress = showProgress();
  for (const [i, { label, group }] of samples.entries()) {
    const decoding = { sizePixels: options.size, fit: config.inference.fit, ...limits };
    photos.push({ label, group, image: await decodePicture(pictures(i), decoding) });
    const [done, total] = [i + 1, samples.length];
    progress.show({ what: 'decoding photos', done, total, unit: 'photos' });
  }
  progress.stop();
  return { photos, pictures, close };
}

function announce(
  plan: StudyPlan,
  wanted: { folds: number; views: number },
  options: StudyOptions,
  engine: string,
): void {
  const lines = [
    `training on ${engine}`,
    `estimated time, from one measured batch: ${duration(plan.seconds)} (${options.variants
      .map(
        (variant) => `${variantName(variant)} ${duration(plan.perVariant[variant.id] as number)}`,
      )
      .join('; ')})`,
  ];
  const fewer = [
    plan.epochs < options.epochs ? `${plan.epochs} epochs instead of ${options.epochs}` : '',
    plan.folds < wanted.folds ? `${plan.folds} of ${wanted.folds} folds` : '',
    plan.views < wanted.views ? `${plan.views} views instead of ${wanted.views}` : '',
  ].filter((part) => part !== '');
  if (fewer.length > 0) {
    lines.push(
      `reduced to ${fewer.join(', ')}, to fit into ${options.budgetSeconds} s (--budget-seconds, --variants)`,
    );
  }
  lines.push('Ctrl-C stops it and reports the results so far.');
  // On standard error, because with --json standard output is for data.
  printNote(lines.join('\n'));
}

function studyProgress() {
  const progress = showProgress();
  return {
    begin: progress.begin,
    update(done: number, total: number): void {
      const seconds = Math.max(1, Math.round(total));
      progress.show({
        what: 'studying',
        done: Math.round(done),
        total: seconds,
        unit: 's of work',
      });
    },
    fit({ fold, folds, name, accuracy, trainingAccuracy, secondsLeft }: FitNotice): void {
      progress.stop();
      const share = (value: number) => `${(100 * value).toFixed(1)} %`;
      printNote(
        `fold ${fold} of ${folds}, ${name}: accuracy ${share(accuracy)} on held-out photos, ${share(trainingAccuracy)} on training photos; about ${duration(secondsLeft)} left`,
      );
    },
    stop: () => progress.stop(),
  };
}

async function report(result: Study, options: StudyOptions): Promise<void> {
  await makeFolder(options.out);
  const files = { html: join(options.out, 'study.html'), json: join(options.out, 'study.json') };
  await writeFileDurably(files.html, studyPage(result));
  await writeFileDurably(files.json, `${redactedJson(result, 2)}\n`);
  if (options.json) printJson({ ...result, files });
  else {
    printLine(table(studyTable(result.rows)));
    printLine();
    for (const statement of result.verdict.statements) printLine(statement);
    printLine();
    printLine(`report: ${files.html}`);
  }
  if (result.interrupted) process.exitCode = EXIT.interrupted;
}
