import { type HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ServingHead } from '../../perception/perception-protocol.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { SampleStore } from '../../samples/store.js';
import type { Meta } from '../../storage/meta-table.js';
import type { InstantLearner } from '../../training/instant/instant-learner.js';
import type { InstantHead } from '../../training/instant/instant-protocol.js';

/** Labels of other processes (`label`, `import`) are seen after at most so long. */
const LOOK_INTERVAL_MS = 1_000;
const MAX_REST_MS = 1_000;
const FLOOR_KEY = 'instant.floor';

export interface InstantParts {
  learner: Pick<InstantLearner, 'learn' | 'stop'>;
  samples: Pick<SampleStore, 'labelRevision'>;
  meta: Pick<Meta, 'get' | 'set'>;
  /** Of the running backbone; null: none runs, nothing is learnt until it does. */
  backboneChecksum: () => string | null;
  /** Resolves when the head decides; rejects when the one before goes on. */
  swap(serving: ServingHead | null): Promise<void> | void;
  /** Nothing is learnt while a person has paused trainings. */
  isPaused(): boolean;
  /** The head that serves has learnt, or has nothing more to learn (null). */
  onLearnt(learnt: InstantHead | null): void;
  onFailure(error: HeadlandError): void;
  log: Log;
}

/** The label revision from which on the head of this version is corrected. */
interface Floor {
  version: number;
  revision: number;
}

/**
 * Lets labels show in decisions at once: corrects the trained head that serves by the labels that came
 * since its training, or makes a first head while there is none. Everything is made again from the
 * store, so that a restart loses nothing, and what fails costs the correction only.
 */
export class InstantService {
  #base: StoredHead | null = null;
  /** Counts the heads that served, so that what was learnt for an older one is not used. */
  #generation = 0;
  /** How many switches to another trained head are under way. */
  #held = 0;
  /** What the last attempt was made for. */
  #attempted = '';
  #learnt: InstantHead | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;

  constructor(private readonly parts: InstantParts) {}

  start(): void {
    this.#timer = setInterval(() => this.labelsChanged(), LOOK_INTERVAL_MS);
    this.#timer.unref();
    this.labelsChanged();
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    await this.parts.learner.stop();
  }

  /** What the serving head has learnt beyond its version; null: nothing. */
  get learnt(): InstantHead | null {
    return this.#learnt;
  }

  /** Since the start of the daemon. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Another trained head serves, as it was trained; null: none. Labels after its training are learnt
   * on top, but not when it comes back after a newer one: then only those from now on.
   */
  baseChanged(stored: StoredHead | null): void {
    this.#base = stored;
    this.#generation++;
    this.#learnt = null;
    this.#guarded(() => {
      if (stored) this.#setFloor(stored);
      this.labelsChanged();
    });
  }

  /** Carries out a switch to another trained head: nothing that was learnt for the one before may follow it. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#held++;
    this.#generation++;
    try {
      return await work();
    } finally {
      this.#held--;
      this.labelsChanged();
    }
  }

  /** To be called after every label and after `resume`. */
  labelsChanged(): void {
    if (this.#held > 0 || this.#running || this.#timer === null || this.parts.isPaused()) return;
    const checksum = this.parts.backboneChecksum();
    // Perception starts again: the next look finds the same labels.
    if (checksum === null) return;
    this.#guarded(() => {
      const wanted = this.#wanted();
      if (wanted === this.#attempted) return;
      this.#attempted = wanted;
      this.#running = this.#learnAndRest(checksum).finally(() => {
        this.#running = null;
        this.labelsChanged();
      });
    });
  }

  #wanted(): string {
    return `${this.#generation} ${this.parts.samples.labelRevision()}`;
  }

  /** Rests as long as it has worked: many labels in a row take at most half of a core. */
  async #learnAndRest(backboneChecksum: string): Promise<void> {
    const startMs = performance.now();
    await this.#learn(backboneChecksum);
    const restMs = Math.min(MAX_REST_MS, performance.now() - startMs);
    await new Promise<void>((resolve) => setTimeout(resolve, restMs).unref());
  }

  async #learn(backboneChecksum: string): Promise<void> {
    const { learner, log, onFailure } = this.parts;
    const generation = this.#generation;
    try {
      const learnt = await learner.learn({
        backboneChecksum,
        base: this.#base?.head ?? null,
        sinceRevision: this.#base ? this.#floor(this.#base) : 0,
      });
      if (generation === this.#generation && this.#timer !== null) {
        await this.#use(learnt, generation);
      }
    } catch (error) {
      // The end of the daemon took the thread away.
      if (this.#timer === null) return;
      if (!isHeadlandError(error)) log.error({ err: error }, 'labels could not be learnt at once');
      else {
        log.error({ code: error.code }, `labels could not be learnt at once: ${error.message}`);
        onFailure(error);
      }
      this.#failures++;
    }
  }

  async #use(learnt: InstantHead | null, generation: number): Promise<void> {
    const base = this.#base;
    // A label that was taken back: the head as it was trained.
    if (learnt === null && this.#learnt === null) return;
    if (learnt === null) {
      await this.parts.swap(base && servingHead(base));
    } else {
      const { head, prior, labels, revision } = learnt;
      const trust = learnt.trust?.level ?? base?.card.trust?.level;
      await this.parts.swap({
        version: base?.card.version ?? null,
        head,
        learnt: { labels, revision },
        ...(base?.card.belief ? { belief: base.card.belief } : {}),
        ...(prior ? { prior } : {}),
        ...(trust ? { trust } : {}),
      });
    }
    // Another trained head came in the meantime, and was sent after this one.
    if (generation !== this.#generation) return;
    this.#learnt = learnt;
    this.parts.onLearnt(learnt);
  }

  #setFloor(stored: StoredHead): void {
    const { version, labelRevision } = stored.card;
    const floor = this.#readFloor();
    if (floor?.version === version) return;
    const now = this.parts.samples.labelRevision();
    const cameBack = floor !== null && version < floor.version;
    const revision = cameBack ? now : Math.min(labelRevision ?? now, now);
    this.parts.meta.set(FLOOR_KEY, `${version} ${revision}`);
  }

  #floor({ card: { version } }: StoredHead): number {
    const floor = this.#readFloor();
    // It was written when the head began to serve; without it nothing is learnt on top.
    return floor?.version === version ? floor.revision : this.parts.samples.labelRevision();
  }

  #readFloor(): Floor | null {
    const text = this.parts.meta.get(FLOOR_KEY);
    const [, version, revision] = /^(\d+) (\d+)$/.exec(text ?? '') ?? [];
    return version && revision ? { version: Number(version), revision: Number(revision) } : null;
  }

  /** What fails here must not stop the head from serving. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failures++;
      this.parts.log.error({ err: messageOf(error) }, 'labels could not be learnt at once');
    }
  }
}

/** A trained head as it was trained. */
export function servingHead({ card, head }: StoredHead): ServingHead {
  const { version, trust, belief } = card;
  return {
    version,
    head,
    ...(trust ? { trust: trust.level } : {}),
    ...(belief ? { belief } : {}),
  };
}
