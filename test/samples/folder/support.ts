import type { TestContext } from 'node:test';
import {
  type ImportOptions,
  type ImportReport,
  importFolder,
} from '../../../src/samples/folder/import-folder.js';
import type { SampleStore } from '../../../src/samples/store.js';
import { folderWith } from '../../temporary-folder.js';
import { jpeg } from '../pictures.js';
import { temporaryStore } from '../support.js';

export const LIMITS = { maxBytes: 8_388_608, maxPixels: 25_000_000 };

/** A folder with a picture of its own at each path, and other files. */
export async function pictureFolder(
  t: TestContext,
  paths: readonly string[],
  others: Record<string, string | Uint8Array> = {},
): Promise<string> {
  const files: Record<string, string | Uint8Array> = { ...others };
  for (const [i, path] of paths.entries()) files[path] = await jpeg(i + 1);
  return folderWith(t, files);
}

/** Imports into a store of its own. */
export async function importInto(
  t: TestContext,
  dir: string,
  options: Partial<ImportOptions> = {},
): Promise<{ store: SampleStore; report: ImportReport; codes: string[] }> {
  const { store } = temporaryStore(t);
  const report = await importFolder(store, dir, { limits: LIMITS, ...options });
  return { store, report, codes: report.warnings.map(({ code }) => code) };
}

/** Names of the stored pictures by label. */
export function origins(store: SampleStore): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { label, origin } of store.list()) {
    found[label ?? '-'] = [...(found[label ?? '-'] ?? []), origin ?? ''].sort();
  }
  return found;
}
