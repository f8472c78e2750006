import { appendFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileProblem } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { sha256Hex } from '../../base/hash.js';
import { cutToBytes, visible } from '../../base/words/text.js';
import type { Obstacle } from './found.js';

/** One line a refused picture, beside the copies. */
export const QUARANTINE_FILE = 'quarantine.jsonl';
/** Below the 255 bytes that a name may have: a person may want to add something to it. */
const MAX_NAME_BYTES = 200;

/**
 * Copies of pictures that could not be imported, each with its reason. The same bytes are kept and
 * listed once, however often they are tried. The imported folder itself is never changed.
 */
export class Quarantine {
  /** The first reason why a copy could not be kept: never a reason to end the import. */
  failure: string | null = null;

  /** @param dir made when needed; null = reasons stand in the report only */
  constructor(private readonly dir: string | null) {}

  /** @param bytes null for what is not copied: too large, or out of reach */
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
      await appendFile(join(this.dir, QUARANTINE_FILE), `${JSON.stringify(line)}\n`, {
        mode: 0o600,
      });
    } catch (error) {
      this.failure ??= fileProblem(error);
    }
  }

  /** The reason is kept also where the copy cannot be. */
  async #copy(name: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await writeFile(join(this.dir ?? '', name), bytes, { mode: 0o600 });
      return true;
    } catch (error) {
      this.failure ??= fileProblem(error);
      return false;
    }
  }
}

/** Shortened in the middle, so that the ending stays. */
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
