import { Command } from 'commander';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { loadCard } from '../../backbone/card-folders.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { isHeadlandError, type SerialisedError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import { verifyModel } from '../../models/verify-model.js';
import { showProgress } from '../progress/progress.js';
import { EXIT, printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';
import { cardsWithVariants } from './cached-cards.js';

interface ModelsOptions extends StateOptions {
  json?: boolean;
}

export function verifyCommand(): Command {
  return new Command('verify')
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
