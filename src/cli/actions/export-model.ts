import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { exportHead } from '../../agent/brain/export-head.js';
import { openState } from '../../agent/open-state.js';
import { addedCardsDir } from '../../agent/seeing/perception-settings.js';
import { loadCard } from '../../backbone/card-folders.js';
import { HeadlandError } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import type { ExportFormat } from '../../models/export/export-as.js';
import { exportableHead } from '../../models/export/exportable-head.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';
import { showProgress } from '../progress/progress.js';
import { commandLog } from '../support/command-log.js';
import { fetchBackbone } from '../support/fetch-backbone.js';
import { formatBytes, printJson, printLine } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { TaskOptions } from '../support/state-options.js';

export interface ExportModelOptions extends TaskOptions {
  head?: number;
  format: ExportFormat;
  json?: boolean;
}

/** File extensions of other model formats, which are no TensorFlow.js folder. */
const FOREIGN_ENDING =
  /\.(?:onnx|tflite|lite|pb|h5|hdf5|keras|pt|pth|mlmodel|mlpackage|engine|trt|json|bin|zip)$/i;

export async function exportModel(file: string, options: ExportModelOptions): Promise<void> {
  checkTarget(file, options.format);
  const config = resolveConfig(options);
  const log = commandLog();
  const state = openState(config, log);
  const progress = showProgress();
  try {
    const stored = await chosenHead(state.task(options.task).heads, options.head);
    const { card: headCard } = stored;
    const head = exportableHead(stored.head);
    const { fit } = headCard.backbone;
    const { cardsDir } = config.models;
    const card = await loadCard(headCard.backbone.name, cardsDir, addedCardsDir(config));
    await fetchBackbone(config, log, card.name);
    progress.begin(`joining ${card.name} and head ${headCard.version}`);
    const { exported, difference } = await exportHead(
      stored,
      {
        format: options.format,
        cardsDir,
        addedCardsDir: addedCardsDir(config),
        cacheDir: config.paths.cacheDir,
        maxErrorShare: config.inference.maxErrorShare,
      },
      log,
    );
    await exported.write(file).catch((error: unknown) => {
      if (!isFileError(error)) throw error;
      // checkTarget has found the folder, so ENOENT means that no file can be created in it.
      const problem = error.code === 'ENOENT' ? 'cannot create a file there' : fileProblem(error);
      throw unwritable(file, problem, error);
    });
    const { names } = exported;
    const result = {
      file,
      format: options.format,
      bytes: exported.bytes,
      head_version: headCard.version,
      labels: head.labels,
      ...names,
      max_difference: difference,
    };
    progress.stop();
    if (options.json) return printJson(result);
    printLine(`${file}: ${formatBytes(exported.bytes)}, head ${headCard.version} on ${card.name}`);
    printLine(`  in:  ${names.input}, ${exported.shape}, RGB 0..255 (${fit})`);
    printLine(`  out: ${names.probabilities}, 1 x ${head.labels.length}; ${names.features}`);
    printLine(`  largest difference from the daemon's answers: ${difference.toExponential(1)}`);
  } finally {
    progress.stop();
    state.close();
  }
}

/**
 * Refuses an unusable target before minutes of work.
 * @throws HeadlandError HL_EXPORT_ENDING, HL_EXPORT_UNWRITABLE
 */
function checkTarget(file: string, format: ExportFormat): void {
  const isRight =
    format === 'onnx' ? extname(file).toLowerCase() === '.onnx' : !FOREIGN_ENDING.test(file);
  if (!isRight) {
    throw new HeadlandError(
      'HL_EXPORT_ENDING',
      format === 'onnx'
        ? `${basename(file)} does not end with .onnx`
        : `a TensorFlow.js model is a folder, not a file such as ${basename(file)}`,
      {
        remedy:
          'Give FILE.onnx for ONNX, or DIR --format tfjs for TensorFlow.js. Other tools convert ONNX to other formats.',
        details: { file, format },
      },
    );
  }
  if (format === 'tfjs') return;
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw unwritable(file, `the folder ${folder} does not exist`);
  if (!statSync(folder).isDirectory()) throw unwritable(file, `${folder} is not a folder`);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw unwritable(file, 'it is a folder');
  }
}

function unwritable(file: string, problem: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_EXPORT_UNWRITABLE', `cannot write ${file}: ${problem}`, {
    remedy: 'Name a file in a folder that exists and that this user may write.',
    details: { file },
    cause,
  });
}

async function chosenHead(heads: HeadRegistry, version?: number): Promise<StoredHead> {
  const chosen = version ?? (await heads.current());
  if (chosen !== null) return heads.load(chosen);
  throw new HeadlandError('HL_EXPORT_NO_HEAD', 'no head serves', {
    remedy:
      'Train (`headland train`), or name a version that `headland models heads` lists: --head VERSION.',
  });
}
