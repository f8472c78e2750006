import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { temporaryBeside } from '../../base/files/durable-files.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { storeError } from '../../storage/store-error.js';
import { sniffFormat } from '../../vision/sniff.js';
import type { Sample } from '../sample.js';
import type { SampleStore } from '../store.js';
import { WAITING_FOLDER } from './found.js';
import { MANIFEST_FILE, manifestLine } from './manifest.js';

export interface ExportOptions {
  /** Also export samples without a label, to the folder ".waiting". */
  includeWaiting?: boolean;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface ExportReport {
  /** Pictures written. */
  samples: number;
  /** Number of pictures by label. */
  classes: ReadonlyMap<string, number>;
  /** Pictures in ".waiting". */
  waiting: number;
}

const PAGE = 500;

/**
 * Exports the samples as class folders of the captured pictures (`DIR/<label>/<id>.jpg`), with a
 * manifest `samples.jsonl`; `importFolder` restores it without loss. The export is atomic: it is
 * written under a temporary name next to `dir`, then renamed.
 * @param dir must be missing or empty
 * @throws HeadlandError HL_EXPORT_NOT_EMPTY, HL_STORE_FULL, HL_STORE_READ_ONLY, HL_STORE_…
 */
export async function exportFolder(
  store: SampleStore,
  dir: string,
  options: ExportOptions = {},
): Promise<ExportReport> {
  const target = resolve(dir);
  let temporary: string | null = null;
  try {
    await checkEmpty(target);
    temporary = temporaryBeside(target, 'exporting');
    await makeFolder(dirname(target));
    await makeFolder(temporary, 0o700);
    const report = await writeSamples(store, temporary, options);
    await rename(temporary, target);
    await syncFolder(dirname(target));
    return report;
  } catch (error) {
    if (temporary !== null) await rm(temporary, { recursive: true, force: true });
    if (isNotEmpty(error)) throw notEmpty(target);
    throw storeError(error, target);
  }
}

async function writeSamples(
  store: SampleStore,
  dir: string,
  options: ExportOptions,
): Promise<ExportReport> {
  const classes = new Map<string, number>();
  const report: ExportReport = { samples: 0, classes, waiting: 0 };
  const { total, labelled } = store.counts();
  const expected = options.includeWaiting ? total : labelled;
  const folders = new Set<string>();
  const lines: string[] = [];
  for await (const sample of samplesOf(store, options.includeWaiting ?? false)) {
    const bytes = store.picture(sample.id);
    if (bytes === null) continue;
    const folder = sample.label ?? WAITING_FOLDER;
    if (!folders.has(folder)) await mkdir(join(dir, folder));
    folders.add(folder);
    const file = `${folder}/${sample.id}.${endingOf(bytes)}`;
    await writeSynced(join(dir, file), bytes);
    lines.push(manifestLine(sample, file));
    report.samples += 1;
    if (sample.label === null) report.waiting += 1;
    else classes.set(sample.label, (classes.get(sample.label) ?? 0) + 1);
    options.onProgress?.({ done: report.samples, total: expected });
  }
  await writeSynced(join(dir, MANIFEST_FILE), Buffer.from(lines.join('')));
  for (const folder of folders) await syncFolder(join(dir, folder));
  await syncFolder(dir);
  return report;
}

async function* samplesOf(store: SampleStore, includeWaiting: boolean): AsyncGenerator<Sample> {
  for (let afterId = ''; ; ) {
    const page = store.list({
      afterId,
      limit: PAGE,
      ...(includeWaiting ? {} : { labelled: true }),
    });
    if (page.length === 0) return;
    yield* page;
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

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
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
