import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { sha256Hex } from '../../../src/base/hash.js';
import { type Chunk, decodeChunk, encodeChunks } from '../../../src/fleet/contract/chunk-codec.js';
import { type Desired, desiredSchema, type Offer } from '../../../src/fleet/contract/desired.js';
import { fleetTopic } from '../../../src/fleet/contract/fleet-topics.js';
import { BACKBONE, judged, ReportWriter, TASK, type Taught, taught } from './taught.js';

/** Robots share this number of different statistics. */
const DIFFERENT = 64;
/** Messages that wait for the broker at a time, over all connections. */
const AHEAD = 64;

class ReplayedRobot {
  readonly writer: ReportWriter;
  version = 0;
  desired: Desired | null = null;
  evaluatedRound: number | null = null;
  /** Newest head that it claims to serve. */
  headVersion: number | null = null;

  constructor(
    readonly name: string,
    readonly taught: Taught,
  ) {
    this.writer = new ReportWriter(taught.labels);
  }
}

/**
 * Thousands of robots over a handful of connections: reports, statistics that were made once, and answers to
 * candidates. A head counts as served when it is offered: nothing of it is fetched.
 */
export class ReplayedFleet {
  readonly #robots = new Map<string, ReplayedRobot>();
  readonly #clients: MqttClient[] = [];
  readonly #taught: Taught[] = Array.from({ length: DIFFERENT }, (_, number) => taught(number));
  readonly #fetching = new Map<string, { offer: Offer; parts: Map<number, Chunk>; done(): void }>();
  #turn = 0;
  #isBasisKnown = false;
  messages = 0;
  bytes = 0;
  readonly faults: unknown[] = [];

  static async connect(url: string, connections: number): Promise<ReplayedFleet> {
    const fleet = new ReplayedFleet();
    for (let n = 0; n < connections; n++) {
      fleet.#clients.push(
        await connectAsync(url, { clientId: `replay-${n}`, protocolVersion: 5, clean: true }),
      );
    }
    const [listener] = fleet.#clients;
    listener?.on('message', (topic, payload) => {
      const [, robot = '', , kind] = topic.split('/');
      if (kind === 'part') fleet.#takePart(robot, payload);
      else void fleet.#follow(robot, payload).catch((error: unknown) => fleet.faults.push(error));
    });
    await listener?.subscribeAsync(
      ['desired', 'part'].map((part) => `headland/+/fleet/${part}`),
      {
        qos: 1,
      },
    );
    return fleet;
  }

  get size(): number {
    return this.#robots.size;
  }

  /** Bytes of the statistics of one robot, mean. */
  get sumsBytes(): number {
    return this.#taught.reduce((sum, { sums }) => sum + sums.length, 0) / DIFFERENT;
  }

  /** Robots for which something holds. */
  count(holds: (robot: ReplayedRobot) => boolean): number {
    return [...this.#robots.values()].filter(holds).length;
  }

  /** More robots report, and send what they were taught. */
  async grow(size: number): Promise<void> {
    const added: ReplayedRobot[] = [];
    while (this.#robots.size < size) {
      const number = this.#robots.size;
      const name = `replayed-${String(number).padStart(5, '0')}`;
      const template = this.#taught[number % DIFFERENT];
      if (!template) throw new Error('no statistics');
      const robot = new ReplayedRobot(name, template);
      this.#robots.set(name, robot);
      added.push(robot);
    }
    await inTurns(added, async (robot) => {
      await this.#report(robot);
      // As a robot does: before it knows the basis it has nothing to send.
      while (!this.#isBasisKnown) await sleep(20);
      await this.#sendSums(robot);
    });
  }

  /** So many robots send their sums again, as after a label. */
  async renew(count: number): Promise<void> {
    await inTurns([...this.#robots.values()].slice(0, count), (robot) => this.#sendSums(robot));
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.endAsync(true)));
  }

  async #report(robot: ReplayedRobot): Promise<void> {
    const version = robot.headVersion;
    const head = version === null ? null : headOf(version, 'serving');
    const payload = robot.writer.next({
      head,
      serving:
        version === null ? null : { local_version: 1, fleet_version: version, holdout: null },
    });
    await this.#publish(fleetTopic(robot.name, 'reported'), payload, true);
  }

  async #sendSums(robot: ReplayedRobot): Promise<void> {
    robot.version += 1;
    await this.#send(robot, 'sums', robot.taught.sums);
  }

  async #send(robot: ReplayedRobot, kind: 'sums' | 'evaluation', bytes: Uint8Array): Promise<void> {
    const { epoch } = robot.writer;
    const about = { kind, task: TASK, backbone: BACKBONE, epoch, version: robot.version };
    for (const chunk of encodeChunks(bytes, about)) {
      await this.#publish(fleetTopic(robot.name, 'chunk'), chunk, false);
    }
  }

  async #publish(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    this.messages += 1;
    this.bytes += payload.length;
    const client = this.#clients[this.#turn++ % this.#clients.length];
    await client?.publishAsync(topic, Buffer.from(payload), { qos: 1, retain });
  }

  async #follow(name: string, payload: Uint8Array): Promise<void> {
    const robot = this.#robots.get(name);
    if (!robot) return;
    robot.desired = desiredSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
    const task = robot.desired.tasks[0];
    this.#isBasisKnown ||= (task?.basis ?? null) !== null;
    if (task?.evaluate && task.evaluate.round !== robot.evaluatedRound) {
      const { round, candidates } = task.evaluate;
      robot.evaluatedRound = round;
      const bytes = await this.#fetch(name, candidates);
      await this.#send(robot, 'evaluation', judged(robot.taught, round, candidates, bytes));
    }
    if (task?.head && task.head.fleet_version !== robot.headVersion) {
      robot.headVersion = task.head.fleet_version;
      await this.#report(robot);
    }
  }

  async #fetch(robot: string, offer: Offer): Promise<Uint8Array> {
    const parts = new Map<number, Chunk>();
    const whole = new Promise<void>((done) => {
      this.#fetching.set(`${robot} ${offer.object}`, { offer, parts, done });
    });
    for (let from = 0; from < offer.chunks; from += 16) {
      const count = Math.min(16, offer.chunks - from);
      const want = { schema: 'fleet/want/1', object: offer.object, from, count };
      await this.#publish(fleetTopic(robot, 'want'), Buffer.from(JSON.stringify(want)), false);
    }
    await whole;
    const bytes = new Uint8Array(offer.bytes);
    for (const { header, payload } of parts.values()) bytes.set(payload, header.offset);
    if (sha256Hex(bytes) !== offer.object) throw new Error(`${offer.object} is damaged`);
    return bytes;
  }

  #takePart(robot: string, payload: Uint8Array): void {
    const chunk = decodeChunk(Uint8Array.from(payload));
    const key = `${robot} ${chunk.header.object}`;
    const fetching = this.#fetching.get(key);
    if (!fetching) return;
    fetching.parts.set(chunk.header.index, chunk);
    if (fetching.parts.size < fetching.offer.chunks) return;
    this.#fetching.delete(key);
    fetching.done();
  }
}

function headOf(version: number, state: 'serving') {
  const object = '0'.repeat(64);
  return { fleet_version: version, object, state, local_version: 1, reason: null };
}

/** Some at a time, so that no thousands of messages wait in this process. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const workers = Array.from({ length: AHEAD }, async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  });
  await Promise.all(workers);
}
