import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { HeadlandError, messageOf } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';

/**
 * Objects of a fleet as bytes, all integers little-endian:
 *   8   magic, which names kind and version
 *   4   length of the header
 *   4   length of the tensors before compression
 *   …   header: JSON, UTF-8
 *   …   tensors, one after the other: their bytes by significance (all first bytes, then all second
 *       bytes, …: exponents compress, mantissas do not), deflated
 *   32  SHA-256 of everything before it
 */
const PREFIX_BYTES = 16;
const HASH_BYTES = 32;
const MAX_HEADER_BYTES = 16_777_216;

export type Tensor = Float32Array | Float64Array;

/** Seals a header and tensors. @param magic 8 Latin letters or digits */
export function sealed(
  magic: string,
  header: Record<string, unknown>,
  tensors: readonly Tensor[],
): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const shuffled = Buffer.concat(tensors.map(shuffle));
  const body = deflateRawSync(shuffled, { level: 6 });
  const bytes = Buffer.alloc(PREFIX_BYTES + text.length + body.length + HASH_BYTES);
  bytes.write(magic, 0, 'latin1');
  bytes.writeUInt32LE(text.length, 8);
  bytes.writeUInt32LE(shuffled.length, 12);
  text.copy(bytes, PREFIX_BYTES);
  body.copy(bytes, PREFIX_BYTES + text.length);
  bytes.set(sha256(bytes.subarray(0, -HASH_BYTES)), bytes.length - HASH_BYTES);
  return bytes;
}

/**
 * Opens what {@link sealed} wrote, with one tensor. Nothing is allocated before the hash fits.
 * @param maxBytes most bytes of the tensors
 * @throws HL_FLEET_OBJECT_INVALID, HL_FLEET_OBJECT_TOO_LARGE
 */
export function openSealed(
  magic: string,
  bytes: Uint8Array,
  maxBytes: number,
  shape?: (header: Record<string, unknown>) => readonly { length: number; size: 4 | 8 }[],
): { header: Record<string, unknown>; payload: Uint8Array } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < PREFIX_BYTES + HASH_BYTES || buffer.toString('latin1', 0, 8) !== magic) {
    throw invalidObject(`it does not begin with ${magic}`);
  }
  const body = buffer.subarray(0, -HASH_BYTES);
  if (!buffer.subarray(-HASH_BYTES).equals(sha256(body))) throw invalidObject('its hash is wrong');
  const headerBytes = buffer.readUInt32LE(8);
  const tensorBytes = buffer.readUInt32LE(12);
  if (headerBytes > MAX_HEADER_BYTES || PREFIX_BYTES + headerBytes > body.length) {
    throw invalidObject(`a header of ${headerBytes} bytes`);
  }
  if (tensorBytes > maxBytes) throw tooLarge(tensorBytes, maxBytes);
  const header = parse(body.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  const parts = shape?.(header) ?? [{ length: tensorBytes / 4, size: 4 as const }];
  const expected = parts.reduce((sum, { length, size }) => sum + length * size, 0);
  if (expected !== tensorBytes) throw invalidObject(`${tensorBytes} bytes of ${expected}`);
  const shuffled = inflate(body.subarray(PREFIX_BYTES + headerBytes), tensorBytes);
  const payload = new Uint8Array(tensorBytes);
  let at = 0;
  for (const { length, size } of parts) {
    unshuffle(shuffled, payload, at, length, size);
    at += length * size;
  }
  return { header, payload };
}

export function tooLarge(bytes: number, maxBytes: number): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_TOO_LARGE',
    `an object of the fleet takes ${bytes} bytes, above ${maxBytes}`,
    {
      remedy:
        'Raise limits.maxClasses of the hub, or use fewer directions (learning.basisDirections).',
      details: { bytes, maxBytes },
    },
  );
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalidObject('its header is not JSON', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidObject('its header is no object');
  }
  return { ...value };
}

function inflate(bytes: Uint8Array, length: number): Uint8Array {
  try {
    const out = length === 0 ? Buffer.alloc(0) : inflateRawSync(bytes, { maxOutputLength: length });
    if (out.length === length) return out;
    throw invalidObject(`${out.length} bytes of ${length}`);
  } catch (error) {
    throw invalidObject(messageOf(error), error);
  }
}

function shuffle(tensor: Tensor): Uint8Array {
  const size = tensor.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength);
  const out = new Uint8Array(bytes.length);
  for (let b = 0; b < size; b++) {
    const from = b * tensor.length;
    for (let i = 0; i < tensor.length; i++) out[from + i] = bytes[i * size + b]!;
  }
  return out;
}

function unshuffle(
  shuffled: Uint8Array,
  out: Uint8Array,
  at: number,
  length: number,
  size: number,
): void {
  for (let b = 0; b < size; b++) {
    const from = at + b * length;
    for (let i = 0; i < length; i++) out[at + i * size + b] = shuffled[from + i]!;
  }
}

export function invalidObject(what: string, cause?: unknown): HeadlandError {
  return new HeadlandError(
    'HL_FLEET_OBJECT_INVALID',
    `cannot use an object of the fleet: ${what}`,
    {
      remedy:
        'Use the same version of headland on the robots and on the hub; the object is sent again by itself.',
      cause,
    },
  );
}
