import { Command } from 'commander';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { printJson, printLine } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';

interface ModelsOptions extends StateOptions {
  json?: boolean;
}

export function pullCommand(): Command {
  return new Command('pull')
    .argument('[name]', 'name of a model card')
    .action(async (name: string | undefined, options: ModelsOptions) => {
      const config = resolveConfig(options);
      const card = name ?? config.models.backbone;
      const pulled = await fetchBackbone(config, commandLog(), card);
      if (options.json) printJson({ name: card, ...pulled });
      else printLine(`${card}: ready in ${pulled.path} (SHA-256 ${pulled.checksum})`);
    });
}
