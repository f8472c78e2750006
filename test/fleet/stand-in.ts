import { randomUUID } from 'node:crypto';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { sha256Hex } from '../../src/base/hash.js';
import {
  type Chunk,
  decodeChunk,
  encodeChunks,
  type RobotObject,
} from '../../src/fleet/contract/chunk-codec.js';
import {
  type Desired,
  type DesiredTask,
  desiredSchema,
  type Offer,
} from '../../src/fleet/contract/desired.js';
import { type Evaluation, encodeEvaluation } from '../../src/fleet/contract/evaluation-codec.js';
import { fleetTopic } from '../../src/fleet/contract/fleet-topics.js';
import { encodeMoment } from '../../src/fleet/contract/moment-codec.js';
import type { HeadState, Reported } from '../../src/fleet/contract/reported.js';
import { decodeHead } from '../../src/head/codec.js';
import type { Head } from '../../src/head/head.js';
import { headProbabilities } from '../../src/head/score.js';
import {
  type Basis,
  decodeBasis,
  IDENTITY,
  identityBasis,
  project,
} from '../../src/head/sums/basis.js';
import { decodeCandidates, judgeCandidates } from '../../src/head/sums/candidates.js';
import {
  decodeSums,
  encodeSums,
  sumsByClass,
  type TaskSums,
} from '../../src/head/sums/task-sums.js';

/** What a robot has labelled. */
export interface StandInData {
  /** Rows x featureSize. */
  features: Float32Array;
  labels: string[];
}

export interface StandInOptions {
  robot: string;
  /** One broker, or the nodes of a cluster: it goes on to the next when one is away. */
  url: string | readonly string[];
  /** 4: MQTT 3.1.1. Default: 5. */
  protocolVersion?: 4 | 5;
  task: string;
  backbone: string;
  featureSize: number;
  data: StandInData;
  /** What its gate says of a head of the fleet; default: it serves. */
  gate?: (head: Head, version: number) => HeadState;
  /** Changes sums before they are encoded: for hostile robots. */
  distort?: (sums: TaskSums) => TaskSums;
  /** Changes what it answers about candidates: for hostile robots. */
  distortAnswers?: (evaluation: Evaluation) => Evaluation;
  /** What goes over the wire instead of the chunks of an object: any order, number and damage. */
  wire?: (chunks: readonly Uint8Array[], kind: RobotObject) => Uint8Array[];
  /** Bytes of an object in a chunk; default: all that a message may hold. */
  chunkBytes?: number;
  epoch?: string;
  /** Certificates, for a broker that wants them, and the client id, where rights depend on it. */
  identity?: Pick<IClientOptions, 'ca' | 'cert' | 'key' | 'clientId'>;
}

interface Sent {
  object: string;
  version: number;
  samples: number;
  basis: string;
}

/** The hub wants something newer meanwhile. */
class NoLongerOffered extends Error {}

/**
 * A robot of a fleet without camera, store and gate: the messages, codecs and mathematics are real. Many fit into
 * one process.
 */
export class RobotStandIn {
  readonly robot: string;
  readonly #options: StandInOptions;
  #client: MqttClient | null = null;
  #epoch: string;
  #number = 0;
  #version = 0;
  #data: StandInData;
  #share = true;
  #basis: Basis | null = null;
  #sums: Sent | null = null;
  #moment: string | null = null;
  #evaluated: { round: number; object: string } | null = null;
  #headState: { version: number; object: string; state: HeadState } | null = null;
  #desired: Desired | null = null;
  readonly #fetching = new Map<
    string,
    { parts: Map<number, Chunk>; done(bytes: Uint8Array): void; end(): void }
  >();
  readonly #objects = new Map<string, Uint8Array>();
  #work: Promise<void> = Promise.resolve();
  /** The newest head of the fleet that it serves. */
  head: Head | null = null;
  prior: TaskSums | null = null;
  /** Everything that it has sent on `chunk`, for replays. */
  readonly chunks: Uint8Array[] = [];
  readonly #newest = new Map<RobotObject, readonly Uint8Array[]>();
  /** Payloads by topic, in both directions: what has gone over the wire. */
  bytesSent = 0;
  faults: unknown[] = [];

