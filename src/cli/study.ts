import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { writeFileDurably } from '../backbone/durable-files.js';
import { openTfjs } from '../backbone/tfjs-engine.js';
import type { Config } from '../config/schema.js';
import { openDatabase } from '../samples/database.js';
import { importFolder } from '../samples/import.js';
import { SampleStore } from '../samples/store.js';
import { readLabelled } from '../training/collect.js';
import { duration } from '../training/report-html-markup.js';
import { studyPage } from '../training/report-html-study.js';
import { runStudy } from '../training/study.js';
import type { StudyPhoto } from '../training/study-split.js';
import {
  APPROACH_NAMES,
  type Study,
  type StudyEstimate,
  studyTable,
} from '../training/study-types.js';
import { applyAugmentation, drawAugmentation } from '../vision/augment.js';
import { decodePicture } from '../vision/decode.js';
import { createRandom, seedFrom } from '../vision/random.js';
import { type OpenedEmbedder, openEmbedder } from './open-embedder.js';
import { EXIT, printJson, printLine, table } from './output.js';
import { parseWhole } from './parse-whole.js';
import { progressBar } from './progress.js';
import { commandLog, resolveConfig, type StateOptions, withStateOptions } from './settings.js';

interface StudyOptions extends StateOptions {
  out: string;
  epochs: number;
  size: number;
  budgetSeconds: number;
  groupPattern?: string;
  json?: boolean;
}

/** A network from scratch against the frozen backbone, on the user's own photos. */
export function studyCommand(): Command {
  return withStateOptions(
    new Command('study')
      .description('compare a small network from scratch with the frozen backbone on your photos')
      .argument('<dir>', 'folder with one folder of photos per class'),
  )
    .option('--out <dir>', 'folder for study.html and study.json', 'headland-study')
    .option('--epochs <n>', 'passes over the photos, 1 to 500', parseWhole(1, 500), 20)
    .option(
      '--size <pixels>',
      'side of the pictures for the network, 16 to 224',
      parseWhole(16, 224),
      64,
    )
    .option(
      '--budget-seconds <s>',
      'fewer epochs are run where they would take longer',
      parseWhole(1, 864_000),
      1_800,
    )
    .option('--group-pattern <regexp>', 'its captures on the file name are the group of a photo')
    .option('--json', 'print one JSON object')
    .action(study);
}

async function study(dir: string, options: StudyOptions): Promise<void> {
  const config = resolveConfig(options);
  const log = commandLog();
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  const { card, embedder, limits, augmentation, close } = await openEmbedder(config, log, options);
  const { backbone } = embedder;
  const scratch = await mkdtemp(join(tmpdir(), 'headland-study-'));
  let closeStore = () => {};
  try {
    const read = await readPhotos(dir, scratch, config, limits, options);
    const { photos, pictures } = read;
    closeStore = read.close;
    const engine = await openTfjs(log);
    const { ranges, views, seed } = augmentation;
    const bar = approachBar(options.json);
    const result = await runStudy({
      folder: resolve(dir),
      photos,
      engine,
      backbone: {
        name: card.name,
        featureSize: backbone.featureSize,
        embed: async (index, view) => {
          const decoding = { sizePixels: backbone.inputSize, fit: config.inference.fit, ...limits };
          const image = await decodePicture(pictures(index), decoding);
          if (view === 0) return backbone.embed(image);
          return embedder.embedView(image, view, ranges, seed, String(index));
        },
      },
      augment: (image, index, round) => {
        const random = createRandom(seedFrom(seed, index, round));
        return applyAugmentation(
          image,
          drawAugmentation(random, ranges, image.width, image.height),
        );
      },
      ...{ epochs: options.epochs, sizePixels: options.size, views, seed },
      budgetSeconds: options.budgetSeconds,
      onEstimate: (estimate) => announce(estimate, options, engine.reason),
      onProgress: bar.update,
      signal: abort.signal,
    });
    bar.stop();
    await report(result, options);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    await close();
    closeStore();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Through an import into a store of its own: bad photos, repetitions and groups as a robot has them. */
async function readPhotos(
  dir: string,
  scratch: string,
  config: Config,
  limits: OpenedEmbedder['limits'],
  options: StudyOptions,
) {
  const database = openDatabase(join(scratch, 'study.db'));
  const { examShare, examAfterSamples, maxPictureStoreBytes } = config.samples;
  const store = new SampleStore(database, { examShare, examAfterSamples, maxPictureStoreBytes });
  const bar = progressBar('photos', options.json);
  const imported = await importFolder(store, dir, {
    groupPattern: options.groupPattern ?? null,
    limits,
    onProgress: ({ done, total }) => bar.update(done, total),
  });
  bar.stop();
  for (const { message } of imported.warnings) process.stderr.write(`note: ${message}\n`);
  const samples = readLabelled(store);
  const pictures = (index: number) => store.picture(samples[index]!.id) as Uint8Array;
  const photos: StudyPhoto[] = [];
  for (const [i, { label, group }] of samples.entries()) {
    const decoding = { sizePixels: options.size, fit: config.inference.fit, ...limits };
    photos.push({ label, group, image: await decodePicture(pictures(i), decoding) });
  }
  return { photos, pictures, close: () => database.close() };
}

function announce(estimate: StudyEstimate, options: StudyOptions, engine: string): void {
  const lines = [
    `network on ${engine}`,
    `about ${duration(estimate.seconds)} in all, measured on one batch: ${Object.entries(
      estimate.perApproach,
    )
      .map(([a, s]) => `${APPROACH_NAMES[a as keyof typeof APPROACH_NAMES]} ${duration(s)}`)
      .join(', ')}`,
  ];
  if (estimate.epochs < options.epochs) {
    lines.push(
      `${estimate.epochs} epochs instead of ${options.epochs}, to end within ${options.budgetSeconds} s (--budget-seconds)`,
    );
  }
  lines.push('Ctrl-C ends it with what there is.');
  // Standard output stays data with --json; people see it in both cases.
  process.stderr.write(`${lines.join('\n')}\n`);
}

function approachBar(silent: boolean | undefined) {
  let current = '';
  let bar: ReturnType<typeof progressBar> | null = null;
  return {
    update(approach: keyof typeof APPROACH_NAMES, done: number, total: number): void {
      if (approach !== current) {
        bar?.stop();
        if (!silent) process.stderr.write(`${APPROACH_NAMES[approach]}\n`);
        bar = progressBar(approach === 'backbone' ? 'forward passes' : 'epochs', silent);
      }
      current = approach;
      bar?.update(done, total);
    },
    stop: () => bar?.stop(),
  };
}

async function report(result: Study, options: StudyOptions): Promise<void> {
  await mkdir(options.out, { recursive: true });
  const files = { html: join(options.out, 'study.html'), json: join(options.out, 'study.json') };
  await writeFileDurably(files.html, studyPage(result));
  await writeFileDurably(files.json, `${JSON.stringify(result, null, 2)}\n`);
  if (options.json) printJson({ ...result, files });
  else {
    printLine(table(studyTable(result.rows)));
    printLine(`report: ${files.html}`);
  }
  if (result.interrupted) process.exitCode = EXIT.interrupted;
}
