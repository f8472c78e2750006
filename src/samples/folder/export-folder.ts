import { link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { temporaryBeside } from '../../base/files/durable-files.js';
import { isFileError } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { syncDirectory } from '../../base/files/sync-directory.js';
import { storeError } from '../../storage/store-error.js';
import { uprightSize } from '../../vision/crop.js';
import { addGeotag } from '../../vision/geotag/geotag.js';
import { sniffFormat } from '../../vision/sniff.js';
import type { Sample } from '../sample.js';
import type { SampleStore } from '../store.js';
import { COCO_EXPORTER } from './exporters/coco-exporter.js';
import { CSV_EXPORTER } from './exporters/csv-exporter.js';
import { CVAT_EXPORTER } from './exporters/cvat-exporter.js';
import { EDGE_IMPULSE_EXPORTER } from './exporters/edge-impulse-exporter.js';
import type { ExportedPicture, Exporter } from './exporters/exporter.js';
import { FOLDER_EXPORTER } from './exporters/folder-exporter.js';
import { LABEL_STUDIO_EXPORTER } from './exporters/label-studio-exporter.js';
import type { SampleFormat } from './exporters/sample-formats.js';
import { YOLO_EXPORTER } from './exporters/yolo-exporter.js';
import { manifestLine } from './manifest.js';

const EXPORTERS = {
  folder: FOLDER_EXPORTER,
  'label-studio': LABEL_STUDIO_EXPORTER,
  cvat: CVAT_EXPORTER,
  coco: COCO_EXPORTER,
  yolo: YOLO_EXPORTER,
  'edge-impulse': EDGE_IMPULSE_EXPORTER,
  csv: CSV_EXPORTER,
} as const satisfies Record<SampleFormat, Exporter>;

export interface ExportOptions {
  /** Default: class folders. */
  format?: SampleFormat;
  /** Also export samples without a label; class folders have them in the folder ".waiting". */
  includeWaiting?: boolean;
  /** Default true. False: no position is written; one that the camera put into a picture stays. */
  includePositions?: boolean;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface ExportReport {
  /** Pictures written. */
  samples: number;
  /** Number of pictures by label. */
  classes: ReadonlyMap<string, number>;
  /** Pictures without a label. */
  waiting: number;
  /** Ids of samples that were left out, because their picture is damaged and the format needs its size. */
  damaged: string[];
  /** Samples that were left out because their picture was thinned out. */
  thinned: number;
}

const PAGE = 500;

/**
 * Exports the pictures as captured, with their position in EXIF and with a manifest: in class folders
 * (`DIR/<label>/<id>.jpg`) or in the layout of an annotation tool. `importFolder` restores all but
 * ids. The export is atomic: it is written under a temporary name next to `dir`, then renamed.
 * @param dir must be missing or empty
 * @throws HeadlandError HL_EXPORT_NOT_EMPTY, HL_EXPORT_WAITING, HL_STORE_FULL, HL_STORE_READ_ONLY,
 *   HL_STORE_…
 */
export async function exportFolder(
  store: SampleStore,
  dir: string,
  options: ExportOptions = {},
): Promise<ExportReport> {
  return writeWhole(dir, (writer) => writeSamples(store, writer, options));
}

/**
 * Writes a folder under a temporary name next to it, then renames it.
 * @param dir must be missing or empty
 * @throws HeadlandError HL_EXPORT_NOT_EMPTY, HL_STORE_…
 */
export async function writeWhole<Result>(
  dir: string,
  write: (writer: FolderWriter) => Promise<Result>,
): Promise<Result> {
  const target = resolve(dir);
  let temporary: string | null = null;
  try {
    await checkEmpty(target);
    temporary = temporaryBeside(target, 'exporting');
    await makeFolder(dirname(target));
    await makeFolder(temporary, 0o700);
    const writer = new FolderWriter(temporary);
    const report = await write(writer);
    await writer.sync();
    await rename(temporary, target);
    await syncDirectory(dirname(target));
    return report;
  } catch (error) {
    if (temporary !== null) await rm(temporary, { recursive: true, force: true });
    if (isNotEmpty(error)) throw notEmpty(target);
    throw storeError(error, target);
  }
}

/** @throws HeadlandError HL_EXPORT_WAITING, HL_STORE_… */
export async function writeSamples(
  store: SampleStore,
  writer: FolderWriter,
  options: ExportOptions,
): Promise<ExportReport> {
  const { format = 'folder' } = options;
  const exporter: Exporter = EXPORTERS[format];
  if (options.includeWaiting && !exporter.takesWaiting) throw noWaiting(format);
  const classes = new Map<string, number>();
  const report: ExportReport = { samples: 0, classes, waiting: 0, damaged: [], thinned: 0 };
  const { waiting, labelled } = store.counts();
  const expected = options.includeWaiting ? labelled + waiting : labelled;
  const pictures: ExportedPicture[] = [];
  const lines: string[] = [];
  for await (const stored of samplesOf(store, options.includeWaiting ?? false)) {
    const sample = asExported(stored, options);
    const bytes = store.picture(sample.id);
    if (bytes === null) {
      if (sample.pictureBytes === 0) report.thinned += 1;
      continue;
    }
    const size = exporter.needsSize ? await sizeOf(bytes) : NO_SIZE;
    if (size === null) {
      report.damaged.push(sample.id);
      continue;
    }
    const file = `${exporter.folderOf(sample)}/${sample.id}.${endingOf(bytes)}`;
    await writer.writePicture(file, sample.id, withPosition(bytes, sample));
    lines.push(manifestLine(sample, file));
    pictures.push({ sample, file, width: size.width, height: size.height });
    report.samples += 1;
    if (sample.label === null) report.waiting += 1;
    else classes.set(sample.label, (classes.get(sample.label) ?? 0) + 1);
    options.onProgress?.({ done: report.samples, total: expected });
  }
  for (const { file, text } of exporter.textsOf(pictures, [...classes.keys()].sort())) {
    await writer.write(file, Buffer.from(text));
  }
  await writer.write(exporter.manifest, Buffer.from(lines.join('')));
  return report;
}

/** Leaves the position out where that is wanted. */
export function asExported(sample: Sample, { includePositions = true }: ExportOptions): Sample {
  return includePositions ? sample : { ...sample, position: null };
}

/** Writes the position into the picture. Not every picture can hold its position; the manifest has it in any case. */
export function withPosition(bytes: Uint8Array, { position }: Sample): Uint8Array {
  return position === null ? bytes : (addGeotag(bytes, position) ?? bytes);
}

const NO_SIZE = { width: 0, height: 0 };
/** The pictures passed the limits of the store when they were admitted. */
const NO_LIMITS = { maxBytes: Number.MAX_SAFE_INTEGER, maxPixels: Number.MAX_SAFE_INTEGER };

/** Null: the picture is damaged. */
async function sizeOf(bytes: Uint8Array): Promise<{ width: number; height: number } | null> {
  return uprightSize(bytes, NO_LIMITS).catch((error: unknown) => {
    if (isHeadlandError(error)) return null;
    throw error;
  });
}

/** Writes files below a folder, each synced; `sync` makes the names durable too. */
export class FolderWriter {
  readonly #folders = new Set<string>();

  /** @param pictures paths of the pictures that were written, by the id of their sample */
  constructor(
    private readonly root: string,
    private readonly pictures = new Map<string, string>(),
  ) {}

  /** A writer for a folder below this one, which shares its pictures. */
  async below(folder: string): Promise<FolderWriter> {
    await this.#make(folder);
    return new FolderWriter(join(this.root, folder), this.pictures);
  }

  /** Writes a picture once: where else it is needed, it becomes a link, if the disk has links. */
  async writePicture(file: string, sampleId: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.root, file);
    const written = this.pictures.get(sampleId);
    await this.#make(dirname(file));
    if (written !== undefined && (await hasLinked(written, path))) return;
    await writeSynced(path, bytes);
    this.pictures.set(sampleId, path);
  }

  async write(file: string, bytes: Uint8Array): Promise<void> {
    await this.#make(dirname(file));
    await writeSynced(join(this.root, file), bytes);
  }

  async sync(): Promise<void> {
    for (const folder of this.#folders) await syncDirectory(join(this.root, folder));
    await syncDirectory(this.root);
  }

  async #make(folder: string): Promise<void> {
    if (folder === '.' || this.#folders.has(folder)) return;
    await this.#make(dirname(folder));
    await mkdir(join(this.root, folder));
    this.#folders.add(folder);
  }
}

/** False: the file system has no links, or no more of them. */
async function hasLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isFileError(error)) return false;
    throw error;
  }
}

