import { z } from 'zod';
import {
  backboneChecksum,
  basisChecksum,
  count,
  epoch,
  errorCode,
  fleetVersion,
  label,
  MAX_LABELS,
  MAX_TASKS,
  objectId,
  reason,
  taskName,
  time,
} from './fleet-fields.js';

/** An object that the robot can ask for. */
export const offerSchema = z.strictObject({
  object: objectId,
  bytes: z.int().min(1),
  chunks: z.int().min(1).describe('Number of its chunks'),
});
export type Offer = z.infer<typeof offerSchema>;

/** What the hub wants of one task of a robot. */
export const desiredTaskSchema = z.strictObject({
  task: taskName,
  backbone: backboneChecksum.describe('The rest concerns heads on this backbone only'),
  moment_wanted: z.boolean().describe('The fleet has no basis yet: send the second moment'),
  basis: z
    .strictObject({
      checksum: basisChecksum,
      offer: offerSchema.nullable().describe('null for "identity"'),
      directions: z.int().min(1),
    })
    .nullable()
    .describe('Send sums in this basis; null: not yet'),
  sums_accepted: z
    .strictObject({ epoch, version: z.int().min(1) })
    .nullable()
    .describe('The newest sums of the robot that the hub has'),
  refused: z
    .strictObject({ object: objectId, code: errorCode, message: reason })
    .nullable()
    .describe('Why the hub did not take the newest object of the robot'),
  evaluate: z
    .strictObject({ round: count, candidates: offerSchema })
    .nullable()
    .describe('Judge these candidates, which were trained without this robot'),
  head: z
    .strictObject({
      fleet_version: fleetVersion,
      head: offerSchema,
      prior: offerSchema.nullable().describe('Sums of all other robots, for blending'),
      round: count.describe('Round of candidates from which the head was chosen'),
      lambda_index: count,
      scale: z.number().positive().describe('Factor from ridge outputs to logits'),
      samples: count.describe('Samples of the whole fleet in the head'),
      roll_back: z
        .boolean()
        .describe('Serve this version although a newer one serves: no gate decides'),
    })
    .nullable()
    .describe('null: nothing to follow'),
  follow: z
    .enum(['follow', 'pinned', 'paused'])
    .describe('`pinned`: the named head stays; `paused`: change nothing, send nothing'),
  local_labels: z.array(label).max(MAX_LABELS).describe('Labels that the robot must not send'),
  aliases: z
    .array(z.strictObject({ label, instead: label }))
    .max(MAX_LABELS)
    .describe('Names of the fleet for labels of robots'),
});
export type DesiredTask = z.infer<typeof desiredTaskSchema>;

/** Hub to robot, retained on `fleet/desired`. */
export const desiredSchema = z.strictObject({
  schema: z.literal('fleet/desired/1'),
  at: time,
  hub: z.string().min(1).max(64).describe('Name of the fleet'),
  quarantined: reason.nullable().describe('Why the hub uses nothing of this robot; null: it does'),
  tasks: z.array(desiredTaskSchema).max(MAX_TASKS),
});
export type Desired = z.infer<typeof desiredSchema>;

/** Robot to hub on `fleet/want`: asks for chunks [from, from + count) of an offered object. */
export const wantSchema = z.strictObject({
  schema: z.literal('fleet/want/1'),
  object: objectId,
  from: count,
  count: z.int().min(1).max(16),
});
export type Want = z.infer<typeof wantSchema>;
