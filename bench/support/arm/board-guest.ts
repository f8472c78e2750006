import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const EMULATOR = 'qemu-system-aarch64';
const IMAGE_FILES = { kernel: 'vmlinuz', initrd: 'initrd.img', disk: 'board.img' } as const;
const MEMORY_MEGABYTES = 2_048;
/** The emulator is slow, and gives way to other programs. */
const HANG_MS = 3_600_000;
const NICENESS = 10;

/** `-icount shift=1`: the guest's clock counts instructions, this many nanoseconds each. */
export const INSTRUCTION_NS = 2;

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

/** The folder where `npm run test:board` leaves the emulated board. */
export function boardFolder(): string {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return process.env.HEADLAND_BOARD ?? join(base, 'headland-board');
}

/** What is missing to emulate a board, in one line; null when nothing is. */
export function missingForGuest(): string | null {
  try {
    execFileSync(EMULATOR, ['--version'], { stdio: 'ignore' });
  } catch {
    return `${EMULATOR} does not run: sudo apt-get install qemu-system-arm`;
  }
  const missing = Object.values(IMAGE_FILES).find((file) => !existsSync(join(boardFolder(), file)));
  if (missing === undefined) return null;
  return `${join(boardFolder(), missing)} is not there: npm run test:board makes it (HEADLAND_BOARD)`;
}

/**
 * Boots the emulated board, runs one script and switches it off; the disk keeps nothing.
 * @returns what the script printed @throws when it fails, or the machine ends or hangs
 */
export async function runInGuest(run: GuestRun): Promise<string> {
  const [inbox, outbox] = ['in', 'out'].map((folder) => join(run.share, folder)) as [
    string,
    string,
  ];
  for (const folder of [inbox, outbox]) mkdirSync(folder, { recursive: true });
  const serial = openSync(join(run.share, 'console'), 'w');
  const qemu = spawn('nice', ['-n', String(NICENESS), EMULATOR, ...emulatorArguments(run)], {
    stdio: ['ignore', serial, serial],
  });
  closeSync(serial);
  const end = (): void => void qemu.kill('SIGKILL');
  process.once('exit', end);
  try {
    await appears(qemu, outbox, 'up');
    writeFileSync(join(inbox, 'run.new'), `exec 2>/host/errors\nset -e\n${run.script}`);
    renameSync(join(inbox, 'run.new'), join(inbox, 'run.sh'));
    await appears(qemu, outbox, 'run.status');
    const status = readFileSync(join(outbox, 'run.status'), 'utf8').trim();
    if (status === '0') return readFileSync(join(outbox, 'run.txt'), 'utf8');
    const errors = readFileSync(join(run.share, 'errors'), 'utf8').slice(-2_000);
    throw new Error(`the script ended with ${status} on ${run.cpu}: ${errors}`);
  } finally {
    end();
    process.off('exit', end);
  }
}

function emulatorArguments({ cpu, project, share }: GuestRun): string[] {
  const [kernel, initrd, disk] = Object.values(IMAGE_FILES).map((file) =>
    join(boardFolder(), file),
  );
  const shared = (path: string, tag: string) => `local,path=${path},mount_tag=${tag}`;
  return [
    ['-M', 'virt', '-cpu', cpu, '-smp', '1', '-m', String(MEMORY_MEGABYTES)],
    ['-accel', 'tcg,thread=single', '-icount', 'shift=1,sleep=on'],
    ['-nographic', '-no-reboot', '-nic', 'none'],
    ['-kernel', kernel, '-initrd', initrd],
    ['-append', 'console=ttyAMA0 root=/dev/vda rw quiet systemd.show_status=0'],
    ['-drive', `if=none,id=disk,file=${disk},format=raw,snapshot=on`],
    ['-device', 'virtio-blk-pci,drive=disk'],
    ['-virtfs', `${shared(share, 'host')},security_model=none`],
    ['-virtfs', `${shared(project, 'project')},security_model=none,readonly=on`],
  ].flat() as string[];
}

async function appears(qemu: ChildProcess, folder: string, file: string): Promise<void> {
  const stop = new AbortController();
  const watcher = watch(folder);
  const limit = setTimeout(() => stop.abort(new Error(`${file} did not come`)), HANG_MS);
  const ended = (): void => stop.abort(new Error(`${EMULATOR} ended before ${file} came`));
  qemu.once('exit', ended);
  qemu.once('error', ended);
  try {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (existsSync(join(folder, file))) resolve();
      };
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
      watcher.on('change', look);
      look();
    });
  } finally {
    watcher.close();
    clearTimeout(limit);
    qemu.off('exit', ended);
    qemu.off('error', ended);
  }
}