  constructor(options: StandInOptions) {
    this.#options = options;
    this.robot = options.robot;
    this.#data = options.data;
    this.#epoch = options.epoch ?? randomUUID();
  }

  get desired(): Desired | null {
    return this.#desired;
  }

  get task(): DesiredTask | null {
    return this.#desired?.tasks[0] ?? null;
  }

  get servingVersion(): number | null {
    return this.#headState?.version ?? null;
  }

  get headState(): HeadState | null {
    return this.#headState?.state ?? null;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get sentVersion(): number {
    return this.#version;
  }

  async start(): Promise<void> {
    const { url, protocolVersion = 5 } = this.#options;
    const servers = (typeof url === 'string' ? [url] : url).map((one) => new URL(one));
    const [first] = servers;
    if (first === undefined) throw new Error('no broker');
    const client = connect(first.href, {
      protocolVersion,
      ...(servers.length > 1 && { servers: servers.map(serverOf) }),
      clientId: `stand-in-${this.robot}`,
      reconnectPeriod: 200,
      clean: true,
      ...this.#options.identity,
    });
    client.on('error', () => undefined);
    client.on('message', (topic, payload) => this.#receive(topic, payload));
    client.on('connect', () => {
      client.subscribe([fleetTopic(this.robot, 'desired'), fleetTopic(this.robot, 'part')], {
        qos: 1,
      });
      this.report();
    });
    this.#client = client;
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  }

  async stop(): Promise<void> {
    for (const { end } of this.#fetching.values()) end();
    await this.#work;
    await this.#client?.endAsync(true);
  }

  /** Labels more, and sends its sums again. */
  learn(data: StandInData): void {
    this.#data = {
      features: Float32Array.from([...this.#data.features, ...data.features]),
      labels: [...this.#data.labels, ...data.labels],
    };
    this.#do(async () => this.#sendSums());
  }

  /** Sends its newest sums or answers again, as a robot does when the hub has not taken them for ten minutes. */
  sendAgain(kind: 'sums' | 'evaluation' = 'sums'): void {
    this.#do(async () => {
      for (const chunk of this.#newest.get(kind) ?? []) await this.publish('chunk', chunk);
    });
  }

  /** Everything on it is forgotten by the hub. */
  withdraw(): void {
    this.#share = false;
    this.report();
  }

  /** Shares again after it withdrew. */
  rejoin(): void {
    this.#share = true;
    this.report();
    this.#do(async () => this.#sendSums());
  }

  /** Sends any payload. */
  publish(topic: 'reported' | 'chunk' | 'want', payload: Uint8Array): Promise<unknown> {
    this.bytesSent += payload.length;
    const bytes = Buffer.from(payload);
    const client = this.#client;
    if (client === null) return Promise.resolve();
    return client.publishAsync(fleetTopic(this.robot, topic), bytes, {
      qos: 1,
      retain: topic === 'reported',
    });
  }

  report(): void {
    void this.publish('reported', Buffer.from(JSON.stringify(this.reported()))).catch(
      () => undefined,
    );
  }

  reported(): Reported {
    const { task, backbone, featureSize } = this.#options;
    const counts = new Map<string, number>();
    for (const label of this.#data.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    const head = this.#headState;
    const sums = this.#sums;
    this.#number += 1;
    return {
      schema: 'fleet/reported/1',
      at: new Date().toISOString(),
      epoch: this.#epoch,
      number: this.#number,
      version: '0.0.0',
      share: this.#share,
      privacy: null,
      position: null,
      tasks: [
        {
          task,
          backbone: { name: 'stand-in', checksum: backbone, feature_size: featureSize },
          labels: [...counts].map(([label, samples]) => ({ label, samples })),
          sums:
            sums === null
              ? null
              : {
                  object: sums.object,
                  epoch: this.#epoch,
                  version: sums.version,
                  basis: sums.basis,
                  samples: sums.samples,
                },
          moment: this.#moment,
          evaluated: this.#evaluated,
          head:
            head === null
              ? null
              : {
                  fleet_version: head.version,
                  object: head.object,
                  state: head.state,
                  local_version: head.version,
                  reason: head.state === 'refused' ? 'the gate refused it' : null,
                },
          serving:
            head === null || head.state === 'refused'
              ? null
              : { local_version: head.version, fleet_version: head.version, holdout: null },
          unknown_share: null,
          problem: null,
        },
      ],
    };
  }

  /** Labels of a head, or of that which it serves. @param features rows x featureSize */
  answers(features: Float32Array, head = this.head): string[] {
    if (head === null) return [];
    const probabilities = headProbabilities(head, features);
    const count = head.labels.length;
    return Array.from({ length: features.length / head.featureSize }, (_, row) => {
      let best = 0;
      for (let c = 1; c < count; c++) {
        if (probabilities[row * count + c]! > probabilities[row * count + best]!) best = c;
      }
      return head.labels[best]!;
    });
  }

  /** The sums as they are sent. */
  encodedSums(basis: Basis): Uint8Array {
    const { backbone, distort = (sums: TaskSums) => sums } = this.#options;
    const z = project(basis, this.#data.features);
    const shares = new Float64Array(this.#data.labels.length).fill(1);
    return encodeSums(
      distort({
        backboneChecksum: backbone,
        basisChecksum: basis.checksum,
        directions: basis.directions,
        sigma: 0,
        classes: sumsByClass(z, basis.directions, this.#data.labels, shares),
      }),
    );
  }

  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      if (!(error instanceof NoLongerOffered)) this.faults.push(error);
    });
  }

  #receive(topic: string, payload: Buffer): void {
    if (topic === fleetTopic(this.robot, 'part')) this.#takePart(decodeChunk(payload));
    if (topic !== fleetTopic(this.robot, 'desired')) return;
    const text = payload.toString('utf8');
    this.#desired = desiredSchema.parse(JSON.parse(text));
    for (const [object, { end }] of this.#fetching) if (!text.includes(object)) end();
    const [task] = this.#desired.tasks;
    if (task) this.#do(() => this.#follow(task));
  }

  async #follow(task: DesiredTask): Promise<void> {
    if (task.follow === 'paused') return;
    if (this.#share) await this.#contribute(task);
    if (task.head !== null) await this.#takeHead(task.head);
  }

  async #contribute(task: DesiredTask): Promise<void> {
    if (task.moment_wanted && this.#moment === null) await this.#sendMoment();
    if (task.basis !== null) await this.#takeBasis(task.basis);
    else this.#basis = null;
    if (task.evaluate !== null && this.#evaluated?.round !== task.evaluate.round) {
      await this.#evaluate(task.evaluate.round, task.evaluate.candidates);
    }
  }

  async #sendMoment(): Promise<void> {
    const { backbone, featureSize: d } = this.#options;
    const z = project(identityBasis(d), this.#data.features);
    const values = new Float32Array((d * (d + 1)) / 2);
    for (let row = 0; row < z.length / d; row++) {
      for (let i = 0, at = 0; i < d; i++) {
        for (let j = 0; j <= i; j++, at++) values[at]! += z[row * d + i]! * z[row * d + j]!;
      }
    }
    const samples = this.#data.labels.length;
    const bytes = encodeMoment({ backbone, featureSize: d, samples, sigma: 0, values });
    this.#moment = sha256Hex(bytes);
    await this.#send('moment', bytes);
    this.report();
  }

  async #takeBasis(wanted: NonNullable<DesiredTask['basis']>): Promise<void> {
    if (this.#basis?.checksum === wanted.checksum) return;
    this.#basis =
      wanted.checksum === IDENTITY || wanted.offer === null
        ? identityBasis(this.#options.featureSize)
        : decodeBasis(await this.fetch(wanted.offer));
    await this.#sendSums();
  }

  async #sendSums(): Promise<void> {
    if (this.#basis === null || this.#data.labels.length === 0) return;
    const bytes = this.encodedSums(this.#basis);
    this.#version += 1;
    this.#sums = {
      object: sha256Hex(bytes),
      version: this.#version,
      samples: this.#data.labels.length,
      basis: this.#basis.checksum,
    };
    await this.#send('sums', bytes);
    this.report();
  }

  async #send(kind: RobotObject, bytes: Uint8Array): Promise<void> {
    const { task, backbone, chunkBytes } = this.#options;
    const version = Math.max(1, this.#version);
    const about = { kind, task, backbone, epoch: this.#epoch, version };
    const chunks = [...encodeChunks(bytes, about, chunkBytes)];
    this.chunks.push(...chunks);
    this.#newest.set(kind, chunks);
    const { wire } = this.#options;
    for (const chunk of wire?.(chunks, kind) ?? chunks) await this.publish('chunk', chunk);
  }

  async #evaluate(round: number, offer: Offer): Promise<void> {
    if (this.#basis === null) return;
    const candidates = decodeCandidates(await this.fetch(offer));
    const z = project(this.#basis, this.#data.features);
    const shares = new Float64Array(this.#data.labels.length).fill(1);
    const training = judgeCandidates(candidates, z, this.#named(), shares);
    const { distortAnswers = (evaluation: Evaluation) => evaluation } = this.#options;
    const evaluation: Evaluation = {
      schema: 'fleet/evaluation/1',
      backbone: this.#options.backbone,
      round,
      candidates: offer.object,
      training,
      holdout: judgeCandidates(candidates, z.subarray(0, 0), [], shares.subarray(0, 0)),
    };
    const bytes = encodeEvaluation(distortAnswers(evaluation));
    this.#evaluated = { round, object: sha256Hex(bytes) };
    await this.#send('evaluation', bytes);
    this.report();
  }

  /** Labels by the names of the fleet. */
  #named(): string[] {
    const names = new Map(this.task?.aliases.map(({ label, instead }) => [label, instead]));
    return this.#data.labels.map((label) => names.get(label) ?? label);
  }

  async #takeHead(wanted: NonNullable<DesiredTask['head']>): Promise<void> {
    if (this.#headState?.version === wanted.fleet_version) return;
    const head = decodeHead(await this.fetch(wanted.head));
    this.prior = wanted.prior === null ? null : decodeSums(await this.fetch(wanted.prior));
    const gate = this.#options.gate ?? (() => 'serving');
    const state = wanted.roll_back ? 'serving' : gate(head, wanted.fleet_version);
    if (state === 'serving' || state === 'trial') this.head = head;
    this.#headState = { version: wanted.fleet_version, object: wanted.head.object, state };
    this.report();
  }

  /** Asks for the chunks of an object until they are all here. */
  async fetch(offer: Offer): Promise<Uint8Array> {
    const known = this.#objects.get(offer.object);
    if (known) return known;
    const bytes = await new Promise<Uint8Array>((resolve, reject) => {
      const parts = new Map<number, Chunk>();
      let from = 0;
      const ask = (): void => {
        while (parts.has(from)) from++;
        const count = Math.min(16, offer.chunks - from);
        if (count < 1) return;
        const want = { schema: 'fleet/want/1', object: offer.object, from, count };
        this.publish('want', Buffer.from(JSON.stringify(want))).catch(() => undefined);
      };
      const again = setInterval(ask, 2_000);
      const giveUp = setTimeout(() => {
        clearInterval(again);
        reject(new Error(`${this.robot}: no chunks of ${offer.object}`));
      }, 60_000);
      this.#fetching.set(offer.object, {
        parts,
        done: (whole) => {
          clearInterval(again);
          clearTimeout(giveUp);
          resolve(whole);
        },
        end: () => {
          clearInterval(again);
          clearTimeout(giveUp);
          reject(new NoLongerOffered());
        },
      });
      ask();
    });
    if (sha256Hex(bytes) !== offer.object) throw new Error(`${offer.object} is damaged`);
    this.#objects.set(offer.object, bytes);
    return bytes;
  }

  #takePart({ header, payload }: Chunk): void {
    const fetching = this.#fetching.get(header.object);
    if (!fetching) return;
    fetching.parts.set(header.index, { header, payload });
    if (fetching.parts.size < header.chunks) return;
    const whole = new Uint8Array(header.bytes);
    for (const part of fetching.parts.values()) whole.set(part.payload, part.header.offset);
    this.#fetching.delete(header.object);
    fetching.done(whole);
  }
}

/** What mqtt.js takes in its list of servers. */
function serverOf({ protocol, hostname, port }: URL): {
  protocol: 'mqtt' | 'mqtts';
  host: string;
  port: number;
} {
  return {
    protocol: protocol === 'mqtts:' ? 'mqtts' : 'mqtt',
    host: hostname,
    port: Number(port),
  };
}
