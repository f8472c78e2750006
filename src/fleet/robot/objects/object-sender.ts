import { HeadlandError } from '../../../base/errors.js';
import type { OutboxMessage } from '../../../storage/outbox-table.js';
import {
  CHUNK_BYTES,
  encodeChunks,
  type ObjectAbout,
  type RobotObject,
} from '../../contract/chunk-codec.js';

/** Room for the header of a chunk. */
const HEADER_MAX_BYTES = 1_024;
const MIN_CHUNK_BYTES = 1_024;

/** The part of telemetry that sends chunks. */
export interface ChunkOutbox {
  /** See {@link import('../../../telemetry/outbox/outbox.js').Outbox.replace}. */
  replace(subject: string, messages: readonly OutboxMessage[]): boolean;
  waitingOf(subject: string): number;
  /** Largest payload on a topic, bytes. */
  maxPayloadBytes(topic: string): number;
}

/** Puts objects into the durable outbox, in chunks; a newer one replaces the chunks of an older one. */
export class ObjectSender {
  /** Largest chunk of what was queued last, by subject. */
  readonly #chunkBytes = new Map<string, number>();

  constructor(
    private readonly outbox: ChunkOutbox,
    private readonly topic: string,
  ) {}

  /** Chunks that the broker has not acknowledged. */
  waiting(kind: RobotObject, task: string): number {
    return this.outbox.waitingOf(subjectOf(kind, task));
  }

  /** The broker takes only smaller packets than those that wait. */
  isTooLargeNow(kind: RobotObject, task: string): boolean {
    const queued = this.#chunkBytes.get(subjectOf(kind, task)) ?? CHUNK_BYTES;
    return this.#limit() < queued && this.waiting(kind, task) > 0;
  }

  /**
   * Durable when it returns.
   * @throws HeadlandError HL_FLEET_OBJECT_NOT_QUEUED: nothing has changed
   */
  send(object: Uint8Array, about: ObjectAbout & { kind: RobotObject }): void {
    const subject = subjectOf(about.kind, about.task);
    const chunkBytes = this.#limit();
    const messages: OutboxMessage[] = [];
    for (const payload of encodeChunks(object, about, chunkBytes)) {
      messages.push({ topic: this.topic, payload, qos: 1, retain: false, class: 'fleet', subject });
    }
    if (!this.outbox.replace(subject, messages)) throw notQueued(about.kind, object.length);
    this.#chunkBytes.set(subject, chunkBytes);
  }

  /** Forgets what waits. */
  withdraw(kind: RobotObject, task: string): void {
    this.outbox.replace(subjectOf(kind, task), []);
  }

  #limit(): number {
    const maxBytes = this.outbox.maxPayloadBytes(this.topic) - HEADER_MAX_BYTES;
    return Math.max(MIN_CHUNK_BYTES, Math.min(CHUNK_BYTES, maxBytes));
  }
}

function subjectOf(kind: RobotObject, task: string): string {
  return `${kind} ${task}`;
}

function notQueued(kind: RobotObject, bytes: number): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_NOT_QUEUED',
    `the ${kind} for the fleet (${bytes} bytes) cannot be queued`,
    {
      remedy:
        'Raise mqtt.outboxClasses.fleet.maxBytes and mqtt.outboxMaxBytes, or let the hub use fewer directions; if the disk is full, free space.',
      details: { kind, bytes },
    },
  );
}
