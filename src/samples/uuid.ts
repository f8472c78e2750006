import { randomBytes } from 'node:crypto';

/**
 * Generates UUIDv7 (RFC 9562, section 6.2, method 1: a 12-bit counter after the milliseconds). Each
 * id sorts after the previous one and after `after`, even if the clock was set back: boards without
 * a clock battery start in the past.
 * @param after the greatest existing id, or null
 * @param now Unix time, milliseconds
 */
export function createIds(after: string | null, now: () => number = Date.now): () => string {
  let [lastMs, counter] = after === null ? [-1, 0] : positionOf(after);
  return () => {
    const ms = Math.max(0, Math.trunc(now()));
    if (ms > lastMs) {
      lastMs = ms;
      // Leaves at least half the range for ids of the same millisecond.
      counter = randomBytes(2).readUInt16BE() & 0x7ff;
    } else if (counter < 0xfff) {
      counter += 1;
    } else {
      lastMs += 1;
      counter = 0;
    }
    const bytes = randomBytes(16);
    bytes.writeUIntBE(lastMs, 0, 6);
    bytes.writeUInt16BE(0x7000 | counter, 6);
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20),
    ].join('-');
  };
}

function positionOf(id: string): [ms: number, counter: number] {
  const hex = id.replaceAll('-', '');
  return [Number.parseInt(hex.slice(0, 12), 16), Number.parseInt(hex.slice(13, 16), 16)];
}
