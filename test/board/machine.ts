import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What image/build.sh leaves. */
export interface BoardImage {
  kernel: string;
  initrd: string;
  disk: string;
}

/** The folder that keeps the machine and the packages. */
export function boardFolder(): string {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return process.env.HEADLAND_BOARD ?? join(base, 'headland-board');
}

export function boardImage(folder: string): BoardImage {
  return {
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    disk: join(folder, 'board.img'),
  };
}

export interface ScriptResult {
  /** Exit status of the script. */
  status: number;
  /** Standard output and standard error. */
  output: string;
}

export interface BootOptions {
  image: BoardImage;
  /** Raw disk that this machine writes to; null: the image's, and what it writes is lost. */
  disk: string | null;
  /** Folder that the machine sees as /host; its scripts go in and out through it. */
  share: string;
  /** Folder that the machine can mount from the 9p tag `project` and cannot write to. */
  project?: string;
  /** Of qemu's `-cpu`; default: {@link DEFAULT_CPU}. */
  cpu?: string;
  /** File to which the serial console is appended. */
  console: string;
  /** Ends the emulator at once. */
  signal: AbortSignal;
}

export const EMULATOR = 'qemu-system-aarch64';
const DEFAULT_CPU = 'cortex-a72';
const MEMORY_MEGABYTES = 2_048;
/** `-icount shift=1`: the guest's clock counts instructions, this many nanoseconds each. */
export const INSTRUCTION_NS = 2;

/** No script takes longer, even beside other programs that leave the emulator little. */
const HANG_MS = 3_600_000;

/**
 * Guest time waits for nothing: a busy machine outside cannot make a time-out of the guest expire.
 * `-nic none`: there is no network to reach.
 */
function qemuArguments({ image, disk, share, project, cpu = DEFAULT_CPU }: BootOptions): string[] {
  const drive = disk === null ? `file=${image.disk},snapshot=on` : `file=${disk},cache=writeback`;
  return [
    ['-M', 'virt', '-cpu', cpu, '-smp', '1', '-m', String(MEMORY_MEGABYTES)],
    ['-accel', 'tcg,thread=single', '-icount', 'shift=1,sleep=on'],
    ['-nographic', '-no-reboot', '-nic', 'none'],
    ['-kernel', image.kernel, '-initrd', image.initrd],
    ['-append', 'console=ttyAMA0 root=/dev/vda rw quiet systemd.show_status=0'],
    ['-drive', `if=none,id=disk,format=raw,${drive}`],
    ['-device', 'virtio-blk-pci,drive=disk'],
    ...sharedFolder(share, 'host'),
    ...(project === undefined ? [] : sharedFolder(project, 'project', ',readonly=on')),
  ].flat();
}

function sharedFolder(path: string, tag: string, access = ''): string[][] {
  return [
    ['-fsdev', `local,id=${tag},path=${path},security_model=none${access}`],
    ['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/** An emulated ARM64 board that is switched on. */
export class EmulatedBoard {
  readonly #qemu: ChildProcess;
  readonly #share: string;
  readonly #console: string;
  readonly #ended: Promise<void>;
  #scripts = 0;

  private constructor(qemu: ChildProcess, { share, console }: BootOptions) {
    this.#qemu = qemu;
    this.#share = share;
    this.#console = console;
    this.#ended = new Promise((resolve) => {
      qemu.once('exit', () => resolve());
      qemu.once('error', () => resolve());
    });
  }

  /** Switches a board on; resolves when its systemd has started everything. */
  static async boot(options: BootOptions): Promise<EmulatedBoard> {
    for (const folder of ['in', 'out']) {
      rmSync(join(options.share, folder), { recursive: true, force: true });
      mkdirSync(join(options.share, folder), { recursive: true });
    }
    const serial = openSync(options.console, 'a');
    const qemu = spawn('nice', ['-n', '10', EMULATOR, ...qemuArguments(options)], {
      stdio: ['ignore', serial, serial],
      signal: options.signal,
      killSignal: 'SIGKILL',
    });
    closeSync(serial);
    const board = new EmulatedBoard(qemu, options);
    await board.#appears('up');
    return board;
  }

  /** Runs a script as root. */
  async run(script: string): Promise<ScriptResult> {
    const name = String(++this.#scripts).padStart(3, '0');
    const waiting = join(this.#share, 'in', `${name}.new`);
    await writeFile(waiting, script);
    renameSync(waiting, join(this.#share, 'in', `${name}.sh`));
    await this.#appears(`${name}.status`);
    const read = (kind: string): string =>
      readFileSync(join(this.#share, 'out', `${name}.${kind}`), 'utf8');
    return { status: Number(read('status')), output: read('txt') };
  }

  /** What the power plug does when it is pulled. The disk keeps what the guest had sent to it. */
  async cutPower(): Promise<void> {
    this.#qemu.kill('SIGKILL');
    await this.#ended;
  }

  /** @throws when the machine ends before, or hangs */
  async #appears(file: string): Promise<void> {
    const folder = join(this.#share, 'out');
    const watcher = watch(folder);
    const there = new Promise<null>((resolve) => {
      const look = (): void => {
        if (existsSync(join(folder, file))) resolve(null);
      };
      watcher.on('change', look);
      look();
    });
    let limit: NodeJS.Timeout | undefined;
    const hung = new Promise<string>((resolve) => {
      limit = setTimeout(resolve, HANG_MS, `${file} was awaited in vain`);
    });
    const ended = this.#ended.then(() => `the machine ended while ${file} was awaited`);
    try {
      const failure = await Promise.race([there, ended, hung]);
      if (failure === null) return;
      const said = readFileSync(this.#console, 'utf8').slice(-3_000);
      throw new Error(`${failure}; its console: ${said}`);
    } finally {
      watcher.close();
      clearTimeout(limit);
    }
  }
}
