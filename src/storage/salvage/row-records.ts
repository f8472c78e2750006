import type { SqlValue } from '../values.js';

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A number of 1 to 9 bytes. @throws RangeError beyond the end */
export function readVarint(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0n;
  for (let i = 0; i < 9; i++) {
    const byte = bytes.readUInt8(at + i);
    if (i === 8) return [Number(BigInt.asIntN(64, (value << 8n) | BigInt(byte))), at + 9];
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return [Number(value), at + i + 1];
  }
  throw new RangeError('no end');
}

/**
 * The values of one row, in the format of SQLite. Null: the bytes are no row, or hold a text that is no
 * UTF-8 or a value that cannot be stored.
 */
export function decodeRecord(payload: Buffer): SqlValue[] | null {
  try {
    const [headerBytes, first] = readVarint(payload, 0);
    if (headerBytes < first || headerBytes > payload.length) return null;
    const values: SqlValue[] = [];
    let at = headerBytes;
    for (let header = first; header < headerBytes; ) {
      const [type, next] = readVarint(payload, header);
      header = next;
      if (header > headerBytes) return null;
      const bytes = bytesOf(type);
      if (bytes === null || at + bytes > payload.length) return null;
      const value = decodeValue(type, payload.subarray(at, at + bytes));
      if (value === undefined) return null;
      values.push(value);
      at += bytes;
    }
    return at === payload.length ? values : null;
  } catch {
    return null;
  }
}

const FIXED_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function bytesOf(type: number): number | null {
  if (type < 0 || type === 10 || type === 11) return null;
  return type < 12 ? FIXED_BYTES[type]! : (type - 12 - (type % 2)) / 2;
}

/** Undefined: no value that can be stored again. */
function decodeValue(type: number, bytes: Buffer): SqlValue | undefined {
  if (type === 0) return null;
  if (type === 8) return 0;
  if (type === 9) return 1;
  if (type === 7) {
    const value = bytes.readDoubleBE(0);
    return Number.isFinite(value) ? value : undefined;
  }
  if (type === 6) {
    const value = bytes.readBigInt64BE(0);
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }
  if (type < 6) return bytes.readIntBE(0, bytes.length);
  if (type % 2 === 0) return new Uint8Array(bytes);
  const text = TEXT.decode(bytes);
  return text.includes('\0') ? undefined : text;
}
