import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HeadlandError, isHeadlandError } from '../../base/errors.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { normaliseLabel } from '../../base/words/label.js';
import { diskFreeBytes } from '../../host/board-readings.js';
import { type ArchiveBounds, unpackArchive } from '../../samples/archive/unpack-archive.js';
import { type Obstacle, WAITING_FOLDER } from '../../samples/folder/found.js';
import { type ImportOptions, importFolder } from '../../samples/folder/import-folder.js';
import type { SampleStore } from '../../samples/store.js';
import { storeError } from '../../storage/store-error.js';

export interface PictureImportOptions extends Pick<ImportOptions, 'limits' | 'gapMs'> {
  stateDir: string;
  /** Of a request, and of what is unpacked of an archive. */
  maxBytes: number;
  /** Stays free on the disk. */
  minFreeBytes: number;
  minLabelsPerClass: number;
}

/** What was taken of an image or an archive. */
export interface Taken {
  stored: number;
  /** In the store already, or several times in the archive. */
  duplicates: number;
  refused: Pick<Obstacle, 'origin' | 'code' | 'message'>[];
}

const MAX_FILES = 200_000;
/** Tables and exports of annotation tools may be larger than one picture. */
const MAX_TABLE_BYTES = 64_000_000;
/** Names of folders that a run left behind. */
const FOLDER_PREFIX = '.importing-';
const ENDINGS: Readonly<Record<string, string>> = {
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
};

/** Imports what a person drops on the page, as `headland import` does. */
export class PictureImport {
  #isBusy = false;

  constructor(private readonly options: PictureImportOptions) {}

  /**
   * @param name of the file, or its path below the dropped folder
   * @param label of all pictures; null: the folder in `name`, or those in the archive
   * @throws HeadlandError HL_IMPORT_RUNNING, HL_CONSOLE_BODY_TOO_LARGE, HL_DISK_LOW, HL_ARCHIVE_…,
   *   HL_IMPORT_…, HL_LABEL_INVALID, HL_STORE_…
   */
  async take(
    store: SampleStore,
    { name, label }: { name: string; label: string | null },
    body: { mediaType: string; bytes: Readable },
  ): Promise<Taken> {
    if (this.#isBusy) throw busy();
    this.#isBusy = true;
    const { stateDir } = this.options;
    let dir: string | null = null;
    try {
      await makeFolder(stateDir);
      dir = await mkdtemp(join(stateDir, FOLDER_PREFIX));
      return body.mediaType === 'application/zip'
        ? await this.#archive(store, dir, label, body.bytes)
        : await this.#picture(store, dir, { name, label }, body);
    } catch (error) {
      throw storeError(error, stateDir);
    } finally {
      if (dir !== null) await rm(dir, { recursive: true, force: true }).catch(() => undefined);
      this.#isBusy = false;
    }
  }

  async #archive(
    store: SampleStore,
    dir: string,
    label: string | null,
    bytes: Readable,
  ): Promise<Taken> {
    const path = join(dir, 'archive.zip');
    await this.#receive(bytes, path);
    const folder = join(dir, 'unpacked');
    await makeFolder(folder, 0o700);
    const refused = await unpackArchive(path, folder, this.#bounds());
    const taken = await this.#import(store, await withinWrapper(folder), label);
    return { ...taken, refused: [...refused, ...taken.refused] };
  }

  async #picture(
    store: SampleStore,
    dir: string,
    { name, label }: { name: string; label: string | null },
    { mediaType, bytes }: { mediaType: string; bytes: Readable },
  ): Promise<Taken> {
    const parent = basename(dirname(name.replaceAll('\\', '/')));
    const own = label ?? (/^\.*$/.test(parent) ? null : parent);
    // A file name of the person's computer is only shown, never used as a path.
    const ending = ENDINGS[mediaType] ?? extname(name);
    const folder = join(dir, 'dropped');
    const file = `${fileStem(name)}${ending}`;
    const path = join(folder, own === null ? WAITING_FOLDER : '', file);
    await makeFolder(dirname(path), 0o700);
    await this.#receive(bytes, path);
    return this.#import(store, folder, own);
  }

