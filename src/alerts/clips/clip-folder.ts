import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { writeFileDurably } from '../../base/files/durable-files.js';
import { makeFolderSync } from '../../base/files/make-folder.js';

/** The number comes first: the clock of the board may have been set back. */
const CLIP = /^(\d{6,})-.*\.avi$/;
/** What a killed writer leaves: see `temporaryBeside`. */
const PARTIAL = /^\..*\.tmp$/;

/** The clips of alerts on the disk. Their sizes together stay within a limit: the oldest goes first. */
export class ClipFolder {
  #isOpen = false;
  #wasOpened = false;
  /** Number of the newest clip. */
  #last = 0;
  /** Clips are written one after another. */
  #writing: Promise<unknown> = Promise.resolve();

  /**
   * @param limits no clip is written while less than `minFreeBytes` are free on the disk
   * @param freeBytes of the disk; null: not known
   */
  constructor(
    readonly path: string,
    private readonly limits: { maxBytes: number; minFreeBytes: number },
    private readonly freeBytes: () => number | null,
  ) {}

  /**
   * Creates the folder, and proves that it can be written. The first time, removes what a killed writer
   * left: later, a partial file is the clip that is being written.
   * @throws HeadlandError HL_CLIP_UNWRITABLE
   */
  open(): void {
    this.#isOpen = false;
    try {
      makeFolderSync(this.path, 0o750);
      const names = readdirSync(this.path);
      const partial = this.#wasOpened ? [] : names.filter((name) => PARTIAL.test(name));
      for (const name of partial) rmSync(join(this.path, name), { force: true });
      const probe = join(this.path, '.probe.tmp');
      mkdirSync(probe);
      rmSync(probe, { recursive: true });
      this.#last = Math.max(this.#last, ...names.map(numberOf));
      this.#wasOpened = true;
      this.#isOpen = true;
    } catch (error) {
      throw clipLost(this.path, error);
    }
  }

  /** The name of a new clip; null while the folder is not open. */
  nextName(what: string, date: Date): string | null {
    if (!this.#isOpen) return null;
    this.#last += 1;
    const time = date.toISOString().replace(/[-:]|\.\d+/g, '');
    return `${String(this.#last).padStart(6, '0')}-${time}-${what}.avi`;
  }

  /**
   * Writes a clip whole or not at all, after removing as many of the oldest as it needs room.
   * @param parts of the file, in their order
   * @throws HeadlandError HL_CLIP_UNWRITABLE
   */
  save(name: string, parts: readonly Uint8Array[]): Promise<void> {
    const neededBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const written = this.#writing.then(async () => {
      try {
        await this.#makeRoom(neededBytes);
        await writeFileDurably(join(this.path, name), parts);
      } catch (error) {
        throw clipLost(join(this.path, name), error);
      }
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #makeRoom(neededBytes: number): Promise<void> {
    const { maxBytes, minFreeBytes } = this.limits;
    if (neededBytes > maxBytes) {
      throw new Error(`a clip has ${neededBytes} bytes; alerts.clips.maxBytes is ${maxBytes}`);
    }
    const freeBytes = this.freeBytes();
    if (freeBytes !== null && freeBytes < minFreeBytes) {
      throw new Error(`${freeBytes} bytes are free; samples.minFreeBytes is ${minFreeBytes}`);
    }
    const names = (await readdir(this.path)).filter((name) => CLIP.test(name));
    names.sort((one, other) => numberOf(one) - numberOf(other));
    const clips = await Promise.all(
      names.map(async (name) => {
        const path = join(this.path, name);
        return { path, bytes: (await stat(path)).size };
      }),
    );
    let total = clips.reduce((sum, { bytes }) => sum + bytes, neededBytes);
    for (const { path, bytes } of clips) {
      if (total <= maxBytes) return;
      await rm(path, { force: true });
      total -= bytes;
    }
  }
}

function numberOf(name: string): number {
  return Number(CLIP.exec(name)?.[1] ?? 0);
}

/** @param what the clip or the folder of clips */
export function clipLost(what: string, reason: unknown): HeadlandError {
  return new HeadlandError('HL_CLIP_UNWRITABLE', `cannot keep ${what}: ${messageOf(reason)}`, {
    remedy:
      'Remove what stands in the way of the folder clips in paths.stateDir, give the user of the daemon write access to it, and free space on its disk. If a clip is too large, raise alerts.clips.maxBytes; if its frames were not in memory, alerts.clips.ringMaxBytes.',
    details: { what },
    cause: reason,
  });
}
