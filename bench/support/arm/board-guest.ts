import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boardFolder, boardImage, EMULATOR, EmulatedBoard } from '../../../test/board/machine.js';

export interface GuestRun {
  /** Of qemu's `-cpu`. */
  cpu: string;
  /** This checkout, /project in the guest, which cannot write to it. */
  project: string;
  /** Folder that is /host in the guest, in both directions. */
  share: string;
  /** Runs as root, with bash. */
  script: string;
}

/** What is missing to emulate a board, in one line; null when nothing is. */
export function missingForGuest(): string | null {
  try {
    execFileSync(EMULATOR, ['--version'], { stdio: 'ignore' });
  } catch {
    return `${EMULATOR} does not run: sudo apt-get install qemu-system-arm`;
  }
  const missing = Object.values(boardImage(boardFolder())).find((file) => !existsSync(file));
  if (missing === undefined) return null;
  return `${missing} is not there: npm run test:board makes it (HEADLAND_BOARD)`;
}

/**
 * Boots the emulated board, runs one script and switches it off; the disk keeps nothing.
 * @returns what the script printed @throws when it fails, or the machine ends or hangs
 */
export async function runInGuest({ cpu, project, share, script }: GuestRun): Promise<string> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('exit', end);
  try {
    const board = await EmulatedBoard.boot({
      image: boardImage(boardFolder()),
      disk: null,
      share,
      project,
      cpu,
      console: join(share, 'console'),
      signal: stop.signal,
    });
    const { status, output } = await board.run(`exec 2>/host/errors\nset -e\n${script}`);
    await board.cutPower();
    if (status === 0) return output;
    const errors = readFileSync(join(share, 'errors'), 'utf8').slice(-2_000);
    throw new Error(`the script ended with ${status} on ${cpu}: ${errors}`);
  } finally {
    end();
    process.off('exit', end);
  }
}
