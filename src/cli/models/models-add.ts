import { createInterface } from 'node:readline/promises';
import { Command, Option } from 'commander';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { POOLS, type Pool } from '../../backbone/model-card.js';
import { isHeadlandError } from '../../base/errors.js';
import { type AddedModel, type Ask, addModel, removeModel } from '../../models/add-model.js';
import { looksLikeBundle } from '../../models/bundle/backbone-bundle.js';
import { addBundle } from '../../models/bundle/install-bundle.js';
import { describePresets, parseNormalisation } from '../../models/onnx/normalisation.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { formatBytes, printJson, printLine, printNote, table } from '../support/output.js';
import { parseWhole } from '../support/parse-whole.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';

interface AddCommandOptions extends StateOptions {
  name?: string;
  inputSize?: number;
  normalise?: string;
  tap?: string;
  pool?: Pool;
  licence?: string;
  title?: string;
  json?: boolean;
}

const INPUT_SIZE = { least: 16, most: 1_024 };

/** Adds any ONNX network as a backbone. */
export function addCommand(): Command {
  return new Command('add')
    .argument('<file>', 'ONNX file, or a bundle that `models bundle` made')
    .option('--name <name>', 'name of the new backbone, for models.backbone; a bundle has its own')
    .option(
      '--input-size <pixels>',
      'side of the square input, if the graph does not fix it',
      parseWhole(INPUT_SIZE.least, INPUT_SIZE.most),
    )
    .option(
      '--normalise <how>',
      `how pixels are normalised, if the graph does not do it: ${describePresets().join('; ')}; ` +
        'or three means and three standard deviations: 0.485,0.456,0.406/0.229,0.224,0.225',
    )
    .option('--tap <tensor>', 'tensor or node that holds the features, if the wrong one is found')
    .addOption(
      new Option(
        '--pool <how>',
        'how that tensor is pooled to a vector (default: by its shape)',
      ).choices(POOLS),
    )
    .option('--licence <spdx>', 'licence of the weights, as an SPDX expression')
    .option('--title <text>', 'description for people')
    .action(add);
}

/** Options that describe an ONNX network. In a bundle, the card does that. */
const OF_NETWORKS = ['name', 'inputSize', 'normalise', 'tap', 'pool', 'licence', 'title'] as const;

async function add(file: string, options: AddCommandOptions, command: Command): Promise<void> {
  const { name } = options;
  if (await looksLikeBundle(file)) {
    const given = OF_NETWORKS.find((option) => options[option] !== undefined);
    if (given) command.error(`error: a bundle says its own ${given}; leave the option out`);
    return addFromBundle(file, options);
  }
  if (name === undefined) {
    command.error("error: required option '--name <name>' not specified for an ONNX network");
  }
  const config = resolveConfig(options);
  const { models, paths } = config;
  const normalisation = options.normalise ? parseNormalisation(options.normalise) : null;
  const isAttended = process.stdin.isTTY === true && !options.json;
  const progress = showProgress();
  // Questions would stand in the middle of a bar.
  if (!isAttended) progress.begin(`adding ${name}`);
  const added = await addModel({
    file,
    name,
    cardsDir: models.cardsDir,
    addedDir: addedCardsDir(config),
    normalisation,
    inputSize: options.inputSize ?? null,
    tap: options.tap ?? null,
    pool: options.pool ?? null,
    ask: isAttended ? questions() : null,
    licence: options.licence ?? null,
    title: options.title ?? null,
    pull: {
      cacheDir: paths.cacheDir,
      mirrors: [],
      allowDownload: false,
      log: commandLog(),
      pipCommand: models.pipCommand,
      maxBytes: models.maxBytes,
      downloadTimeoutMs: models.downloadTimeoutMs,
    },
  }).finally(() => progress.stop());
  if (options.json) printJson(report(added));
  else print(added);
}

async function addFromBundle(
  file: string,
  options: StateOptions & { json?: boolean },
): Promise<void> {
  const config = resolveConfig(options);
  const { cardsDir, maxBytes, backbone } = config.models;
  const progress = showProgress();
  progress.begin('adding the bundle');
  const { card, path, checksum, bytes, isNewCard } = await addBundle({
    file,
    cardsDir,
    addedDir: addedCardsDir(config),
    cacheDir: config.paths.cacheDir,
    maxBytes,
  }).finally(() => progress.stop());
  const { name, featureSize, inputSize, licence } = card;
  if (options.json) {
    return printJson({ name, path, checksum, bytes, inputSize, featureSize, licence, isNewCard });
  }
  printLine(`${name}: ready in ${path} (SHA-256 ${checksum})`);
  if (name !== backbone) {
    printLine(`To use it: models.backbone: ${name}, then restart and \`headland train\`.`);
  }
}

