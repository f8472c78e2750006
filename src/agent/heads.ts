import { HeadlandError, isHeadlandError } from '../errors.js';
import type { Log } from '../log.js';
import type { ServingHead } from '../perception/protocol.js';
import type { HeadRegistry } from '../training/registry.js';
import type { StoredHead } from '../training/version-directory.js';
import { servingHead } from './instant-service.js';

const WATCH_INTERVAL_MS = 2_000;

export interface HeadServiceEvents {
  /** The head that decides from the next frame on; null: none does. */
  onServing(stored: StoredHead | null): void;
  /** The head that the registry points at cannot serve. */
  onUnusable(error: HeadlandError): void;
}

/**
 * Keeps perception on the version that the registry points at, whoever moved the pointer: this
 * daemon after a training, a command over MQTT, or `headland rollback` in another process. The
 * pointer stays where it is while another head stands in.
 */
export class HeadService {
  #serving: StoredHead | null = null;
  #seen: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly registry: HeadRegistry,
    private readonly swap: (serving: ServingHead | null) => void,
    private readonly backboneChecksum: string,
    private readonly events: HeadServiceEvents,
    private readonly log: Log,
  ) {}

  get serving(): StoredHead | null {
    return this.#serving;
  }

  /** Clears what an interruption left and lets the newest good version serve. */
  async start(): Promise<void> {
    await this.registry.recover();
    await this.#serve(await this.registry.openServing());
    this.#timer = setInterval(() => void this.follow(), WATCH_INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Lets `version` serve although the gate may have refused it. */
  async promote(version: number): Promise<StoredHead> {
    const stored = await this.registry.promote(version);
    await this.#serve(stored);
    return stored;
  }

  /** Goes back to `version`, or to the one that served before. */
  async rollback(version?: number): Promise<StoredHead> {
    const stored = await this.registry.rollback(version);
    await this.#serve(stored);
    return stored;
  }

  /** Looks at the pointer and serves what it points at when that has changed. */
  async follow(): Promise<void> {
    try {
      const current = await this.registry.current();
      if (current === this.#seen) return;
      await this.#serve(current === null ? null : await this.registry.load(current));
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      this.log.error({ code: error.code, err: error }, 'the head pointed at cannot be loaded');
    }
  }

  /** Of a head that was learnt on another backbone's features, the newest that fits stands in. */
  async #serve(wanted: StoredHead | null): Promise<void> {
    this.#seen = wanted?.card.version ?? null;
    let stored = wanted;
    if (wanted && wanted.head.backboneChecksum !== this.backboneChecksum) {
      stored = await this.registry.lastServedOn(this.backboneChecksum);
      this.events.onUnusable(mismatch(wanted, stored));
    }
    this.#serving = stored;
    this.swap(stored && servingHead(stored));
    this.events.onServing(stored);
  }
}

function mismatch({ card }: StoredHead, standIn: StoredHead | null): HeadlandError {
  const { version, backbone } = card;
  const consequence = standIn
    ? `head ${standIn.card.version} stands in`
    : 'there is none for it, every decision is unknown';
  return new HeadlandError(
    'HL_HEAD_BACKBONE_MISMATCH',
    `head ${version} was trained on the backbone ${backbone.name} (${backbone.checksum.slice(0, 12)}…), another one runs; ${consequence}`,
    { remedy: 'Train again: `headland train`; or set models.backbone back.', details: { version } },
  );
}
