import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { openState } from '../../agent/open-state.js';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { cachedModelDir, readCachedModel } from '../../backbone/cache.js';
import { addedCards, listCards, loadCard } from '../../backbone/card-folders.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { fullPrecisionName, quantizedCard } from '../../backbone/variant.js';
import { isHeadlandError, type SerialisedError } from '../../base/errors.js';
import { firstSentence } from '../../base/words/message.js';
import type { Config } from '../../config/schema.js';
import { bundleNames } from '../../models/bundle/install-bundle.js';
import { verifyModel } from '../../models/verify-model.js';
import type { HeadCard } from '../../registry/head-card.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { EXIT, printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import {
  type StateOptions,
  type TaskOptions,
  withStateOptions,
  withTaskOptions,
} from '../support/state-options.js';
import { whyCommand } from '../why-command.js';
import { addCommand, removeCommand } from './models-add.js';
import { bundleCommand } from './models-bundle.js';
import { compareCommand } from './models-compare.js';
import { quantizeCommand } from './models-quantize.js';

interface ModelsOptions extends StateOptions {
  json?: boolean;
}

export function modelsCommand(): Command {
  const command = new Command('models');
  const subs = [
    listCommand(),
    pullCommand(),
    verifyCommand(),
    addCommand(),
    removeCommand(),
    bundleCommand(),
    compareCommand(cachedCards),
  ];
  const ofTask = [
    quantizeCommand(),
    withTaskOptions(headsCommand()),
    withTaskOptions(whyCommand()),
  ];
  for (const sub of [...subs.map(withStateOptions), ...ofTask]) {
    command.addCommand(sub.option('--json', 'print one JSON object'));
  }
  return command;
}

function listCommand(): Command {
  return new Command('list')
    .description('list the model cards and their state in the cache')
    .action(async (options: ModelsOptions) => {
      const config = resolveConfig(options);
      const cards = await cardsWithVariants(config);
      const addedDir = addedCardsDir(config);
      const added = new Set((await addedCards(addedDir)).map(({ name }) => name));
      for (const name of await bundleNames(addedDir)) added.add(name);
      const cached = new Set((await cachedCards(config)).map(({ name }) => name));
      const rows = cards.map((card) => ({
        name: card.name,
        title: card.title,
        engine: card.engine,
        licence: card.licence,
        featureSize: card.featureSize,
        inputSize: card.inputSize,
        reportedTop1: card.reportedTop1,
        added: added.has(card.name) || added.has(fullPrecisionName(card.name)),
        cached: cached.has(card.name),
        default: card.name === config.models.backbone,
      }));
      if (options.json) return printJson(rows);
      const cells = rows.map((row) => [
        row.default ? `${row.name} *` : row.name,
        [row.added ? 'added' : '', row.cached ? 'cached' : ''].filter(Boolean).join(', ') || '-',
        String(row.inputSize),
        String(row.featureSize),
        row.reportedTop1 === null ? '-' : `${(row.reportedTop1 * 100).toFixed(1)} %`,
        row.licence,
        row.engine === 'onnx' ? row.title : `${row.title} (engine: ${row.engine})`,
      ]);
      const header = ['name', 'state', 'pixels', 'features', 'top-1', 'licence', ''];
      printLine(table([header, ...cells], ''));
      printLine('\n* = configured. Fetch a backbone: headland models pull NAME');
      printLine('Make a faster 8-bit version: headland models quantize NAME');
      printLine('Add your own: headland models add FILE.onnx --name NAME');
    });
}

/** Cards of the backbones that are intact in the cache. */
async function cachedCards(config: Config): Promise<ModelCard[]> {
  const cards: ModelCard[] = [];
  for (const card of await cardsWithVariants(config)) {
    const isThere = await readCachedModel(card, config.paths.cacheDir).then(
      () => true,
      () => false,
    );
    if (isThere) cards.push(card);
  }
  return cards;
}

/** Every card, followed by its 8-bit variant if that exists or is configured. */
async function cardsWithVariants(config: Config): Promise<ModelCard[]> {
  const { models, paths } = config;
  const cards: ModelCard[] = [];
  for (const card of await listCards(models.cardsDir, addedCardsDir(config))) {
    const variant = quantizedCard(card);
    const there =
      variant.name === models.backbone || existsSync(cachedModelDir(paths.cacheDir, variant.name));
    cards.push(card, ...(there ? [variant] : []));
  }
  return cards;
}

