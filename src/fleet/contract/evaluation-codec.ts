import { z } from 'zod';
import { SCALES } from '../../head/sums/candidates.js';
import { HISTOGRAM_BINS } from '../../head/sums/gaussian-sums.js';
import { invalidObject, openSealed, sealed } from '../../head/sums/sealed.js';
import { backboneChecksum, count, label, MAX_LABELS, objectId } from './fleet-fields.js';

const MAGIC = 'HLFEVA01';
const MAX_LAMBDAS = 64;

const sum = z.number().min(0);

const answersSchema = z.strictObject({
  classes: z
    .array(
      z.strictObject({
        label,
        samples: sum,
        right: z.array(sum).max(MAX_LAMBDAS),
        loss: z.array(sum).max(MAX_LAMBDAS * SCALES.length),
      }),
    )
    .max(MAX_LABELS),
  notKnown: sum,
  novelty: z.array(sum).length(HISTOGRAM_BINS),
});

const evaluationSchema = z.strictObject({
  schema: z.literal('fleet/evaluation/1'),
  backbone: backboneChecksum,
  round: count,
  candidates: objectId,
  training: answersSchema.describe('On samples that the sums of the robot contain'),
  holdout: answersSchema.describe('On samples that no head is ever trained on'),
});
/** What a robot answers about candidates: counts and sums of losses, by class and by the names of the fleet. */
export type Evaluation = z.infer<typeof evaluationSchema>;

export function encodeEvaluation(evaluation: Evaluation): Uint8Array {
  return sealed(MAGIC, evaluation, []);
}

/** @throws HL_FLEET_OBJECT_INVALID */
export function decodeEvaluation(bytes: Uint8Array): Evaluation {
  const { header } = openSealed(MAGIC, bytes, 0, () => []);
  const parsed = evaluationSchema.safeParse(header);
  if (!parsed.success) throw invalidObject(z.prettifyError(parsed.error));
  return parsed.data;
}
