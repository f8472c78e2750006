import { createHash } from 'node:crypto';
import { sha256Hex } from '../../base/hash.js';
import { DatabasePages } from '../salvage/database-pages.js';
import { StoredSchema } from '../salvage/schema-rows.js';
import type { SqlValue } from '../values.js';

/** Tables of a backup that are not of the database that it is a copy of. */
export const MANIFEST_TABLE = 'backup_manifest';
export const FILES_TABLE = 'backup_files';

export interface TableDigest {
  rows: number;
  /** SHA-256 of the content of all rows in their order, hex. */
  sha256: string;
}

/** What a backup holds. */
export interface BackupManifest {
  format: 1;
  /** Version of headland. */
  headland: string;
  /** ISO 8601; the clock of a robot may be wrong. */
  createdAt: string;
  /** Of the database: another one after each restoration. */
  storeId: string;
  labelRevision: number;
  /** Labelled samples, of all tasks together. */
  labels: number;
  samples: number;
  /** Without pictures, samples keep labels and features. */
  pictures: boolean;
  tables: Record<string, TableDigest>;
}

/** A file of the state folder in a backup. */
export interface BackupFile {
  /** Below the state folder, with "/". */
  path: string;
  mode: number;
  bytes: Uint8Array;
}

export type BackupContent =
  | { manifest: BackupManifest; problem: null }
  | { manifest: null; problem: string };

/** Reads the manifest of a backup, and nothing else. */
export function readManifest(path: string): BackupContent {
  return withSchema(path, manifestIn);
}

/**
 * Compares every row and every file of a backup with its manifest.
 * @returns what is wrong, one sentence each; empty: the backup is whole
 */
export function findBackupDamage(path: string): string[] {
  return withSchema(path, (schema) => {
    const { manifest, problem } = manifestIn(schema);
    if (manifest === null) return [problem];
    return Object.entries(manifest.tables).flatMap(([name, { rows, sha256 }]) => {
      const found = digestOf(schema, name);
      if (found.sha256 === sha256) return [];
      return [`the table ${name} is damaged (${found.rows} of ${rows} rows can be read)`];
    });
  });
}

/** The files of a backup, in its order. */
export function filesIn(path: string): BackupFile[] {
  return withSchema(path, (schema) =>
    [...schema.rows(FILES_TABLE)].flatMap(([name, mode, bytes]) => {
      const isFile =
        typeof name === 'string' && typeof mode === 'number' && bytes instanceof Uint8Array;
      return isFile ? [{ path: name, mode, bytes }] : [];
    }),
  );
}

/** Digests of all tables but that of the manifest. */
export function digestsOf(path: string): Record<string, TableDigest> {
  return withSchema(path, (schema) => {
    const names = schema.entries
      .filter(({ type, name }) => type === 'table' && name !== MANIFEST_TABLE)
      .map(({ name }) => name);
    return Object.fromEntries(names.map((name) => [name, digestOf(schema, name)]));
  });
}

function withSchema<T>(path: string, read: (schema: StoredSchema) => T): T {
  const pages = new DatabasePages(path);
  try {
    return read(new StoredSchema(pages));
  } finally {
    pages.close();
  }
}

function manifestIn(schema: StoredSchema): BackupContent {
  const [row] = schema.rows(MANIFEST_TABLE);
  if (row === undefined) return { manifest: null, problem: 'it is not a backup of headland' };
  const [, text, digest] = row;
  if (typeof text !== 'string' || sha256Hex(text) !== digest) {
    return { manifest: null, problem: 'its manifest is damaged' };
  }
  // Its digest shows that headland has written it.
  const manifest = JSON.parse(text) as BackupManifest;
  if (manifest.format === 1) return { manifest, problem: null };
  return { manifest: null, problem: `its format ${manifest.format} is of a later headland` };
}

function digestOf(schema: StoredSchema, name: string): TableDigest {
  const hash = createHash('sha256');
  let rows = 0;
  for (const values of schema.rows(name)) {
    rows += 1;
    for (const value of values) addValue(hash, value);
    hash.update(';');
  }
  return { rows, sha256: hash.digest('hex') };
}

function addValue(hash: ReturnType<typeof createHash>, value: SqlValue): void {
  if (value instanceof Uint8Array) hash.update(`b${value.length}:`).update(value);
  else if (typeof value === 'string') hash.update(`t${value.length}:`).update(value);
  else hash.update(`${value},`);
}