  async #import(store: SampleStore, dir: string, label: string | null): Promise<Taken> {
    const { limits, gapMs, minLabelsPerClass, stateDir } = this.options;
    const before = store.counts();
    try {
      const report = await importFolder(store, dir, {
        limits,
        ...(gapMs === undefined ? {} : { gapMs }),
        minLabelsPerClass,
        ...(label === null ? {} : { label: normaliseLabel(label) }),
        quarantineDir: join(stateDir, 'quarantine'),
      });
      const left = report.warnings.filter(({ code }) => code === 'HL_IMPORT_IN_TRASH');
      return {
        stored: report.imported,
        duplicates: report.duplicates,
        refused: [
          ...report.quarantined,
          ...left.map(({ code, message }) => ({
            origin: message.split(': ', 1)[0] ?? '',
            code,
            message,
          })),
        ],
      };
    } catch (error) {
      // Of a full store, what was stored before stays, and the page must know.
      const stored = store.counts().total - before.total;
      if (!isHeadlandError(error)) throw error;
      if (stored === 0) throw withoutPath(error, dir);
      const { code, message } = error;
      return { stored, duplicates: 0, refused: [{ origin: '', code, message }] };
    }
  }

  /** Writes the body of a request to a file. */
  async #receive(bytes: Readable, path: string): Promise<void> {
    const room = this.#room();
    let size = 0;
    const bounded = new Transform({
      transform: (chunk: Buffer, _, done) => {
        size += chunk.length;
        if (size > this.options.maxBytes) done(tooLarge(this.options.maxBytes));
        else if (size > room) done(diskLow(room));
        else done(null, chunk);
      },
    });
    // Not part of the pipeline, which would end the connection before the person gets an answer.
    bytes.once('error', (error) => bounded.destroy(error));
    bytes.once('close', () => {
      if (!bytes.readableEnded) bounded.destroy(left());
    });
    bytes.pipe(bounded);
    try {
      await pipeline(bounded, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    } finally {
      bytes.resume();
    }
  }

  #bounds(): ArchiveBounds {
    const { limits, maxBytes } = this.options;
    return {
      maxFileBytes: Math.max(limits.maxBytes, MAX_TABLE_BYTES),
      maxBytes: Math.min(maxBytes, this.#room()),
      maxFiles: MAX_FILES,
    };
  }

  /** Bytes that may be written. */
  #room(): number {
    const { stateDir, minFreeBytes } = this.options;
    const free = diskFreeBytes(stateDir);
    return free === null ? Number.MAX_SAFE_INTEGER : Math.max(0, free - minFreeBytes);
  }
}

/** An archive of one folder often holds that folder: its name is no class if it has folders itself. */
async function withinWrapper(folder: string): Promise<string> {
  const [only, ...others] = await readdir(folder, { withFileTypes: true });
  if (!only?.isDirectory() || others.length > 0) return folder;
  const inside = join(folder, only.name);
  const entries = await readdir(inside, { withFileTypes: true });
  return entries.some((entry) => entry.isDirectory()) ? inside : folder;
}

/** The error without the path of the temporary folder, which says nothing to the person. */
function withoutPath(error: HeadlandError, dir: string): HeadlandError {
  const plain = (text: string): string =>
    text.replaceAll(`${dir}/`, '').replaceAll(dir, 'what you dropped');
  return new HeadlandError(error.code, plain(error.message), {
    remedy: plain(error.remedy),
    cause: error,
  });
}

function left(): HeadlandError {
  return new HeadlandError(
    'HL_CONSOLE_BODY_INVALID',
    'the connection ended before the body was complete',
    { remedy: 'Send the request again.' },
  );
}

/** A name that every file system takes, without an ending. */
function fileStem(name: string): string {
  const stem = basename(name.replaceAll('\\', '/'), extname(name));
  const plain = stem.replaceAll(/[^\p{L}\p{N} ._-]/gu, '_').replace(/^\.+/, '');
  return [...plain].slice(0, 60).join('') || 'picture';
}

function busy(): HeadlandError {
  return new HeadlandError('HL_IMPORT_RUNNING', 'another import is running', {
    remedy: 'Wait for its end, then import again.',
  });
}

function tooLarge(maxBytes: number): HeadlandError {
  return new HeadlandError(
    'HL_CONSOLE_BODY_TOO_LARGE',
    `the file is larger than ${maxBytes} bytes`,
    {
      remedy: 'Import it in parts, or raise console.maxImportBytes.',
      details: { maxBytes },
    },
  );
}

function diskLow(room: number): HeadlandError {
  return new HeadlandError('HL_DISK_LOW', `only ${room} bytes may be written to the disk`, {
    remedy: 'Free space on the disk of paths.stateDir, or lower samples.minFreeBytes.',
    details: { room },
  });
}