function pullCommand(): Command {
  return new Command('pull')
    .description('fetch, check and convert a backbone (default: the configured one)')
    .argument('[name]', 'name of a model card')
    .action(async (name: string | undefined, options: ModelsOptions) => {
      const config = resolveConfig(options);
      const card = name ?? config.models.backbone;
      const pulled = await fetchBackbone(config, commandLog(), card);
      if (options.json) printJson({ name: card, ...pulled });
      else printLine(`${card}: ready in ${pulled.path} (SHA-256 ${pulled.checksum})`);
    });
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('verify the checksums of cached backbones and the features that they compute')
    .argument('[name]', 'name of a model card (default: every cached one)')
    .action(async (name: string | undefined, options: ModelsOptions) => {
      const config = resolveConfig(options);
      const results = name
        ? [
            await verified(
              await loadCard(name, config.models.cardsDir, addedCardsDir(config)),
              config,
            ),
          ]
        : await verifyCached(config);
      if (options.json) printJson(results);
      else printVerifications(results);
      if (results.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
    });
}

type Verification =
  | { name: string; ok: true; checksum: string }
  | { name: string; ok: false; error: SerialisedError };

async function verifyCached(config: Config): Promise<Verification[]> {
  const results: Verification[] = [];
  for (const card of await cardsWithVariants(config)) results.push(await verified(card, config));
  return results.filter(
    (result) => result.ok || !/^HL_MODEL_NOT_(CACHED|QUANTIZED)$/.test(result.error.code),
  );
}

async function verified(card: ModelCard, config: Config): Promise<Verification> {
  const progress = showProgress();
  progress.begin(`verifying ${card.name}`);
  try {
    const { checksum } = await verifyModel(card, config.paths.cacheDir);
    return { name: card.name, ok: true, checksum };
  } catch (error) {
    if (!isHeadlandError(error)) throw error;
    return { name: card.name, ok: false, error: error.toJSON() };
  } finally {
    progress.stop();
  }
}

function printVerifications(results: readonly Verification[]): void {
  if (results.length === 0) {
    printLine('no backbones are in the cache');
    return;
  }
  printLine(table(results.map(verificationCells), ''));
  for (const result of results) {
    if (result.ok) continue;
    const { code, message, remedy } = result.error;
    printLine(`\n${result.name}: ${code}: ${message}\n  what to do: ${remedy}`);
  }
}

function verificationCells(result: Verification): string[] {
  if (result.ok) return [result.name, 'intact', `SHA-256 ${result.checksum.slice(0, 12)}…`];
  const states: Record<string, string> = {
    HL_MODEL_CHECKSUM: 'DAMAGED',
    HL_MODEL_NOT_CACHED: 'MISSING',
    HL_MODEL_NOT_QUANTIZED: 'MISSING',
  };
  return [result.name, states[result.error.code] ?? 'FAILED'];
}

function headsCommand(): Command {
  return new Command('heads')
    .description('list the versions of the trained head')
    .action(async (options: TaskOptions & ModelsOptions) => {
      const state = openState(resolveConfig(options));
      try {
        const registry = state.task(options.task).heads;
        const [heads, pinned] = await Promise.all([registry.list(), registry.pinned()]);
        if (options.json) {
          return printJson(heads.map((head) => ({ ...head, pinned: head.version === pinned })));
        }
        if (heads.length === 0) return printLine('no head yet: label some frames, then train');
        const cells = heads.map(({ version, card, current, served }) => [
          `${version}${current ? ' *' : ''}`,
          card ? card.createdAt : 'damaged',
          ...factsOf(card),
          version === pinned ? 'serving, pinned' : useOf({ current, served }),
          card ? firstSentence(card.gate.reason) : '',
        ]);
        printLine(table(cells, ''));
        const serving = heads.find(({ current }) => current)?.card?.trust;
        if (serving) printLine(`\n* ${serving.level}: ${serving.next}`);
      } finally {
        state.close();
      }
    });
}

/** Learner, trust and score. */
function factsOf(card: HeadCard | null): string[] {
  return [
    card?.learner ?? '-',
    card?.trust?.level ?? '-',
    card?.holdout ? `macro-F1 ${card.holdout.macroF1.toFixed(3)}` : '-',
  ];
}

function useOf({ current, served }: { current: boolean; served: boolean }): string {
  if (current) return 'serving';
  return served ? 'has served' : 'never served';
}
