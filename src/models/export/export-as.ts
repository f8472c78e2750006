import { OnnxCodec } from '../../backbone/engines/onnx-proto.js';
import { openTfjs } from '../../backbone/engines/tfjs-library.js';
import { tfjsFiles, unpackTfjs } from '../../backbone/engines/tfjs-model.js';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeDirectoryDurably, writeFileDurably } from '../../base/files/durable-files.js';
import type { Log } from '../../base/log.js';
import { tfjsFromOnnx } from '../convert-model.js';
import { ExportedModel, openExportedTfjs, type Runnable } from './export-run.js';
import { joinGraphHead } from './export-tfjs-graph.js';
import { joinLayersHead } from './export-tfjs-layers.js';
import {
  type ExportedHead,
  type ExportedNames,
  type ExportOptions,
  joinHead,
} from './join-head.js';

export type ExportFormat = 'onnx' | 'tfjs';

/** A joined model before it is written. */
export interface Exported {
  names: ExportedNames;
  /** Shape of the input, in words. */
  shape: string;
  /** Size of all its files. */
  bytes: number;
  /** Its only file; null: it has several. */
  file: Uint8Array | null;
  /** Largest difference from the daemon's probabilities. */
  tolerance: number;
  /** Loads the model in the way of any other program. */
  open(): Promise<Runnable>;
  /** @throws HeadlandError HL_EXPORT_NOT_EMPTY */
  write(path: string): Promise<void>;
}

/** Shards of this size suit browser caches; TensorFlow's own converter makes the same. */
const SHARD_BYTES = 4 * 1024 * 1024;
/** Same engine and same weights: only the order of a few sums may differ. */
const SAME_ENGINE = 1e-5;
/** Another engine computes the sums of every layer in another order. */
const OTHER_ENGINE = 1e-4;

/**
 * Joins a cached backbone and a head in the given format.
 * @param backbone as it is in the cache.
 * @throws HeadlandError HL_EXPORT_FORMAT, HL_EXPORT_MISMATCH, HL_EXPORT_OPSET, HL_EXPORT_TRANSFORM,
 *   HL_MODEL_TFJS_INVALID, HL_TFJS_UNAVAILABLE
 */
export async function exportAs(
  format: ExportFormat,
  backbone: Uint8Array,
  head: ExportedHead,
  options: ExportOptions & { log: Log },
): Promise<Exported> {
  if (format === 'tfjs') return exportTfjs(backbone, head, options);
  const { card } = options;
  if (card.engine !== 'onnx') {
    throw new HeadlandError(
      'HL_EXPORT_FORMAT',
      `backbone ${card.name} runs on TensorFlow.js and has no ONNX form`,
      { remedy: 'Export it as TensorFlow.js: --format tfjs.' },
    );
  }
  const { model, names } = joinHead(backbone, head, options);
  return {
    names,
    shape: `1 x 3 x ${card.inputSize} x ${card.inputSize}`,
    bytes: model.length,
    file: model,
    tolerance: SAME_ENGINE,
    open: () => ExportedModel.open(model, names),
    write: (path) => writeFileDurably(path, model),
  };
}

async function exportTfjs(
  backbone: Uint8Array,
  head: ExportedHead,
  options: ExportOptions & { log: Log },
): Promise<Exported> {
  const { card } = options;
  const sameEngine = card.engine === 'tfjs';
  const own = sameEngine
    ? unpackTfjs(backbone)
    : tfjsFromOnnx(new OnnxCodec().decode(backbone), card);
  const { tf } = await openTfjs(options.log);
  const joined =
    own.format === 'graph-model'
      ? joinGraphHead(own, head, options)
      : await joinLayersHead(own, head, options, tf);
  const files = tfjsFiles(joined.model, SHARD_BYTES);
  return {
    names: joined.names,
    shape: `N x ${card.inputSize} x ${card.inputSize} x 3`,
    file: null,
    bytes: Object.values(files).reduce((sum, { length }) => sum + length, 0),
    tolerance: sameEngine ? SAME_ENGINE : OTHER_ENGINE,
    open: () => openExportedTfjs(tf, joined),
    write: (path) => writeFolder(path, files),
  };
}

async function writeFolder(path: string, files: Record<string, Uint8Array>): Promise<void> {
  try {
    await writeDirectoryDurably(path, files);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOTDIR') throw cause;
    throw new HeadlandError(
      'HL_EXPORT_NOT_EMPTY',
      `${path} exists and is not an empty folder: ${messageOf(cause)}`,
      { remedy: 'Name a folder that does not exist yet: a TensorFlow.js model is several files.' },
    );
  }
}
