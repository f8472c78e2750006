import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadlandError } from '../../base/errors.js';
import { fileProblem, isFileError } from '../../base/files/file-problem.js';
import { makeFolder } from '../../base/files/make-folder.js';
import { endChild } from '../../base/processes/end-child.js';
import { syncCancelled } from '../sync-errors.js';
import type { Outgoing, SyncTarget } from '../sync-target.js';
import { type RsyncSettings, rsyncArguments } from './rsync-arguments.js';
import { cannotStart, rsyncError } from './rsync-errors.js';

const MAX_BATCH_SAMPLES = 500;
const MAX_STDERR_CHARACTERS = 16_384;
const END_GRACE_MS = 2_000;

export interface RsyncTargetOptions extends RsyncSettings {
  /** Folder for one batch; created and removed as needed. Nothing else may be in it. */
  stagingDir: string;
  maxBatchBytes: number;
  /** Folder of this robot, or of one of its tasks, in the target. */
  folder: string;
  /** Of the user in an rsync:// address. */
  password: string | null;
  environment: NodeJS.ProcessEnv;
}

/**
 * An rsync daemon, or a server reached by ssh. Stages a batch of samples in a folder; pictures are
 * transferred by one run of rsync, sidecars by a second one after it has succeeded.
 */
export class RsyncTarget implements SyncTarget {
  readonly maxBatch: { samples: number; bytes: number };
  readonly #where: string;

  constructor(private readonly options: RsyncTargetOptions) {
    this.maxBatch = { samples: MAX_BATCH_SAMPLES, bytes: options.maxBatchBytes };
    this.#where = options.destination;
  }

  async send(samples: Iterable<Outgoing>, signal: AbortSignal): Promise<void> {
    try {
      const { pictures, sidecars } = await this.#stage(samples, signal);
      if (pictures > 0) await this.#transfer('pictures', signal);
      if (sidecars > 0) await this.#transfer('sidecars', signal);
    } finally {
      await rm(this.options.stagingDir, { recursive: true, force: true }).catch(() => {
        // The next batch begins with removing it, and reports why it cannot.
      });
    }
  }

  close(): void {}

  async #stage(
    samples: Iterable<Outgoing>,
    signal: AbortSignal,
  ): Promise<{ pictures: number; sidecars: number }> {
    const { stagingDir, folder } = this.options;
    const count = { pictures: 0, sidecars: 0 };
    try {
      await rm(stagingDir, { recursive: true, force: true });
      await makeFolder(stagingDir, 0o700);
      const folders = {
        pictures: join(stagingDir, 'pictures', folder),
        sidecars: join(stagingDir, 'sidecars', folder),
      };
      for (const folder of Object.values(folders)) await makeFolder(folder);
      for (const { picture, sidecar } of samples) {
        if (signal.aborted) throw syncCancelled();
        if (picture !== null) {
          await writeFile(join(folders.pictures, picture.name), picture.bytes);
          count.pictures += 1;
        }
        await writeFile(join(folders.sidecars, sidecar.name), sidecar.text);
        count.sidecars += 1;
      }
      return count;
    } catch (error) {
      if (!isFileError(error)) throw error;
      throw new HeadlandError(
        'HL_SYNC_STAGING',
        `${stagingDir} cannot be written: ${fileProblem(error)}`,
        {
          remedy:
            'Free space on this disk, or lower sync.rsync.maxBatchBytes; the user of the daemon must be able to write there.',
          details: { stagingDir },
          cause: error,
        },
      );
    }
  }

  async #transfer(part: 'pictures' | 'sidecars', signal: AbortSignal): Promise<void> {
    const { stagingDir, folder, password, environment } = this.options;
    if (signal.aborted) throw syncCancelled();
    const child: ChildProcess = spawn(
      'rsync',
      rsyncArguments(this.options, `${part}/./${folder}/`),
      {
        cwd: stagingDir,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...environment,
          LC_ALL: 'C',
          // Empty: rsync would ask on a terminal.
          RSYNC_PASSWORD: password ?? environment.RSYNC_PASSWORD ?? '',
        },
      },
    );
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_STDERR_CHARACTERS) stderr += text;
    });
    const end = (): void => void endChild(child, END_GRACE_MS);
    signal.addEventListener('abort', end);
    try {
      const [code] = await once(child, 'close');
      if (signal.aborted) throw syncCancelled();
      if (code !== 0) throw rsyncError(this.#where, typeof code === 'number' ? code : null, stderr);
    } catch (error) {
      throw error instanceof HeadlandError ? error : cannotStart(error);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }
}
