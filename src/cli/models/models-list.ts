import { Command } from 'commander';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { addedCards } from '../../backbone/card-folders.js';
import { fullPrecisionName } from '../../backbone/variant.js';
import { bundleNames } from '../../models/bundle/bundle-names.js';
import { printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';
import { cachedCards, cardsWithVariants } from './cached-cards.js';

interface ModelsOptions extends StateOptions {
  json?: boolean;
}

export function listCommand(): Command {
  return new Command('list').action(async (options: ModelsOptions) => {
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
