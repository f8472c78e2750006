import { isUtf8 } from 'node:buffer';

/** The text of a file, and its encoding as far as the bytes show it. */
export type DecodedText =
  | { encoding: 'UTF-8' | 'UTF-16' | 'UTF-32'; text: string }
  /** `fault` follows the name of the file: "has a byte in line 3 that is not UTF-8 …". */
  | { encoding: 'unknown'; text: null; fault: string };

/** Bytes that are examined to guess the encoding of a file without a byte order mark. */
const LOOK_BYTES = 1_024;

/**
 * Decodes a text file of another program: UTF-8, UTF-16, or UTF-32 with a byte order mark. The mark
 * is optional for the first two and is not part of the text. Bytes of another encoding are never
 * replaced silently.
 */
export function decodeText(bytes: Uint8Array): DecodedText {
  const wide = wideEncoding(bytes);
  if (wide !== null) return wide;
  if (!isUtf8(bytes)) {
    const line = lineOfFirstFault(bytes);
    const fault = `has bytes in line ${line} that are not UTF-8; the encoding may be Windows-1252 (Latin-1)`;
    return { encoding: 'unknown', text: null, fault };
  }
  // The decoder removes the byte order mark.
  return { encoding: 'UTF-8', text: new TextDecoder('utf-8').decode(bytes) };
}

function wideEncoding(bytes: Uint8Array): DecodedText | null {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) return decodeWide(bytes.subarray(4), 4, true);
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff)
    return decodeWide(bytes.subarray(4), 4, false);
  if (a === 0xff && b === 0xfe) return decodeWide(bytes.subarray(2), 2, true);
  if (a === 0xfe && b === 0xff) return decodeWide(bytes.subarray(2), 2, false);
  // Without a mark: in UTF-16, ASCII letters have a zero in every second byte; 8-bit text has none.
  const look = bytes.subarray(0, LOOK_BYTES & ~3);
  if (look.length < 4 || look.length % 2 !== 0) return null;
  const [even, odd] = [zerosAt(look, 0), zerosAt(look, 1)];
  const half = look.length / 2;
  if (odd > half * 0.6 && even === 0) return decodeWide(bytes, 2, true);
  if (even > half * 0.6 && odd === 0) return decodeWide(bytes, 2, false);
  return null;
}

function zerosAt(bytes: Uint8Array, parity: 0 | 1): number {
  let zeros = 0;
  for (let i = parity; i < bytes.length; i += 2) if (bytes[i] === 0) zeros += 1;
  return zeros;
}

function decodeWide(bytes: Uint8Array, width: 2 | 4, little: boolean): DecodedText {
  const encoding = width === 2 ? 'UTF-16' : 'UTF-32';
  const fault = (what: string): DecodedText => ({ encoding: 'unknown', text: null, fault: what });
  if (bytes.length % width !== 0) return fault(`is ${encoding} and ends within a character`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += width) {
    const code = width === 2 ? view.getUint16(i, little) : view.getUint32(i, little);
    if (code > 0x10ffff) return fault(`is ${encoding} with an invalid character`);
    parts.push(width === 2 ? String.fromCharCode(code) : String.fromCodePoint(code));
  }
  return { encoding, text: parts.join('') };
}

/** Number, from 1, of the first line that is not valid UTF-8. */
function lineOfFirstFault(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; ; line += 1) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}

/** Truncates a text to at most `maxBytes` of UTF-8, never within a code point. */
export function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = Math.max(0, maxBytes);
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}

/** Replaces invisible and control characters by their code, as `\u{…}`. */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u2800]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
