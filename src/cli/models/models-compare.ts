import { resolve } from 'node:path';
import { Command } from 'commander';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { readCachedModel } from '../../backbone/cache.js';
import { loadCard } from '../../backbone/card-folders.js';
import { augmentationRecipe } from '../../backbone/embedder.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { openBackbone } from '../../backbone/open-backbone.js';
import type { Config } from '../../config/schema.js';
import { adviseBackbone, type MeasuredBackbone } from '../../evaluation/backbone/compare-advice.js';
import { type Comparison, compareBackbones } from '../../evaluation/backbone/compare-backbones.js';
import { spread } from '../../evaluation/backbone/quantize-pictures.js';
import type { SampleStore } from '../../samples/store.js';
import { readLabelled } from '../../training/data/collect.js';
import { measure } from '../bench/bench-measure.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { formatBytes, printJson, printLine, table } from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import { type PhotoOptions, withPhotoOptions } from '../support/photo-options.js';
import { openPhotoStore } from '../support/photo-store.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';
import { cachedCards } from './cached-cards.js';

/** Number of photos for timing, and the time for each backbone. */
const TIMED_PHOTOS = 16;
const SECONDS_EACH = 3;

interface CompareOptions extends StateOptions, PhotoOptions {
  backbone?: string[];
  only?: boolean;
  views: number;
  json?: boolean;
}

/** Compares cached and named backbones on the user's own photos. */
export function compareCommand(): Command {
  return withPhotoOptions(
    new Command('compare').argument('<dir>', 'folder with one folder of photos per class'),
  )
    .option('--backbone <names...>', 'also compare these backbones; missing ones are fetched')
    .option('--only', 'compare only the backbones given by --backbone')
    .option('--views <n>', 'augmented views per photo, 0 to 20', parseWhole(0, 20), 0)
    .action((dir: string, options: CompareOptions) => compare(dir, options));
}

async function compare(dir: string, options: CompareOptions): Promise<void> {
  const config = resolveConfig(options);
  const log = commandLog();
  const { cacheDir } = config.paths;
  const named = options.backbone ?? [];
  const wanted = new Set(named);
  if (!options.only || named.length === 0) {
    wanted.add(config.models.backbone);
    for (const { name } of await cachedCards(config)) wanted.add(name);
  }
  const photos = await openPhotoStore(dir, config, { ...options, holdoutShare: 0 });
  try {
    const cards: ModelCard[] = [];
    for (const name of wanted) {
      await fetchBackbone(config, log, name);
      cards.push(await loadCard(name, config.models.cardsDir, addedCardsDir(config)));
    }
    const { threads } = config.inference;
    const comparison = await score(photos.store, cards, config, options);
    const progress = showProgress();
    const { measurements } = await measure({
      cards,
      threads: [threads],
      heads: [null],
      inference: config.inference,
      cacheDir,
      log,
      pictures: timedPictures(photos.store),
      seconds: SECONDS_EACH * cards.length,
      onStep: (done, total) =>
        progress.show({ what: 'timing forward passes', done, total, unit: 'turns' }),
    }).finally(() => progress.stop());
    const rows = await Promise.all(
      comparison.scores.map(async (one): Promise<MeasuredBackbone> => {
        const card = cards.find(({ name }) => name === one.name) as ModelCard;
        const { model } = await readCachedModel(card, cacheDir);
        const measured = measurements.find(({ backbone }) => backbone === one.name);
        return { ...one, forwardMs: measured?.backboneMs.p50 ?? Number.NaN, bytes: model.length };
      }),
    );
    const recommendation = adviseBackbone(rows, config.models.backbone);
    const report = {
      schema: 1,
      folder: resolve(dir),
      threads,
      views: options.views,
      ...comparison,
      scores: undefined,
      backbones: rows,
      recommendation,
    };
    if (options.json) printJson(report);
    else print(comparison, rows, recommendation.reasons, threads);
  } finally {
    await photos.close();
  }
}

async function score(
  store: SampleStore,
  cards: readonly ModelCard[],
  config: Config,
  options: CompareOptions,
): Promise<Comparison> {
  const { seed, ...settings } = config.augmentation;
  const augmentation = { ...settings, views: options.views };
  const { fit, threads, maxPictureBytes: maxBytes, maxPicturePixels: maxPixels } = config.inference;
  const { cacheDir } = config.paths;
  const progress = showProgress();
  try {
    return await compareBackbones({
      store,
      candidates: cards.map((card) => ({
        name: card.name,
        open: () => openBackbone({ card, cacheDir, threads, log: commandLog() }),
      })),
      pictures: { fit, maxBytes, maxPixels },
      training: config.training,
      augmentation,
      views: options.views,
      seed,
      recipe: augmentationRecipe(augmentation, seed),
      onProgress: (name, phase, done, total) => {
        const unit = phase === 'embed' ? 'forward passes' : 'recipes';
        progress.show({ what: name, done, total, unit });
      },
    });
  } finally {
    progress.stop();
  }
}

function timedPictures(store: SampleStore): Uint8Array[] {
  return spread(readLabelled(store), TIMED_PHOTOS).flatMap(({ id }) => store.picture(id) ?? []);
}

function print(
  { photos, judged, groups, classes }: Comparison,
  rows: readonly MeasuredBackbone[],
  reasons: readonly string[],
  threads: number,
): void {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  printLine(
    `${photos} photos of ${classes.length} classes in ${groups} groups; ${judged} classified by heads that were not trained on their group`,
  );
  printLine();
  const header = [
    '',
    'accuracy',
    'behind',
    'macro-F1',
    `forward, ${threads} thread${threads > 1 ? 's' : ''}`,
    'file',
  ];
  const cells = rows.map((r) => [
    r.name,
    percent(r.accuracy),
    r.behind === 0 && r.behindStandardError === 0
      ? '-'
      : `${(-100 * r.behind).toFixed(1)} ± ${(100 * r.behindStandardError).toFixed(1)}`,
    r.macroF1.toFixed(3),
    `${r.forwardMs.toFixed(1)} ms`,
    formatBytes(r.bytes),
  ]);
  printLine(table([header, ...cells]));
  printLine();
  for (const reason of reasons) printLine(reason);
}
