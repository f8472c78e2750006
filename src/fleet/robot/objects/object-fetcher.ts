import { HeadlandError, isHeadlandError } from '../../../base/errors.js';
import type { Log } from '../../../base/log.js';
import { decodeChunk } from '../../contract/chunk-codec.js';
import type { Offer, Want } from '../../contract/desired.js';
import type { ObjectFolder } from './object-folder.js';

/** Most chunks that are asked for at a time. */
const WINDOW_CHUNKS = 16;
/** Without a new chunk for so long, the robot asks again. */
const PATIENCE_MS = 10_000;
const MAX_PATIENCE_MS = 160_000;
/** After an object came damaged, it is asked for again. */
const DAMAGE_PAUSE_MS = 5_000;

export interface ObjectFetcherOptions {
  folder: ObjectFolder;
  /** Largest object, bytes. */
  maxBytes: number;
  /** Sends a request. @returns false: not now */
  ask: (want: Want) => boolean;
  log: Log;
  /** Monotonic, milliseconds. */
  nowMs?: () => number;
}

interface Fetch {
  offer: Offer;
  missing: Set<number>;
  /** Of those, the ones that were asked for and have not come. */
  asked: Set<number>;
  /** When the next request is due, if no chunk comes. */
  dueMs: number;
  patienceMs: number;
}

/**
 * Gets objects of the hub, one at a time: asks for chunks, keeps them on the disk, asks again for those that
 * do not come, and checks the whole. After a restart it goes on with the chunks that are there.
 */
export class ObjectFetcher {
  readonly #options: ObjectFetcherOptions;
  readonly #nowMs: () => number;
  readonly #here = new Set<string>();
  readonly #problems = new Map<string, HeadlandError>();
  readonly #notBefore = new Map<string, number>();
  #fetch: Fetch | null = null;
  /** Everything runs one after another. */
  #last: Promise<unknown> = Promise.resolve();
  /** Chunks that were refused since the start. */
  #refusedChunks = 0;

