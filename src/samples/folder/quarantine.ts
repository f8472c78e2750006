import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { appendLineDurably, writeFileDurably } from '../../base/files/durable-files.js';
import { fileProblem } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { sha256Hex } from '../../base/hash.js';
import { cutToBytes, visible } from '../../base/words/text.js';
import type { Obstacle } from './found.js';

/** Lists the refused pictures, one per line, beside their copies. */
export const QUARANTINE_FILE = 'quarantine.jsonl';
/** Below the 255 bytes of a file name, so that a user can append to it. */
const MAX_NAME_BYTES = 200;

/**
 * Keeps copies of refused pictures, each with its reason. The same bytes are copied and listed
 * once, even if imported repeatedly. The imported folder itself is never changed.
 */
export class Quarantine {
  /** Reason of the first failed copy, which does not stop the import; null: none. */
  failure: string | null = null;

  /** @param dir created when needed; null = reasons are only in the report */
  constructor(private readonly dir: string | null) {}

  /** @param bytes null when there is nothing to copy: too large or unreadable */
  async add(obstacle: Obstacle, bytes: Uint8Array | null): Promise<void> {
    if (this.dir === null) return;
    const identity = sha256Hex(bytes ?? Buffer.from(obstacle.origin)).slice(0, 16);
    const name = `${identity}-${cutName(visible(basename(obstacle.origin)), MAX_NAME_BYTES)}`;
    try {
      await makeFolder(this.dir, 0o700);
      if (bytes !== null && (await exists(join(this.dir, name)))) return;
      const copy = bytes !== null && (await this.#copy(name, bytes)) ? name : null;
      const { origin, code, message, remedy } = obstacle;
      const line = { origin, code, message, remedy, copy, at: new Date().toISOString() };
      await appendLineDurably(join(this.dir, QUARANTINE_FILE), JSON.stringify(line), 0o600);
    } catch (error) {
      this.failure ??= fileProblem(error);
    }
  }

  /** Copies a picture; the reason is listed even if the copy fails. */
  async #copy(name: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await writeFileDurably(join(this.dir ?? '', name), bytes, 0o600);
      return true;
    } catch (error) {
      this.failure ??= fileProblem(error);
      return false;
    }
  }
}

/** Shortens a file name but keeps its ending. */
function cutName(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const ending = /\.[^.]{1,16}$/.exec(name)?.[0] ?? '';
  const room = maxBytes - Buffer.byteLength(ending) - 1;
  return `${cutToBytes(name.slice(0, name.length - ending.length), room)}~${ending}`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
