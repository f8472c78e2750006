import { z } from 'zod';
import {
  backboneChecksum,
  basisChecksum,
  count,
  epoch,
  errorCode,
  fleetVersion,
  labelCounts,
  MAX_TASKS,
  objectId,
  probability,
  reason,
  taskName,
  time,
} from './fleet-fields.js';

/**
 * What became of the fleet head that the hub wants: `fetching`: its chunks are on the way;
 * `judging`: the gate compares it; `serving`; `trial`: it serves beside the head that it replaced;
 * `refused`: by the gate; `rolled_back`: it served and was replaced by the earlier head; `held`: a
 * do-not-disturb lock, a pin or the setting `fleet.follow` keeps it from serving.
 */
export const HEAD_STATES = [
  'fetching',
  'judging',
  'serving',
  'trial',
  'refused',
  'rolled_back',
  'held',
] as const;
export type HeadState = (typeof HEAD_STATES)[number];

/** What a robot tells the hub about one task. */
export const reportedTaskSchema = z.strictObject({
  task: taskName,
  backbone: z.strictObject({
    name: z.string().min(1).max(128),
    checksum: backboneChecksum,
    feature_size: z.int().min(1).max(65_536),
  }),
  /** Everything labelled on the robot, also what it does not share. */
  labels: labelCounts,
  sums: z
    .strictObject({
      object: objectId,
      epoch,
      version: z.int().min(1),
      basis: basisChecksum,
      samples: count,
    })
    .nullable()
    .describe('The newest sums that the robot has sent; null: none'),
  moment: objectId.nullable().describe('The second moment that the robot has sent; null: none'),
  evaluated: z
    .strictObject({ round: count, object: objectId })
    .nullable()
    .describe('The newest evaluation that the robot has sent'),
  head: z
    .strictObject({
      fleet_version: fleetVersion,
      object: objectId,
      state: z.enum(HEAD_STATES),
      local_version: z.int().min(1).nullable().describe('Version in the registry of the robot'),
      reason: reason.nullable(),
    })
    .nullable()
    .describe('The newest fleet head that the robot has dealt with'),
  serving: z
    .strictObject({
      local_version: z.int().min(1),
      fleet_version: fleetVersion.nullable().describe('null: the head was trained on the robot'),
      holdout: z
        .strictObject({ macro_f1: probability, accuracy: probability, samples: count })
        .nullable(),
    })
    .nullable()
    .describe('The serving head; null: none'),
  unknown_share: probability.nullable().describe('Share of recent decisions that are "unknown"'),
  problem: z
    .strictObject({ code: errorCode, message: reason })
    .nullable()
    .describe('Why the robot cannot do what the hub wants'),
});
export type ReportedTask = z.infer<typeof reportedTaskSchema>;

/** Robot to hub, retained on `fleet/reported`; the newest replaces the one before. */
export const reportedSchema = z.strictObject({
  schema: z.literal('fleet/reported/1'),
  at: time,
  /** Orders reports within an epoch: an older one that arrives late is ignored. */
  epoch,
  number: count,
  version: z.string().max(64).describe('Version of headland'),
  share: z.boolean().describe('false: the hub forgets all that this robot has sent'),
  privacy: z
    .strictObject({
      epsilon: z.number().positive(),
      delta: z.number().positive().max(1),
      releases_left: count,
    })
    .nullable()
    .describe('Noise on everything that the robot sends; null: none'),
  position: z
    .strictObject({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
    })
    .nullable()
    .describe('Degrees, WGS 84; null: not known or not shared'),
  tasks: z.array(reportedTaskSchema).max(MAX_TASKS),
});
export type Reported = z.infer<typeof reportedSchema>;
