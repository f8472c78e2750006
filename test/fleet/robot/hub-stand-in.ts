import type { TestContext } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { sha256Hex } from '../../../src/base/hash.js';
import {
  type ChunkHeader,
  decodeChunk,
  encodeChunk,
  framedChunk,
  type HubObject,
} from '../../../src/fleet/contract/chunk-codec.js';
import {
  type Desired,
  type DesiredTask,
  type Offer,
  wantSchema,
} from '../../../src/fleet/contract/desired.js';
import { fleetTopic, readFleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import { type Reported, reportedSchema } from '../../../src/fleet/contract/reported.js';
import { Recorder } from '../../recorder.js';

/** An object that has come whole from a robot. */
export interface Received {
  header: ChunkHeader;
  bytes: Buffer;
}

export interface HubOptions {
  robot?: string;
  protocolVersion?: 4 | 5;
  /** Small, so that each object is several chunks. */
  chunkBytes?: number;
}

/** Changes the chunks that answer a request. */
export type Tamper = (chunks: Buffer[]) => Buffer[];

/** A whole chunk that holds something else than its object does. */
export function withOtherPayload(chunk: Buffer): Buffer {
  const { header, payload } = decodeChunk(chunk);
  const other = Uint8Array.from(payload);
  other[other.length - 1]! ^= 1;
  return Buffer.from(framedChunk(header, other));
}

/** The hub's side of the contract for one robot, with the real codecs: it decides nothing by itself. */
export class HubStandIn {
  readonly reports = new Recorder<Reported>();
  readonly objects = new Recorder<Received>();
  /** Every message of the robot below fleet/, as it was on the wire. */
  readonly wire: { topic: string; bytes: Buffer }[] = [];
  readonly wants: unknown[] = [];
  tamper: Tamper = (chunks) => chunks;
  readonly #offered = new Map<string, { kind: HubObject; bytes: Uint8Array }>();
  readonly #parts = new Map<string, Map<number, Buffer>>();
  #desired: DesiredTask;

  private constructor(
    private readonly client: MqttClient,
    private readonly robot: string,
    private readonly chunkBytes: number,
    backbone: string,
  ) {
    this.#desired = {
      task: 'main',
      backbone,
      moment_wanted: false,
      basis: null,
      sums_accepted: null,
      refused: null,
      evaluate: null,
      head: null,
      follow: 'follow',
      local_labels: [],
      aliases: [],
    };
    client.on('message', (topic, payload) => this.#receive(topic, payload));
  }

  static async connect(
    t: TestContext,
    url: string,
    backbone: string,
    { robot = 'r1', protocolVersion = 5, chunkBytes = 700 }: HubOptions = {},
  ): Promise<HubStandIn> {
    const client = await connectAsync(url, { protocolVersion, reconnectPeriod: 0, clean: true });
    const hub = new HubStandIn(client, robot, chunkBytes, backbone);
    t.after(() => hub.close());
    for (const name of ['reported', 'chunk', 'want'] as const) {
      await client.subscribeAsync(fleetTopic(robot, name), { qos: 1 });
    }
    return hub;
  }

  /** Tells the robot what is wanted from now on. */
  async want(change: Partial<DesiredTask>, rest: Partial<Desired> = {}): Promise<void> {
    this.#desired = { ...this.#desired, ...change };
    const desired: Desired = {
      schema: 'fleet/desired/1',
      at: new Date().toISOString(),
      hub: 'stand-in',
      quarantined: null,
      tasks: [this.#desired],
      ...rest,
    };
    await this.client.publishAsync(fleetTopic(this.robot, 'desired'), JSON.stringify(desired), {
      qos: 1,
      retain: true,
    });
  }

  /** Makes an object available. */
  offer(kind: HubObject, bytes: Uint8Array): Offer {
    const object = sha256Hex(bytes);
    this.#offered.set(object, { kind, bytes });
    return { object, bytes: bytes.length, chunks: Math.ceil(bytes.length / this.chunkBytes) };
  }

  /** The first report that matches, of those that came or will come. */
  reported(matches: (task: Reported['tasks'][number], report: Reported) => boolean) {
    return this.reports.until((report) => {
      const [task] = report.tasks;
      return task !== undefined && matches(task, report);
    }, 'reported');
  }

  close(): void {
    this.client.end(true);
    this.client.stream?.destroy();
  }

  #receive(topic: string, payload: Buffer): void {
    this.wire.push({ topic, bytes: Buffer.from(payload) });
    switch (readFleetTopic(topic)?.topic) {
      case 'reported':
        this.reports.add(reportedSchema.parse(JSON.parse(payload.toString())));
        break;
      case 'chunk':
        this.#keep(payload);
        break;
      case 'want':
        this.#answer(payload);
        break;
    }
  }

  #keep(payload: Buffer): void {
    const { header, payload: part } = decodeChunk(payload);
    const parts = this.#parts.get(header.object) ?? new Map<number, Buffer>();
    this.#parts.set(header.object, parts);
    parts.set(header.offset, Buffer.from(part));
    const bytes = Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, each]) => each));
    if (bytes.length !== header.bytes || sha256Hex(bytes) !== header.object) return;
    this.#parts.delete(header.object);
    this.objects.add({ header, bytes });
  }

  #answer(payload: Buffer): void {
    const want = wantSchema.parse(JSON.parse(payload.toString()));
    this.wants.push(want);
    const offered = this.#offered.get(want.object);
    if (!offered) return;
    const { task, backbone } = this.#desired;
    const about = { kind: offered.kind, task, backbone };
    const total = Math.ceil(offered.bytes.length / this.chunkBytes);
    const chunks: Buffer[] = [];
    for (let index = want.from; index < Math.min(total, want.from + want.count); index++) {
      chunks.push(
        Buffer.from(encodeChunk(offered.bytes, want.object, about, index, this.chunkBytes)),
      );
    }
    for (const chunk of this.tamper(chunks)) {
      this.client.publish(fleetTopic(this.robot, 'part'), chunk, { qos: 1 });
    }
  }
}
