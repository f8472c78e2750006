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
import { join } from 'node:path';

/** What image/build.sh leaves. */
export interface BoardImage {
  kernel: string;
  initrd: string;
  disk: string;
}

export interface ScriptResult {
  /** Exit status of the script. */
  status: number;
  /** Standard output and standard error. */
  output: string;
}

export interface BootOptions {
  image: BoardImage;
  /** Raw disk that this machine writes to. */
  disk: string;
  /** Folder that the machine sees as /host; its scripts go in and out through it. */
  share: string;
  /** File to which the serial console is appended. */
  console: string;
  /** Ends the emulator at once. */
  signal: AbortSignal;
}

const CPU = 'cortex-a72';
const MEMORY_MEGABYTES = 2_048;

/** No script takes longer, even beside other programs that leave the emulator little. */
const HANG_MS = 3_600_000;

/**
 * Guest time counts instructions, 2 ns each, and waits for nothing: a busy machine outside cannot
 * make a time-out of the guest expire. `-nic none`: there is no network to reach.
 */
function qemuArguments({ image, disk, share }: BootOptions): string[] {
  return [
    ['-M', 'virt', '-cpu', CPU, '-smp', '1', '-m', String(MEMORY_MEGABYTES)],
    ['-accel', 'tcg,thread=single', '-icount', 'shift=1,sleep=on'],
    ['-nographic', '-no-reboot', '-nic', 'none'],
    ['-kernel', image.kernel, '-initrd', image.initrd],
    ['-append', 'console=ttyAMA0 root=/dev/vda rw quiet systemd.show_status=0'],
    ['-drive', `if=none,id=disk,file=${disk},format=raw,cache=writeback`],
    ['-device', 'virtio-blk-pci,drive=disk'],
    ['-fsdev', `local,id=host,path=${share},security_model=none`],
    ['-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
  ].flat();
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
    const qemu = spawn('nice', ['-n', '10', 'qemu-system-aarch64', ...qemuArguments(options)], {
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
