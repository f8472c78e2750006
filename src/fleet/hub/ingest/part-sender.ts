import { chunkCount, encodeChunk } from '../../contract/chunk-codec.js';
import { type Want, wantSchema } from '../../contract/desired.js';
import { fleetTopic } from '../../contract/fleet-topics.js';
import type { HubStore } from '../store/hub-store.js';
import type { ObjectRow } from '../store/tables/object-rows.js';

/** Bytes of objects that are kept in memory: robots ask for one object many times. */
const CACHE_BYTES = 67_108_864;

type Fetched = ObjectRow & { task: string; backbone: string };

/** Sends robots the chunks that they ask for, from any hub. */
export class PartSender {
  /** By object and robot, the least recently used first. */
  readonly #cache = new Map<string, Fetched>();
  #cachedBytes = 0;

  /** @param publish sends at once, or drops: the robot asks again */
  constructor(
    private readonly store: HubStore,
    private readonly publish: (topic: string, payload: Uint8Array) => boolean,
  ) {}

  /** @throws HeadlandError HL_FLEET_STORE_UNAVAILABLE, HL_STORE_… */
  async take(robot: string, payload: Uint8Array): Promise<void> {
    const want = readWant(payload);
    if (want === null) return;
    const found = await this.#fetch(want.object, robot);
    if (found === null) return;
    const { bytes, chunkBytes, object, kind, task, backbone } = found;
    const end = Math.min(chunkCount(bytes.length, chunkBytes), want.from + want.count);
    for (let index = want.from; index < end; index++) {
      const part = encodeChunk(bytes, object, { kind, task, backbone }, index, chunkBytes);
      if (!this.publish(fleetTopic(robot, 'part'), part)) return;
    }
  }

  async #fetch(object: string, robot: string): Promise<Fetched | null> {
    const known = this.#cache.get(`${object}/`) ?? this.#cache.get(`${object}/${robot}`);
    if (known) return known;
    const found = await this.store.transaction((tables) => tables.objects.fetch(object, robot));
    if (found === null) return null;
    this.#cache.set(`${object}/${found.robot}`, found);
    this.#cachedBytes += found.bytes.length;
    for (const [key, { bytes }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) break;
      this.#cache.delete(key);
      this.#cachedBytes -= bytes.length;
    }
    return found;
  }
}

function readWant(payload: Uint8Array): Want | null {
  try {
    const parsed = wantSchema.safeParse(JSON.parse(Buffer.from(payload).toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
