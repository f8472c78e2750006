import { type HeadlandError, isHeadlandError, messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { ServingHead } from '../../perception/perception-protocol.js';
import type { StoredHead } from '../../registry/version-directory.js';
import type { SampleStore } from '../../samples/store.js';
import type { TaskMeta } from '../../storage/meta-table.js';
import type { InstantLearner } from '../../training/instant/instant-learner.js';
import type { InstantHead } from '../../training/instant/instant-protocol.js';

/** Interval of the check for labels from other processes (`label`, `import`). */
const CHECK_INTERVAL_MS = 1_000;
const MAX_REST_MS = 1_000;
const FLOOR_KEY = 'instant.floor';

export interface InstantParts {
  learner: Pick<InstantLearner, 'learn' | 'stop'>;
  samples: Pick<SampleStore, 'labelRevision'>;
  meta: TaskMeta;
  /** Checksum of the running backbone; null: none is running, and nothing is learnt until then. */
  backboneChecksum: () => string | null;
  /** Resolves when the head has taken over; rejects when the previous one keeps serving. */
  swap(serving: ServingHead | null): Promise<void> | void;
  /** Whether learning is switched off or paused. */
  isPaused(): boolean;
  /** The serving head has learnt labels, or serves as trained again (null). */
  onLearnt(learnt: InstantHead | null): void;
  onFailure(error: HeadlandError): void;
  repeats: Repeats;
  log: Log;
}

/** The label revision after which labels correct the head of this version. */
interface Floor {
  version: number;
  revision: number;
}

/**
 * Makes labels affect decisions without a training: corrects the serving head with the labels since its
 * training, or fits a first head while there is none. The correction is always recomputed from the
 * store, so that a restart loses nothing. A failure loses the correction only.
 */
export class InstantService {
  #base: StoredHead | null = null;
  /** Counts changes of the serving head, so that a correction of an older one is not applied. */
  #generation = 0;
  /** Number of switches to another trained head that are in progress. */
  #held = 0;
  /** Generation and label revision of the last attempt. */
  #attempted = '';
  #learnt: InstantHead | null = null;
  #failures = 0;
  /** The floor of the serving head is not written yet: the store could not be written. */
  #floorDue = false;
  #repetition: Repetition | null = null;
  #running: Promise<void> | null = null;

  constructor(private readonly parts: InstantParts) {}

  start(): void {
    this.#repetition = this.parts.repeats.every({
      name: 'labels',
      what: 'learn the new labels',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => this.labelsChanged(),
    });
    this.labelsChanged();
  }

  async stop(): Promise<void> {
    void this.#repetition?.stop();
    this.#repetition = null;
    await this.parts.learner.stop();
  }

  /** The correction of the serving head; null: it serves as trained. */
  get learnt(): InstantHead | null {
    return this.#learnt;
  }

  /** Failures since the start of the daemon. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Another trained head serves, without corrections; null: none does. Labels since its training then
   * correct it. After a return from a newer version, only labels from now on do.
   */
  baseChanged(stored: StoredHead | null): void {
    this.#base = stored;
    this.#generation++;
    this.#learnt = null;
    this.#floorDue = stored !== null;
    this.#guarded(() => {
      this.#writeFloor();
      this.labelsChanged();
    });
  }

  /** Runs a switch to another trained head, during which no correction of the previous one is applied. */
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

  /** Call it after every label and after `resume`. */
  labelsChanged(): void {
    if (this.#held > 0 || this.#running || this.#repetition === null || this.parts.isPaused())
      return;
    const checksum = this.parts.backboneChecksum();
    // Perception is restarting: the next check finds the same labels.
    if (checksum === null) return;
    this.#guarded(() => {
      this.#writeFloorAgain();
      const wanted = this.#wanted();
      if (wanted === this.#attempted) return;
      this.#attempted = wanted;
      if (this.#knowsAll()) return;
      this.#running = this.#learnAndRest(checksum).finally(() => {
        this.#running = null;
        this.labelsChanged();
      });
    });
  }

  /** No label is newer than the serving head, and no correction is to be withdrawn: saves the thread. */
  #knowsAll(): boolean {
    const since = this.#base ? this.#floor(this.#base) : 0;
    return this.#learnt === null && this.parts.samples.labelRevision() <= since;
  }

  #wanted(): string {
    return `${this.#generation} ${this.parts.samples.labelRevision()}`;
  }

  /** Pauses as long as it has worked, at most a second, so that many labels do not occupy a core. */
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
      if (generation === this.#generation && this.#repetition !== null) {
        await this.#use(learnt, generation);
      }
    } catch (error) {
      // stop() has ended the worker thread.
      if (this.#repetition === null) return;
      if (!isHeadlandError(error)) log.error({ err: error }, 'cannot learn the new labels');
      else {
        log.error({ code: error.code }, `cannot learn the new labels: ${error.message}`);
        onFailure(error);
      }
      this.#failures++;
    }
  }

  async #use(learnt: InstantHead | null, generation: number): Promise<void> {
    const base = this.#base;
    // No labels to learn, for example after one was withdrawn: the head serves as trained.
    if (learnt === null && this.#learnt === null) return;
    if (learnt === null) {
      await this.parts.swap(base && servingHead(base));
    } else {
      await this.parts.swap(taughtHead(base, learnt));
    }
    // Another trained head has replaced this one in the meantime.
    if (generation !== this.#generation) return;
    this.#learnt = learnt;
    this.parts.onLearnt(learnt);
  }

  #writeFloor(): void {
    if (this.#floorDue && this.#base) this.#setFloor(this.#base);
    this.#floorDue = false;
  }

  /** Without a floor no label corrects the head, which serves all the same. */
  #writeFloorAgain(): void {
    try {
      this.#writeFloor();
    } catch (error) {
      this.parts.log.debug({ err: messageOf(error) }, 'cannot store from where labels count');
    }
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
    // The floor is written when the head starts to serve; without it no label corrects the head.
    return floor?.version === version ? floor.revision : this.parts.samples.labelRevision();
  }

  #readFloor(): Floor | null {
    const text = this.parts.meta.get(FLOOR_KEY);
    const [, version, revision] = /^(\d+) (\d+)$/.exec(text ?? '') ?? [];
    return version && revision ? { version: Number(version), revision: Number(revision) } : null;
  }

  /** A failure here must not stop the head from serving. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failures++;
      this.parts.log.error({ err: messageOf(error) }, 'cannot learn the new labels');
    }
  }
}

/** A head from the first labels (without `base`), or a trained one with what labels have taught it since. */
function taughtHead(base: StoredHead | null, learnt: InstantHead): ServingHead {
  const { head, prior, labels, revision, newClasses } = learnt;
  const ofBase = base?.card.trust?.level;
  const trust = learnt.trust?.level ?? ofBase;
  // A new class makes a beginner of the whole head, but the other classes are as proven as before.
  const isBeginner = (base ? ofBase : trust) === 'beginner';
  return {
    version: base?.card.version ?? null,
    head,
    learnt: { labels, revision },
    unproven: isBeginner ? head.labels : base ? newClasses : [],
    ...(base?.card.belief ? { belief: base.card.belief } : {}),
    ...(prior ? { prior } : {}),
    ...(trust ? { trust } : {}),
  };
}

/** A trained head without corrections. */
export function servingHead({ card, head }: StoredHead): ServingHead {
  const { version, trust, belief } = card;
  return {
    version,
    head,
    ...(trust ? { trust: trust.level } : {}),
    ...(trust?.level === 'beginner' ? { unproven: head.labels } : {}),
    ...(belief ? { belief } : {}),
  };
}