async function* samplesOf(store: SampleStore, includeWaiting: boolean): AsyncGenerator<Sample> {
  for (let afterId = ''; ; ) {
    const page = store.list({
      afterId,
      limit: PAGE,
      ...(includeWaiting ? {} : { labelled: true }),
    });
    if (page.length === 0) return;
    yield* page.filter(({ state }) => state === 'labelled' || state === 'waiting');
    afterId = page.at(-1)!.id;
  }
}

/** File name ending of a picture, without the dot. */
export function endingOf(bytes: Uint8Array): string {
  const format = sniffFormat(bytes);
  return format === null ? 'bin' : format === 'jpeg' ? 'jpg' : format;
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function checkEmpty(target: string): Promise<void> {
  const entries = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (entries.length > 0) throw notEmpty(target);
}

function isNotEmpty(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR';
}

function notEmpty(target: string): HeadlandError {
  return new HeadlandError('HL_EXPORT_NOT_EMPTY', `${target} exists and is not an empty folder`, {
    remedy: 'Name a folder that does not exist yet.',
    details: { dir: target },
  });
}

function noWaiting(format: SampleFormat): HeadlandError {
  return new HeadlandError(
    'HL_EXPORT_WAITING',
    `an export as ${format} cannot hold pictures that wait for a label: there, a picture without a box shows nothing`,
    {
      remedy: 'Export without --waiting, or as folder, label-studio, cvat, edge-impulse or csv.',
      details: { format },
    },
  );
}
