import type { TestContext } from 'node:test';
import { connectAsync } from 'mqtt';
import { type ChunkHeader, decodeChunk } from '../../../src/fleet/contract/chunk-codec.js';
import type { Desired } from '../../../src/fleet/contract/desired.js';
import { readFleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import type { Reported } from '../../../src/fleet/contract/reported.js';

/** A message as it went through the broker. */
export interface Heard {
  topic: string;
  payload: Buffer;
}

/** An object that went over the wire whole. */
export interface WholeObject {
  robot: string;
  header: ChunkHeader;
  bytes: Buffer;
}

/** Records every message of a broker. */
export class WireTap {
  readonly heard: Heard[] = [];
  readonly #reported = new Map<string, Reported>();
  readonly #desired = new Map<string, Desired>();

  static async start(t: TestContext, url: string): Promise<WireTap> {
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 200 });
    t.after(() => client.endAsync(true));
    const tap = new WireTap();
    client.on('message', (topic, payload) => tap.#hear(topic, Buffer.from(payload)));
    await client.subscribeAsync('#', { qos: 1 });
    return tap;
  }

  /** The newest report of a robot. */
  reported(robot: string): Reported | null {
    return this.#reported.get(robot) ?? null;
  }

  /** What the hub wants of a robot. */
  desired(robot: string): Desired | null {
    return this.#desired.get(robot) ?? null;
  }

  /** Objects of both sides, each version of a robot once. */
  objects(): WholeObject[] {
    const parts = new Map<string, Map<number, Buffer>>();
    const whole = new Map<string, WholeObject>();
    for (const { topic, payload } of this.heard) {
      const { robot, topic: kind } = readFleetTopic(topic) ?? {};
      if (robot === undefined || (kind !== 'chunk' && kind !== 'part')) continue;
      const { header, payload: part } = decodeChunk(payload);
      const key = `${robot} ${header.kind} ${header.object}`;
      const own = parts.get(key) ?? new Map<number, Buffer>();
      parts.set(key, own);
      own.set(header.index, Buffer.from(part));
      if (own.size < header.chunks || whole.has(key)) continue;
      const ordered = [...own].sort(([one], [other]) => one - other).map(([, each]) => each);
      whole.set(key, { robot, header, bytes: Buffer.concat(ordered) });
    }
    return [...whole.values()];
  }

  /** Messages and bytes by the kind of topic; chunks by the kind of object. */
  counts(): Record<string, { messages: number; bytes: number }> {
    const counts: Record<string, { messages: number; bytes: number }> = {};
    for (const { topic, payload } of this.heard) {
      const kind = kindOf(topic, payload);
      const count = counts[kind] ?? { messages: 0, bytes: 0 };
      counts[kind] = count;
      count.messages += 1;
      count.bytes += payload.length;
    }
    return counts;
  }

  #hear(topic: string, payload: Buffer): void {
    this.heard.push({ topic, payload });
    const { robot, topic: kind } = readFleetTopic(topic) ?? {};
    if (robot === undefined || payload.length === 0) return;
    if (kind === 'reported') this.#reported.set(robot, JSON.parse(payload.toString()));
    if (kind === 'desired') this.#desired.set(robot, JSON.parse(payload.toString()));
  }
}

function kindOf(topic: string, payload: Buffer): string {
  const { topic: kind } = readFleetTopic(topic) ?? {};
  if (kind === undefined) return topic.split('/').slice(2).join('/') || topic;
  if (kind !== 'chunk' && kind !== 'part') return `fleet/${kind}`;
  return `fleet/${kind} ${decodeChunk(payload).header.kind}`;
}
