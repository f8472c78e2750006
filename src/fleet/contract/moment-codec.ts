import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import { backboneChecksum } from './fleet-fields.js';

/**
 * A second moment as bytes: 'HLFM', one byte of version, length of the header (uint16, little-endian), the
 * header (JSON, UTF-8), then the values (float32, little-endian), deflated.
 */
const MAGIC = Buffer.from('HLFM\x01', 'latin1');
const PREFIX_BYTES = MAGIC.length + 2;
const MAX_FEATURES = 4_096;

const headerSchema = z.strictObject({
  backbone: backboneChecksum,
  feature_size: z.int().min(1).max(MAX_FEATURES),
  samples: z.number().min(0),
  sigma: z.number().min(0).describe('Standard deviation of the noise in each value; 0: none'),
});

/** Sum over samples of w φ φᵀ, of L2-normalised features. */
export interface Moment {
  /** Checksum of the features. */
  backbone: string;
  featureSize: number;
  /** Sum of the weights. */
  samples: number;
  sigma: number;
  /** Lower triangle by rows: featureSize (featureSize + 1) / 2. */
  values: Float32Array;
}

export function encodeMoment({
  backbone,
  featureSize,
  samples,
  sigma,
  values,
}: Moment): Uint8Array {
  const header = Buffer.from(
    JSON.stringify({ backbone, feature_size: featureSize, samples, sigma }),
  );
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  const payload = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    payload.writeFloatLE(value, 4 * i);
  });
  return Buffer.concat([MAGIC, length, header, deflateRawSync(payload)]);
}

/** Reads a moment; sizes are checked before anything is allocated. @throws HL_FLEET_OBJECT_INVALID */
export function decodeMoment(bytes: Uint8Array): Moment {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < PREFIX_BYTES || !buffer.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it does not begin as a moment of this version');
  }
  const from = PREFIX_BYTES + buffer.readUInt16LE(MAGIC.length);
  const header = headerOf(buffer.subarray(PREFIX_BYTES, from));
  const { feature_size: featureSize, samples, sigma, backbone } = header;
  const count = (featureSize * (featureSize + 1)) / 2;
  const payload = inflated(buffer.subarray(from), 4 * count);
  const values = Float32Array.from({ length: count }, (_, i) => payload.readFloatLE(4 * i));
  if (!values.every(Number.isFinite)) throw invalid('a value is not finite');
  return { backbone, featureSize, samples, sigma, values };
}

function headerOf(bytes: Buffer): z.infer<typeof headerSchema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('its header is not JSON', cause);
  }
  const parsed = headerSchema.safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error));
  return parsed.data;
}

function inflated(bytes: Buffer, length: number): Buffer {
  let payload: Buffer;
  try {
    payload = inflateRawSync(bytes, { maxOutputLength: length + 1 });
  } catch (cause) {
    throw invalid('its values cannot be unpacked', cause);
  }
  if (payload.length !== length) throw invalid(`${payload.length} bytes instead of ${length}`);
  return payload;
}

function invalid(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_INVALID',
    `cannot read a moment of the fleet: ${what}`,
    {
      remedy: 'Use the same version of headland on the robots and on the hub.',
      cause,
    },
  );
}
