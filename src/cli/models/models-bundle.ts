import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { readCachedModel } from '../../backbone/cache.js';
import { loadCard } from '../../backbone/card-folders.js';
import type { ModelCard } from '../../backbone/model-card.js';
import { HeadlandError } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { sha256Hex } from '../../base/hash.js';
import { packBundle } from '../../models/bundle/backbone-bundle.js';
import { bundleLicence } from '../../models/bundle/bundle-licence.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { formatBytes, printJson, printLine } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';
import { packageVersion } from '../support/version.js';

/** headland's own licence, which most backbones share. */
const OWN_LICENCE = { spdx: 'Apache-2.0', file: new URL('../../../../LICENSE', import.meta.url) };

interface BundleOptions extends StateOptions {
  licenceFile?: string;
  json?: boolean;
}

/** Writes a converted backbone into one file, for robots without internet. */
export function bundleCommand(): Command {
  return new Command('bundle')
    .usage('[options] [name] <file>')
    .argument('<name-or-file...>', 'name of a model card (default: the configured one); the file')
    .option('--licence-file <file>', 'text of the licence of the weights')
    .action(async (words: string[], options: BundleOptions, command: Command) => {
      const [file = '', name, ...more] = [...words].reverse();
      if (more.length > 0) command.error('error: too many arguments: give [NAME] FILE');
      await bundle(name, file, options);
    });
}

async function bundle(
  name: string | undefined,
  file: string,
  options: BundleOptions,
): Promise<void> {
  const config = resolveConfig(options);
  const { cardsDir, backbone } = config.models;
  const card = await loadCard(name ?? backbone, cardsDir, addedCardsDir(config));
  const text = await licenceText(card, options.licenceFile);
  await fetchBackbone(config, commandLog(), card.name);
  const cached = await readCachedModel(card, config.paths.cacheDir);
  const madeBy = `headland ${packageVersion()}`;
  const bytes = packBundle(card, cached, bundleLicence(card, madeBy, text), madeBy);
  await writeFileDurably(file, bytes).catch((cause: unknown) => {
    throw new HeadlandError('HL_EXPORT_UNWRITABLE', `cannot write ${file}: ${fileProblem(cause)}`, {
      remedy: 'Name a file in a folder that exists and that this user may write.',
      details: { file },
      cause,
    });
  });
  const sha256 = sha256Hex(bytes);
  const { checksum } = cached;
  const { licence } = card;
  if (options.json) {
    return printJson({ name: card.name, file, bytes: bytes.length, sha256, checksum, licence });
  }
  printLine(`${file}: ${card.name}, ${formatBytes(bytes.length)}, SHA-256 ${sha256}`);
  printLine(`On the robot: headland models add ${file}`);
}

/** @throws HeadlandError HL_MODEL_LICENCE_UNREADABLE */
async function licenceText(card: ModelCard, file: string | undefined): Promise<string | null> {
  if (file === undefined) {
    return card.licence === OWN_LICENCE.spdx ? readFile(OWN_LICENCE.file, 'utf8') : null;
  }
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HeadlandError(
      'HL_MODEL_LICENCE_UNREADABLE',
      `${file} cannot be read: ${fileProblem(cause)}`,
      {
        remedy: 'Give --licence-file the path of a text that this user may read.',
        details: { file },
        cause,
      },
    );
  });
}
