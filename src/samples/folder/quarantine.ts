import { appendFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf } from '../../base/errors.js';
import { sha256Hex } from '../../base/hash.js';
import type { Obstacle } from './walk.js';

/** One line a refused picture, beside the copies. */
export const QUARANTINE_FILE = 'quarantine.jsonl';

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
    const copy = `${identity}-${basename(obstacle.origin)}`.slice(0, 200);
    try {
      await mkdir(this.dir, { recursive: true, mode: 0o700 });
      if (bytes !== null) {
        const path = join(this.dir, copy);
        if (await exists(path)) return;
        await writeFile(path, bytes, { mode: 0o600 });
      }
      const line = {
        ...obstacle,
        copy: bytes === null ? null : copy,
        at: new Date().toISOString(),
      };
      await appendFile(join(this.dir, QUARANTINE_FILE), `${JSON.stringify(line)}\n`, {
        mode: 0o600,
      });
    } catch (error) {
      this.failure ??= messageOf(error);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
