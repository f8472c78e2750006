import { HeadlandError, isHeadlandError, messageOf, serialiseError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { ServingHead } from '../../perception/perception-protocol.js';
import type { Switcher } from '../../registry/history.js';
import type { HeadRegistry } from '../../registry/registry.js';
import type { StoredHead } from '../../registry/version-directory.js';
import { servingHead } from './instant-service.js';

const WATCH_INTERVAL_MS = 2_000;
/** Why a head cannot be read. One that does not fit the backbone is intact. */
const LOSSES: ReadonlySet<string> = new Set([
  'HL_HEAD_INVALID',
  'HL_HEAD_UNKNOWN_VERSION',
  'HL_HEAD_UNREADABLE',
]);

export interface HeadServiceEvents {
  /**
   * Called with the head that decides from the next frame on; null: none does.
   * @param lost the damage that took away the head that should serve; null: it serves
   */
  onServing(stored: StoredHead | null, lost: LostHead | null): void;
  /** A version was pinned; null: none is any more. */
  onPinned(version: number | null): void;
  /** The pointer names a version that cannot serve. `instead` serves; null: none does. */
  onUnusable(version: number, error: HeadlandError, instead: number | null): void;
}

/** A head that should serve and cannot, because its files are damaged, gone or not readable. */
export interface LostHead {
  /** Null: nothing tells which one it was. */
  version: number | null;
  why: string;
  /** The folder has no versions at all: that is a loss only if a head has served before. */
  isEmpty: boolean;
}

/**
 * Keeps perception on the version that the registry's pointer names, no matter what moved it: a
 * training, a command, or `headland rollback` in another process. A switch counts only once perception
 * has confirmed it; if it fails, the previous head keeps serving and the pointer is restored. Switches
 * run one at a time.
 */
export class HeadService {
  #serving: StoredHead | null = null;
  #pinned: number | null = null;
  /** The pointer at the last check. */
  #seen: number | null = null;
  #repetition: Repetition | null = null;
  /** Which names the classes of the serving head have, by `names`. */
  #names = 0;
  /** Message of the last error while following the pointer. */
  #lastError: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly registry: HeadRegistry,
    /** Resolves when the head has taken over; rejects when the previous one keeps serving. */
    private readonly swap: (serving: ServingHead | null) => Promise<void> | void,
    /** Checksum of the running backbone; null: it restarts, and perception checks the head. */
    private readonly backboneChecksum: () => string | null,
    private readonly events: HeadServiceEvents,
    private readonly log: Log,
    private readonly repeats: Repeats,
    /** Changes when classes get other names: the serving head then speaks them. */
    private readonly names: () => number = () => 0,
    /** Nobody may change the serving head now: {@link follow} waits. */
    private readonly isHeld: () => boolean = () => false,
  ) {}

  get serving(): StoredHead | null {
    return this.#serving;
  }

  /** The version that only people replace; null: none. */
  get pinned(): number | null {
    return this.#pinned;
  }

  /** The version that the pointer names; null: none. */
  current(): Promise<number | null> {
    return this.registry.current();
  }

  /**
   * Removes the remains of interrupted writes and starts the version that the pointer names, else the
   * newest usable one. Works with a read-only disk, too.
   */
  async start(): Promise<void> {
    await this.#tidy();
    await this.#exclusive(() => this.#open()).catch((error: unknown) => this.#cannotFollow(error));
    await this.follow();
    this.#repetition = this.repeats.every({
      name: 'heads',
      what: 'follow the pointer to the serving head',
      intervalMs: WATCH_INTERVAL_MS,
      run: () => this.follow(),
    });
  }

  /** Repeats what failed while the disk was unavailable. Never throws. */
  async recover(): Promise<void> {
    await this.#tidy();
    await this.follow();
  }

  /** Resolves when no switch is in progress: stopping perception during a switch would revert it. */
  async stop(): Promise<void> {
    void this.#repetition?.stop();
    await this.#last;
  }

  /**
   * Switches to `version` even if the gate has refused it. A pin moves with a person's choice.
   * @throws HeadlandError HL_HEAD_UNKNOWN_VERSION, HL_HEAD_INVALID, HL_HEAD_BACKBONE_MISMATCH,
   *   HL_PERCEPTION_CRASHED; the previous head then keeps serving, and the pointer names it
   */
  promote(version: number, by: Switcher | null = null): Promise<StoredHead> {
    return this.#switch(() => this.registry.promote(version, (stored) => this.#check(stored), by));
  }

  /**
   * Goes back to `version`, by default to the last one that served and fits the backbone.
   * @throws HeadlandError as {@link promote}, HL_HEAD_NO_PREVIOUS
   */
  rollback(version?: number, by: Switcher | null = null): Promise<StoredHead> {
    return this.#switch(() => this.registry.rollback(version, (stored) => this.#check(stored), by));
  }

  /**
   * Pins the serving version, or ends the pin with null.
   * @throws HeadlandError HL_HEAD_NOT_SERVING
   */
  pin(version: number | null, by: Switcher): Promise<void> {
    return this.#exclusive(async () => {
      await this.registry.pin(version, by);
      await this.#followPin();
    });
  }

  /** Switches to the version that the pointer names if that has changed. Never throws. */
  follow(): Promise<void> {
    return this.#exclusive(async () => {
      try {
        if (this.#serving !== null && this.isHeld()) return await this.#followPin();
        if ((await this.registry.current()) !== this.#seen) await this.#open();
        else if (this.names() !== this.#names) await this.#rename();
        await this.#followPin();
      } catch (error) {
        this.#cannotFollow(error);
      }
    });
  }

  /** Starts a usable version again after a crash of the worker lost the serving head. Never throws. */
  reopen(reason: HeadlandError): Promise<void> {
    return this.#exclusive(async () => {
      this.log.error({ code: reason.code }, reason.message);
      try {
        await this.#open({ crashed: true });
      } catch (error) {
        this.log.error({ err: messageOf(error) }, 'cannot start any head');
      }
    });
  }

  async #tidy(): Promise<void> {
    try {
      await this.registry.recover();
    } catch (error) {
      this.log.warn(
        { err: messageOf(error) },
        'cannot remove the remains of interrupted head writes',
      );
    }
  }

  /** Logs a repeated error at debug level, because the pointer is checked every two seconds. */
  #cannotFollow(error: unknown): void {
    const err = messageOf(error);
    const level = err === this.#lastError ? 'debug' : 'error';
    this.#lastError = err;
    this.log[level]({ err }, 'cannot follow the pointer to the serving head');
  }

  #switch(move: () => Promise<StoredHead>): Promise<StoredHead> {
    return this.#exclusive(async () => {
      const names = this.names();
      const before = await this.registry.current();
      const pinned = await this.registry.pinned();
      const stored = await move();
      try {
        await this.swap(servingHead(stored));
      } catch (error) {
        const { version } = stored.card;
        this.log.error({ version, before, err: messageOf(error) }, 'cannot switch the head');
        await this.#withdraw(before, pinned);
        throw error;
      }
      this.#servesNow(stored, stored.card.version);
      this.#names = names;
      await this.#followPin();
      return stored;
    });
  }

  async #followPin(): Promise<void> {
    const pinned = await this.registry.pinned();
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    this.events.onPinned(pinned);
  }

  /** Restores the pointer; if that fails, too, {@link follow} tries again. */
  async #withdraw(before: number | null, pinned: number | null): Promise<void> {
    try {
      await this.registry.withdraw(before, pinned);
    } catch (error) {
      this.log.error(
        { before, err: messageOf(error) },
        'cannot restore the pointer to the serving head',
      );
    }
  }

  /** Gives the serving head the names that its classes have now. */
  async #rename(): Promise<void> {
    const names = this.names();
    const version = this.#serving?.card.version;
    if (version !== undefined) {
      const stored = await this.registry.load(version);
      await this.swap(servingHead(stored));
      this.#servesNow(stored, this.#seen);
    }
    this.#names = names;
  }

  /** Switches to the version that the pointer names or, if it is unusable, to another one. */
  async #open({ crashed = false } = {}): Promise<void> {
    const names = this.names();
    const wanted = await this.registry.current();
    const before = crashed ? null : this.#serving;
    let problem: HeadlandError | null = null;
    let lost: LostHead | null = null;
    const stored = await this.registry.openServing({
      keep: before?.card.version ?? null,
      use: (candidate) => this.#use(candidate, before),
      onUnusable: (version, error) => {
        if (version !== wanted) return;
        problem = headlandError(error);
        if (!LOSSES.has(problem.code)) return;
        lost = { version, why: problem.message, isEmpty: false };
      },
      onForgotten: () => {
        const why = 'neither `current` nor `history.jsonl` can be read';
        lost = { version: null, why, isEmpty: false };
      },
    });
    if (!stored && before) await this.swap(null);
    if (wanted === null && (await this.registry.newest()) === null) {
      lost = { version: null, why: 'its folder has no heads', isEmpty: true };
    }
    const instead = stored?.card.version ?? null;
    if (crashed || !this.#repetition || instead !== (before?.card.version ?? null)) {
      this.#servesNow(stored, wanted, lost);
    }
    this.#seen = await this.registry.current();
    this.#names = names;
    if (wanted !== null && problem !== null) this.events.onUnusable(wanted, problem, instead);
  }

  async #use(stored: StoredHead, serving: StoredHead | null): Promise<void> {
    this.#check(stored);
    // Swapping the same version again would lose the labels it has learnt since.
    if (stored.card.version !== serving?.card.version) await this.swap(servingHead(stored));
  }

  /** @throws HeadlandError HL_HEAD_BACKBONE_MISMATCH */
  #check({ head, card: { version, backbone } }: StoredHead): void {
    const running = this.backboneChecksum();
    if (running === null || head.backboneChecksum === running) return;
    throw new HeadlandError(
      'HL_HEAD_BACKBONE_MISMATCH',
      `head ${version} was trained on backbone ${backbone.name} (${backbone.checksum.slice(0, 12)}…), but another backbone is running`,
      {
        remedy: `Train again (\`headland train\`), or set models.backbone back to ${backbone.name}.`,
        details: { version },
      },
    );
  }

  #servesNow(
    stored: StoredHead | null,
    pointer: number | null,
    lost: LostHead | null = null,
  ): void {
    this.#seen = pointer;
    this.#serving = stored;
    this.events.onServing(stored, lost);
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function headlandError(error: unknown): HeadlandError {
  if (isHeadlandError(error)) return error;
  return new HeadlandError('HL_HEAD_UNREADABLE', serialiseError(error).message, {
    remedy:
      'Give the user of the daemon read access to paths.stateDir, then run `headland rollback VERSION`.',
    cause: error,
  });
}
