import { z } from 'zod';
import { HeadlandError } from '../../base/errors.js';
import { sha256, sha256Hex } from '../../base/hash.js';
import { backboneChecksum, count, epoch, objectId, taskName } from './fleet-fields.js';

/**
 * A chunk of an object as one MQTT payload: 'HLFC', one byte of version, length of the header
 * (uint16, little-endian), the first 8 bytes of the SHA-256 of all that follows, the header (JSON,
 * UTF-8), then bytes of the object. The id of the object does not cover the header: one bit of its epoch would
 * make another robot of it.
 */
const MAGIC = Buffer.from('HLFC\x01', 'latin1');
const SUM_BYTES = 8;
const PREFIX_BYTES = MAGIC.length + 2 + SUM_BYTES;
const MAX_HEADER_BYTES = 2_048;

/** Bytes of an object in a chunk. AWS IoT takes messages of 128 KB, headers included. */
export const CHUNK_BYTES = 98_304;
/** Largest object: sums of 1,280 directions and 40 labels fit. */
export const MAX_OBJECT_BYTES = 268_435_456;

export const ROBOT_OBJECTS = ['moment', 'sums', 'evaluation'] as const;
export const HUB_OBJECTS = ['basis', 'candidates', 'head', 'prior'] as const;
export type RobotObject = (typeof ROBOT_OBJECTS)[number];
export type HubObject = (typeof HUB_OBJECTS)[number];

const headerSchema = z.strictObject({
  object: objectId,
  kind: z.enum([...ROBOT_OBJECTS, ...HUB_OBJECTS]),
  task: taskName,
  // Control characters and halves of characters are in no checksum, and a database may refuse them.
  backbone: backboneChecksum.regex(/^[^\p{Cc}\p{Cs}]+$/u),
  /** Of objects of robots: orders those of one kind. */
  epoch: epoch.optional(),
  version: z.int().min(1).optional(),
  index: count,
  chunks: z.int().min(1),
  bytes: z.int().min(1).max(MAX_OBJECT_BYTES).describe('Length of the whole object'),
  offset: count,
});
export type ChunkHeader = z.infer<typeof headerSchema>;

export interface Chunk {
  header: ChunkHeader;
  payload: Uint8Array;
}

/** What every chunk of an object says about it. */
export type ObjectAbout = Pick<ChunkHeader, 'kind' | 'task' | 'backbone' | 'epoch' | 'version'>;

/** Number of chunks of an object. @param chunkBytes 1 to {@link CHUNK_BYTES} */
export function chunkCount(bytes: number, chunkBytes = CHUNK_BYTES): number {
  return Math.ceil(bytes / chunkBytes);
}

/** One chunk of an object, encoded. @param index 0..chunkCount - 1 */
export function encodeChunk(
  object: Uint8Array,
  id: string,
  about: ObjectAbout,
  index: number,
  chunkBytes = CHUNK_BYTES,
): Uint8Array {
  const offset = index * chunkBytes;
  const payload = object.subarray(offset, offset + chunkBytes);
  const chunks = chunkCount(object.length, chunkBytes);
  return framedChunk(
    { object: id, ...about, index, chunks, bytes: object.length, offset },
    payload,
  );
}

/** A chunk with any header. */
export function framedChunk(header: object, payload: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  const rest = Buffer.concat([text, payload]);
  return Buffer.concat([MAGIC, length, sumOf(rest), rest]);
}

function sumOf(rest: Uint8Array): Uint8Array {
  return sha256(rest).subarray(0, SUM_BYTES);
}

/** All chunks of an object. */
export function* encodeChunks(
  object: Uint8Array,
  about: ObjectAbout,
  chunkBytes = CHUNK_BYTES,
): Generator<Uint8Array> {
  const id = sha256Hex(object);
  const chunks = chunkCount(object.length, chunkBytes);
  for (let index = 0; index < chunks; index++) {
    yield encodeChunk(object, id, about, index, chunkBytes);
  }
}

/** Reads a chunk. @throws HL_FLEET_CHUNK_INVALID */
export function decodeChunk(bytes: Uint8Array): Chunk {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < PREFIX_BYTES || !buffer.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it does not begin as a chunk of this version');
  }
  const headerBytes = buffer.readUInt16LE(MAGIC.length);
  const from = PREFIX_BYTES + headerBytes;
  if (headerBytes > MAX_HEADER_BYTES || from > buffer.length) {
    throw invalid(`a header of ${headerBytes} bytes`);
  }
  const sum = buffer.subarray(PREFIX_BYTES - SUM_BYTES, PREFIX_BYTES);
  if (!sum.equals(sumOf(buffer.subarray(PREFIX_BYTES)))) throw invalid('it is damaged');
  const header = parseHeader(buffer.subarray(PREFIX_BYTES, from));
  const payload = buffer.subarray(from);
  const { index, chunks, offset, bytes: total } = header;
  if (index >= chunks || offset + payload.length > total || payload.length === 0) {
    throw invalid(`chunk ${index} of ${chunks} with ${payload.length} bytes at ${offset}`);
  }
  return { header, payload };
}

function parseHeader(bytes: Uint8Array): ChunkHeader {
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

function invalid(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError('HL_FLEET_CHUNK_INVALID', `cannot read a chunk of the fleet: ${what}`, {
    remedy: 'Use the same version of headland on the robots and on the hub.',
    cause,
  });
}
