import { z } from 'zod';
import { invalidObject, openSealed, sealed } from '../../head/sums/sealed.js';
import { backboneChecksum } from './fleet-fields.js';

const MAGIC = 'HLFMOM01';
const MAX_FEATURES = 4_096;
const MAX_BYTES = 2 * MAX_FEATURES * (MAX_FEATURES + 1);

const headerSchema = z.strictObject({
  backbone: backboneChecksum,
  featureSize: z.int().min(1).max(MAX_FEATURES),
  samples: z.number().min(0),
  sigma: z.number().min(0),
});

/** Sum over samples of w φ φᵀ, of L2-normalised features. */
export interface Moment {
  /** Checksum of the features. */
  backbone: string;
  featureSize: number;
  /** Sum of the weights. */
  samples: number;
  /** Standard deviation of the noise in each value; 0: none. */
  sigma: number;
  /** Lower triangle by rows: featureSize (featureSize + 1) / 2. */
  values: Float32Array;
}

export function encodeMoment({ values, ...header }: Moment): Uint8Array {
  return sealed(MAGIC, header, [values]);
}

/** Reads a moment; sizes are checked before anything is allocated. @throws HL_FLEET_OBJECT_INVALID */
export function decodeMoment(bytes: Uint8Array): Moment {
  const { header, payload } = openSealed(MAGIC, bytes, MAX_BYTES, (raw) => {
    const { featureSize } = headerOf(raw);
    return [{ length: (featureSize * (featureSize + 1)) / 2, size: 4 }];
  });
  const values = new Float32Array(payload.buffer, payload.byteOffset, payload.length / 4);
  if (!values.every(Number.isFinite)) throw invalidObject('a value that is not finite');
  return { ...headerOf(header), values };
}

function headerOf(raw: Record<string, unknown>): z.infer<typeof headerSchema> {
  const parsed = headerSchema.safeParse(raw);
  if (!parsed.success) throw invalidObject(z.prettifyError(parsed.error));
  return parsed.data;
}
