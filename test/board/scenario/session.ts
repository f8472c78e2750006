import { watch } from 'node:fs';
import type { BoardPackages } from '../board-packages.js';
import { type BootOptions, EmulatedBoard } from '../machine.js';

/** One step of the scenario. */
export interface Step {
  title: string;
  /** Whether nothing that follows would mean anything without it. */
  isEssential?: boolean;
  run(session: Session): Promise<void>;
}

interface SessionParts {
  packages: BoardPackages;
  boot: BootOptions;
  note: (text: string) => void;
}

/** A board that steps switch on and off, and what they found out. */
export class Session {
  readonly packages: BoardPackages;
  readonly share: string;
  /** Labels that the robot has acknowledged, and those of them that a boot did not find. */
  acknowledged = 0;
  lost = 0;
  /** What `systemd-analyze security` says of the running unit; null: not asked yet. */
  exposure: number | null = null;
  /** Adds a line to the transcript. */
  readonly note: (text: string) => void;
  readonly #boot: BootOptions;
  #board: EmulatedBoard | null = null;

  constructor({ packages, boot, note }: SessionParts) {
    this.packages = packages;
    this.share = boot.share;
    this.note = note;
    this.#boot = boot;
  }

  get board(): EmulatedBoard {
    if (this.#board === null) throw new Error('the board is off');
    return this.#board;
  }

  async switchOn(): Promise<void> {
    this.#board = await EmulatedBoard.boot(this.#boot);
  }

  async cutPower(): Promise<void> {
    await this.#board?.cutPower();
    this.#board = null;
  }

  /**
   * Runs a script as root, after the functions of guest/library.sh.
   *
   * @returns what it printed
   * @throws Error with what it printed when it fails
   */
  async sh(script: string): Promise<string> {
    const { status, output } = await this.board.run(`. /host/library.sh\n${script}\n`);
    if (status !== 0) throw new Error(`status ${status} of\n${script}\n${output}`);
    return output;
  }

  /** Pulls the plug while a script is running, as soon as a file of the shared folder says so. */
  async cutPowerDuring(script: string, isTime: () => boolean): Promise<void> {
    const ended = this.sh(script).then(
      (output) => new Error(`ended before the cut: ${output}`),
      (error: unknown) => error,
    );
    const watcher = watch(this.share);
    const cut = new Promise<null>((resolve) => {
      watcher.on('change', () => isTime() && resolve(null));
    });
    try {
      const failure = await Promise.race([cut, ended]);
      if (failure !== null) throw failure;
    } finally {
      watcher.close();
    }
    await this.cutPower();
    await ended;
  }
}