export function removeCommand(): Command {
  return new Command('remove')
    .argument('<name>', 'name of an added backbone')
    .action(async (name: string, options: StateOptions & { json?: boolean }) => {
      const config = resolveConfig(options);
      const configured = config.models.backbone;
      const { cacheDir } = config.paths;
      await removeModel({ name, addedDir: addedCardsDir(config), cacheDir, configured });
      if (options.json) printJson({ name, removed: true });
      else printLine(`${name}: removed`);
    });
}

/** Asks on the terminal. The questions go to standard error, because standard output is for data. */
function questions(): Ask {
  const ask = async <T>(question: string, read: (answer: string) => T): Promise<T> => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      for (;;) {
        try {
          return read((await terminal.question(question)).trim());
        } catch (error) {
          // Ask again only after a wrong answer, not after Ctrl-C or the end of the input.
          if (!isHeadlandError(error) && !(error instanceof RangeError)) throw error;
          printNote(error.message);
        }
      }
    } finally {
      terminal.close();
    }
  };
  const { least, most } = INPUT_SIZE;
  return {
    inputSize: () =>
      ask('The graph does not fix the input size. Side of its square input, pixels: ', (answer) => {
        const size = Number(answer);
        if (Number.isInteger(size) && size >= least && size <= most) return size;
        throw new RangeError(`Enter a whole number from ${least} to ${most}.`);
      }),
    normalisation: () =>
      ask(
        `How were pixels normalised in its training?\n  ${describePresets().join('\n  ')}\n` +
          '  or MEAN,MEAN,MEAN/STD,STD,STD for R, G, B\n> ',
        parseNormalisation,
      ),
  };
}

function report({ card, path, checksum, bytes, input, tap, normalisedBy, check }: AddedModel) {
  const { name, inputSize, featureSize, normalisation, channelOrder, pool } = card;
  return {
    name,
    path,
    checksum,
    bytes,
    inputSize,
    featureSize,
    input: { name: input.name, layout: input.layout, channelOrder, elementType: input.elemType },
    normalisation: { ...normalisation, by: normalisedBy },
    tap: { ...tap, pool },
    check,
  };
}

function print(added: AddedModel): void {
  const { card, path, bytes, input, tap, check } = added;
  const numbers = (values: readonly number[]) => values.map((v) => v.toFixed(1)).join(', ');
  const { mean, std } = card.normalisation;
  const why = {
    classifier: 'the input of the last linear layer',
    output: 'the output of the graph',
    given: 'given by --tap',
  }[tap.kind];
  const isPlain = std.every((s) => s === 1) && mean.every((m) => m === 0);
  const rows = [
    [
      'input',
      `${input.name}: ${card.inputSize} x ${card.inputSize}, ${input.layout}, ${card.channelOrder}`,
    ],
    [
      'normalisation',
      isPlain && added.normalisedBy === 'graph'
        ? 'the graph does it'
        : `(value - [${numbers(mean)}]) / [${numbers(std)}]`,
    ],
    ['features', `${card.featureSize}, from ${tap.tensor} (${tap.shape.join(' x ')}; ${why})`],
    ...(card.pool === 'none' ? [] : [['pooled', card.pool]]),
    [
      'check',
      `features of ${check.pictures} pictures differ by at least ${(100 * check.leastDifference).toFixed(1)} %; ` +
        `${(100 * check.constantShare).toFixed(0)} % of the features are constant`,
    ],
    ['forward pass', `${check.forwardMs.toFixed(1)} ms, one thread`],
    ['file', `${formatBytes(bytes)}, ${path}`],
  ];
  printLine(`${card.name}: added`);
  printLine(table(rows));
  if (added.normalisedBy === 'both') {
    printLine('note: the graph itself seems to normalise pixels; add it again without --normalise');
  }
  printLine('');
  printLine(`Compare it on your photos: headland models compare DIR`);
  printLine(`To use it: models.backbone: ${card.name}, then restart and \`headland train\`.`);
}
