import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseRecord } from '../../base/values/parse-record.js';
import type { Meta, TaskMeta } from '../../storage/meta-table.js';
import { HEAD_STATES } from '../contract/reported.js';

const EPOCH_KEY = 'fleet.epoch';
const NUMBER_KEY = 'fleet.reports';
const WITHDRAWN_KEY = 'fleet.withdrawn';
const TASK_KEY = 'fleet.task';

const id = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

/** An object that was sent, or is about to be. */
const sentSchema = z.object({
  object: id,
  epoch: z.uuid(),
  version: z.int().min(1),
  samples: count,
  /** Digest of the content without noise: equal content is not sent again. */
  content: z.string(),
  /** Cheap sign that the content may have changed. */
  stamp: z.string(),
  /** All its chunks are in the outbox, or were. */
  queued: z.boolean(),
});

const taskSchema = z.object({
  /** The rest belongs to this backbone. */
  backbone: z.string(),
  /** The last version in the epoch. */
  version: count,
  sums: sentSchema.extend({ basis: z.string() }).nullable(),
  moment: sentSchema.nullable(),
  /** Object in the folder: the samples of each class when it was sent last. */
  given: id.nullable(),
  evaluated: z
    .object({
      round: count,
      candidates: id,
      object: id,
      epoch: z.uuid(),
      version: z.int().min(1),
      queued: z.boolean(),
    })
    .nullable(),
  /** Contributions with noise; see `fleet.privacy.releases`. */
  releases: count,
  /** Unix time of the last contribution, milliseconds; null: none. */
  contributedAtMs: z.number().nullable(),
  /** The newest head of the fleet that was dealt with. */
  head: z
    .object({
      version: z.int().min(1),
      object: id,
      state: z.enum(HEAD_STATES),
      localVersion: z.int().min(1).nullable(),
      reason: z.string().nullable(),
    })
    .nullable(),
  /** What trainings blend own samples with: the accepted head and its companions. */
  base: z
    .object({
      version: z.int().min(1),
      samples: count,
      head: id,
      prior: id.nullable(),
      basis: id.nullable(),
      lambdaIndex: count,
      scale: z.number().positive(),
      aliases: z.array(z.object({ label: z.string(), instead: z.string() })),
    })
    .nullable(),
});

export type TaskMemory = z.infer<typeof taskSchema>;
export type SentObject = z.infer<typeof sentSchema>;
export type FleetBase = NonNullable<TaskMemory['base']>;

export function emptyMemory(backbone: string): TaskMemory {
  return {
    backbone,
    version: 0,
    sums: null,
    moment: null,
    given: null,
    evaluated: null,
    releases: 0,
    contributedAtMs: null,
    head: null,
    base: null,
  };
}

/** What the fleet remembers of the whole robot, in the database: durable when a method returns. */
export class FleetMemory {
  constructor(private readonly meta: Pick<Meta, 'get' | 'set'>) {}

  /** Random id of this state. @throws HeadlandError HL_STORE_… */
  epoch(): string {
    const known = this.meta.get(EPOCH_KEY);
    return known ?? this.renewEpoch();
  }

  renewEpoch(): string {
    const epoch = randomUUID();
    this.meta.set(EPOCH_KEY, epoch);
    return epoch;
  }

  /** Number of the next report. */
  nextReport(): number {
    const number = Number(this.meta.get(NUMBER_KEY) ?? '0') + 1;
    this.meta.set(NUMBER_KEY, String(number));
    return number;
  }

  /** Somebody has withdrawn the robot, whatever the setting says. */
  get isWithdrawn(): boolean {
    return this.meta.get(WITHDRAWN_KEY) !== null;
  }

  withdraw(withdrawn: boolean): void {
    this.meta.set(WITHDRAWN_KEY, withdrawn ? '1' : null);
  }
}

/** What the fleet remembers of a task; nothing yet, or nothing that can be read: null. */
export function readTaskMemory(meta: TaskMeta): TaskMemory | null {
  const text = meta.get(TASK_KEY);
  if (text === null) return null;
  const parsed = taskSchema.safeParse(parseRecord(text));
  return parsed.success ? parsed.data : null;
}

/** Durable when it returns. @throws HeadlandError HL_STORE_… */
export function writeTaskMemory(meta: TaskMeta, memory: TaskMemory): void {
  meta.set(TASK_KEY, JSON.stringify(memory));
}
