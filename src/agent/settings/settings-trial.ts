import { existsSync, readFileSync } from 'node:fs';
import { lchown, readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { codeOf, HeadlandError, type SerialisedError, serialiseError } from '../../base/errors.js';
import { removeDurably, writeFileDurably } from '../../base/files/durable-files.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { sha256Hex } from '../../base/hash.js';

/** Of a new file: the daemon, which may run as another user, must read it. */
const MODE = 0o644;

const record = z.strictObject({
  /** Of the content on trial; null: the file was removed. */
  checksum: z.string().nullable(),
  /** The last content that the daemon has run with; null: there was no file. */
  previous: z.string().nullable(),
  /** A daemon has begun to run with it. */
  begun: z.boolean(),
});
type TrialRecord = z.infer<typeof record>;

const undoneRecord = z.strictObject({
  code: z.string().startsWith('HL_'),
  message: z.string(),
  remedy: z.string(),
});

/**
 * Writes a file of settings so that no content can keep the daemon from running: new content is on trial
 * until a daemon has run with it. If that fails, or if the process or the board ends before, the content
 * before comes back. The record of a trial lies beside the file, for the daemon may end at any time.
 */
export class SettingsTrial {
  /** @param path of the file, no symbolic link */
  constructor(readonly path: string) {}

  /**
   * Writes content in one step and puts it on trial. The content before is kept as `.bak`; the file keeps
   * its owner and permissions.
   * @param text null: removes the file
   * @param begun a daemon runs with it at once; false: the next one that starts
   * @throws HeadlandError HL_SETTINGS_UNWRITABLE
   */
  async write(text: string | null, begun: boolean): Promise<void> {
    try {
      const present = textOf(this.path);
      // Content that no daemon has run with is nothing to go back to.
      const pending = this.#record();
      const previous = pending === null ? present : pending.previous;
      await this.#note({ checksum: checksumOf(text), previous, begun });
      if (present !== null) await this.#keep('.bak');
      await this.#put(text);
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }

  /** A daemon starts. @returns the content on trial must be given up: a daemon has failed with it before */
  async begin(): Promise<boolean> {
    const pending = this.#record();
    if (pending === null) return false;
    if (pending.begun) return true;
    await this.#note({ ...pending, begun: true });
    return false;
  }

  /** The daemon ended for another reason: the next one tries again. */
  async postpone(): Promise<void> {
    const pending = this.#record();
    if (pending !== null) await this.#note({ ...pending, begun: false });
  }

  /** A daemon runs with the content. Durable when it resolves. */
  async pass(): Promise<void> {
    if (existsSync(this.#recordPath)) await removeDurably(this.#recordPath);
  }

  /**
   * Brings the content before back, and keeps the other as `.refused`.
   * @returns false: nothing is on trial
   */
  async undo(reason: unknown): Promise<boolean> {
    const pending = this.#record();
    if (pending === null) return false;
    if (textOf(this.path) !== null) await this.#keep('.refused');
    await this.#put(pending.previous);
    const { code, message, remedy } = serialiseError(reason);
    await writeFileDurably(this.#undonePath, JSON.stringify({ code, message, remedy }), 0o600);
    await this.pass();
    return true;
  }

  /** Why content was undone, told once; null: none was. */
  async takeUndone(): Promise<HeadlandError | null> {
    const text = textOf(this.#undonePath);
    if (text === null) return null;
    await removeDurably(this.#undonePath);
    const { success, data } = undoneRecord.safeParse(parsed(text));
    return success
      ? undone(this.path, { ...data, code: data.code as SerialisedError['code'], details: {} })
      : null;
  }

  /** Null: nothing is on trial, or somebody has edited the file since. */
  #record(): TrialRecord | null {
    const text = textOf(this.#recordPath);
    if (text === null) return null;
    const { success, data } = record.safeParse(parsed(text));
    return success && data.checksum === checksumOf(textOf(this.path)) ? data : null;
  }

  async #note(trial: TrialRecord): Promise<void> {
    await writeFileDurably(this.#recordPath, JSON.stringify(trial), 0o600);
  }

  /** Keeps the present content beside the file. */
  async #keep(ending: string): Promise<void> {
    const [bytes, { mode }] = await Promise.all([readFile(this.path), stat(this.path)]);
    await writeFileDurably(`${this.path}${ending}`, bytes, mode & 0o777);
  }

  async #put(text: string | null): Promise<void> {
    if (text === null) {
      await removeDurably(this.path);
      return;
    }
    const existing = await stat(this.path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    await writeFileDurably(this.path, text, existing === null ? MODE : existing.mode & 0o777);
    if (existing !== null && process.geteuid?.() === 0) {
      await lchown(this.path, existing.uid, existing.gid);
    }
  }

  get #recordPath(): string {
    return `${this.path}.trial`;
  }

  get #undonePath(): string {
    return `${this.path}.undone`;
  }
}

/** Null: there is no file, or it cannot be read. */
export function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checksumOf(text: string | null): string | null {
  return text === null ? null : sha256Hex(text);
}

/** @param reason why the settings could not run */
export function undone(path: string, reason: SerialisedError): HeadlandError {
  return new HeadlandError(
    'HL_SETTINGS_UNDONE',
    `the settings made on the page could not run, and those before are back: ${reason.code}: ${reason.message}`,
    {
      remedy: `${reason.remedy} The refused settings are in ${path}.refused.`,
      details: { path },
    },
  );
}

function unwritable(path: string, cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_SETTINGS_UNWRITABLE',
    `cannot write ${path}: ${fileProblem(cause)}`,
    {
      remedy:
        'Make room on the disk, or let the user of the daemon write the folder; until then edit the configuration file with an editor.',
      details: { path },
      cause,
    },
  );
}
