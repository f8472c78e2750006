import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NewSample } from '../../src/samples/sample.js';
import { SampleStore, type SampleStoreOptions } from '../../src/samples/store.js';
import { type Database, openDatabase } from '../../src/storage/database.js';
import { temporaryFolder } from '../temporary-folder.js';

export function openStore(
  path: string,
  options: Partial<SampleStoreOptions> = {},
): { database: Database; store: SampleStore } {
  const database = openDatabase(path);
  const store = new SampleStore(database, {
    holdoutShare: 0.2,
    holdoutAfterSamples: 0,
    maxPictureStoreBytes: 1_000_000_000,
    ...options,
  });
  return { database, store };
}

/** A store in a private folder, closed and removed after the test. */
export function temporaryStore(
  t: TestContext,
  options: Partial<SampleStoreOptions> = {},
): { database: Database; store: SampleStore; path: string } {
  const path = join(temporaryFolder(t), 'headland.db');
  const opened = openStore(path, options);
  t.after(() => opened.database.close());
  return { ...opened, path };
}

/** The store never looks inside pictures: any bytes will do where none is decoded. */
export function newSample(content: string, given: Partial<NewSample> = {}): NewSample {
  return {
    jpeg: Buffer.from(`picture ${content}`),
    label: null,
    labelSource: given.label == null ? null : 'cli',
    group: 'group-1',
    source: 'main',
    capturedAtMs: 1_700_000_000_000,
    origin: null,
    dhash: '0123456789abcdef',
    ...given,
  };
}

/** Photos and models that are not part of the project; tests skip themselves without them. */
export function sharedFolder(): string {
  const besideCheckout = fileURLToPath(new URL('../../../../shared', import.meta.url));
  return process.env.HEADLAND_SHARED ?? besideCheckout;
}

/** Mounts a private tmpfs; null (and the test is skipped) where that is not allowed. */
export function smallDisk(t: TestContext, size: string): string | null {
  const disk = mkdtempSync(join(tmpdir(), 'headland-disk-'));
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
  t.after(() => {
    if (mount.status === 0) execFileSync('umount', ['--lazy', disk]);
    rmdirSync(disk);
  });
  if (mount.status === 0) return disk;
  t.skip('mounting a tmpfs needs root');
  return null;
}