  constructor(options: ObjectFetcherOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  get refusedChunks(): number {
    return this.#refusedChunks;
  }

  /** Why an object does not come; null: nothing is wrong. */
  problem(id: string): HeadlandError | null {
    return this.#problems.get(id) ?? null;
  }

  /** Whether one of the offered objects is whole on the disk. If none is on its way, it is asked for. */
  need(offer: Offer): Promise<boolean> {
    return this.#exclusive(() => this.#need(offer));
  }

  async #need(offer: Offer): Promise<boolean> {
    const { folder, maxBytes } = this.#options;
    const { object } = offer;
    if (this.#here.has(object)) return true;
    if (await folder.has(object)) {
      this.#here.add(object);
      this.#problems.delete(object);
      return true;
    }
    if (offer.bytes > maxBytes) {
      this.#problems.set(object, tooLarge(offer, maxBytes));
      return false;
    }
    if (this.#fetch === null && (this.#notBefore.get(object) ?? 0) <= this.#nowMs()) {
      await this.#begin(offer);
    }
    if (this.#fetch?.offer.object === object) this.#ask(this.#fetch);
    return this.#here.has(object);
  }

  /** A whole object was found to be useless, or is gone: it is fetched again. */
  forget(id: string, why: HeadlandError): void {
    this.#here.delete(id);
    this.#problems.set(id, why);
    this.#notBefore.set(id, this.#nowMs() + DAMAGE_PAUSE_MS);
  }

  /** Gives up what is no longer wanted. */
  keepOnly(ids: ReadonlySet<string>): Promise<void> {
    return this.#exclusive(() => this.#keepOnly(ids));
  }

  async #keepOnly(ids: ReadonlySet<string>): Promise<void> {
    if (this.#fetch && !ids.has(this.#fetch.offer.object)) this.#fetch = null;
    for (const map of [this.#problems, this.#notBefore]) {
      for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
    }
    for (const id of this.#here) if (!ids.has(id)) this.#here.delete(id);
    await this.#options.folder.keepOnly(ids);
  }

  /** The connection is new: what was asked for will not come. */
  reconnected(): void {
    if (!this.#fetch) return;
    this.#fetch.asked.clear();
    this.#fetch.dueMs = 0;
  }

  /** A chunk from the hub. Resolves when it is kept. */
  receive(payload: Uint8Array): Promise<void> {
    // The buffer of the network must not be kept.
    const bytes = Uint8Array.from(payload);
    return this.#exclusive(() => this.#receive(bytes));
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #begin(offer: Offer): Promise<void> {
    const there = new Set(await this.#options.folder.partsOf(offer.object));
    const missing = new Set<number>();
    for (let index = 0; index < offer.chunks; index++) if (!there.has(index)) missing.add(index);
    this.#fetch = { offer, missing, asked: new Set(), dueMs: 0, patienceMs: PATIENCE_MS };
    if (missing.size === 0) await this.#complete(this.#fetch);
  }

  #ask(fetch: Fetch): void {
    const nowMs = this.#nowMs();
    const isOver = fetch.asked.size === 0;
    if (!isOver && nowMs < fetch.dueMs) return;
    if (!isOver) fetch.patienceMs = Math.min(MAX_PATIENCE_MS, 2 * fetch.patienceMs);
    const [from] = fetch.missing;
    if (from === undefined) return;
    let count = 1;
    while (count < WINDOW_CHUNKS && fetch.missing.has(from + count)) count++;
    const object = fetch.offer.object;
    if (!this.#options.ask({ schema: 'fleet/want/1', object, from, count })) return;
    fetch.asked = new Set(Array.from({ length: count }, (_, i) => from + i));
    fetch.dueMs = nowMs + fetch.patienceMs;
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    const fetch = this.#fetch;
    try {
      const { header, payload } = decodeChunk(bytes);
      if (!fetch || header.object !== fetch.offer.object) return;
      const { index, offset } = header;
      if (header.bytes !== fetch.offer.bytes || header.chunks !== fetch.offer.chunks) {
        throw otherThanOffered(fetch.offer);
      }
      if (!fetch.missing.has(index)) return;
      await this.#options.folder.putPart(header.object, index, offset, payload);
      fetch.missing.delete(index);
      fetch.asked.delete(index);
      fetch.patienceMs = PATIENCE_MS;
      fetch.dueMs = this.#nowMs() + PATIENCE_MS;
      if (fetch.missing.size === 0) await this.#complete(fetch);
      else this.#ask(fetch);
    } catch (error) {
      this.#refusedChunks += 1;
      if (fetch && isHeadlandError(error)) this.#problems.set(fetch.offer.object, error);
      this.#options.log.warn({ err: error }, 'a chunk from the hub of the fleet was refused');
    }
  }

  async #complete(fetch: Fetch): Promise<void> {
    const { object } = fetch.offer;
    this.#fetch = null;
    try {
      await this.#options.folder.assemble(fetch.offer);
      this.#here.add(object);
      this.#problems.delete(object);
    } catch (error) {
      if (!isHeadlandError(error, 'HL_FLEET_OBJECT_DAMAGED')) throw error;
      this.forget(object, error);
      this.#options.log.warn({ code: error.code, object }, error.message);
    }
  }
}

function tooLarge({ object, bytes }: Offer, maxBytes: number): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_TOO_LARGE',
    `the hub offers an object of ${bytes} bytes, more than the ${maxBytes} of fleet.maxObjectBytes`,
    {
      remedy: 'Raise fleet.maxObjectBytes, or let the hub use fewer directions.',
      details: { object, bytes, maxBytes },
    },
  );
}

function otherThanOffered({ object }: Offer): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_CHUNK_INVALID',
    `a chunk of ${object.slice(0, 12)}… is not of the length that the hub has offered`,
    { remedy: 'Use the same version of headland on the robots and on the hub.' },
  );
}
