import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import { backboneChecksum, count, label, MAX_LABELS, objectId } from './fleet-fields.js';

/** Most bytes of an evaluation before compression. */
const MAX_BYTES = 67_108_864;

const amount = z.number().min(0).max(1e9);
const answersSchema = z.strictObject({
  classes: z
    .array(
      z.strictObject({
        label,
        samples: amount,
        right: z.array(amount).max(64),
        loss: z.array(z.number().min(0).max(1e12)).max(2_048),
      }),
    )
    .max(MAX_LABELS),
  notKnown: amount,
  novelty: z.array(amount).max(1_024).describe('Samples of known classes by bin of novelty'),
});

const evaluationSchema = z.strictObject({
  schema: z.literal('fleet/evaluation/1'),
  backbone: backboneChecksum,
  round: count,
  candidates: objectId.describe('What was judged'),
  training: answersSchema.describe('On samples that the robot trains on'),
  holdout: answersSchema.nullable().describe('On samples that no head is trained on; null: none'),
});

/** What a robot answers about candidates: counts and sums of losses, and nothing else of its samples. */
export type Evaluation = z.infer<typeof evaluationSchema>;

/** JSON, deflated. */
export function encodeEvaluation(evaluation: Evaluation): Uint8Array {
  return deflateRawSync(Buffer.from(JSON.stringify(evaluation)));
}

/** @throws HL_FLEET_OBJECT_INVALID */
export function decodeEvaluation(bytes: Uint8Array): Evaluation {
  let value: unknown;
  try {
    value = JSON.parse(inflateRawSync(bytes, { maxOutputLength: MAX_BYTES }).toString('utf8'));
  } catch (cause) {
    throw invalid('it is not deflated JSON', cause);
  }
  const parsed = evaluationSchema.safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
  return parsed.data;
}

function invalid(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_INVALID',
    `cannot read an evaluation of the fleet: ${what}`,
    { remedy: 'Use the same version of headland on the robots and on the hub.', cause },
  );
}
