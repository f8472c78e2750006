import { isUtf8 } from 'node:buffer';

/** A file name on a disk: bytes that need not be text. */
export interface FileName {
  bytes: Buffer;
  /**
   * The name for people; where no encoding is plausible, bytes beyond ASCII are written as `\xff`.
   */
  text: string;
  /** Encoding of the text; null: no encoding is plausible. */
  encoding: 'UTF-8' | 'Windows-1252' | 'code page 850' | null;
}

/** Letters that code page 850 shares with code page 437, and ø, Ø, which only 850 has. */
const OEM_LETTERS: ReadonlyMap<number, string> = new Map([
  ...[...'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø'].map((letter, i): [number, string] => [0x80 + i, letter]),
  [0x9d, 'Ø'],
  ...[...'áíóúñÑ'].map((letter, i): [number, string] => [0xa0 + i, letter]),
  [0xe1, 'ß'],
]);
/** Letters of Windows-1252 below 0xc0; from there on its bytes are those of Unicode. */
const WINDOWS_LETTERS: ReadonlyMap<number, string> = new Map([
  [0x8a, 'Š'],
  [0x8c, 'Œ'],
  [0x8e, 'Ž'],
  [0x9a, 'š'],
  [0x9c, 'œ'],
  [0x9e, 'ž'],
  [0x9f, 'Ÿ'],
]);
/** A longer run of letters beyond ASCII is not a word of a western language. */
const MAX_RUN = 2;

/**
 * Reads the name of a file as text. Names are UTF-8 on Linux. Names that an old camera, Windows or
 * `unzip` wrote are read as Windows-1252 or code page 850 where that gives words.
 */
export function readFileName(bytes: Buffer): FileName {
  if (isUtf8(bytes)) return { bytes, text: bytes.toString(), encoding: 'UTF-8' };
  const high = bytes.filter((byte) => byte >= 0x80);
  const windows = (): FileName | null => readAs(bytes, 'Windows-1252', windowsLetter);
  const oem = (): FileName | null => readAs(bytes, 'code page 850', oemLetter);
  // Letters of Windows-1252 are mostly above 0xc0, those of code page 850 below.
  const read = high.every((byte) => byte >= 0xc0) ? windows() : (oem() ?? windows());
  if (read !== null) return read;
  const text = spell(bytes, (byte) => `\\x${byte.toString(16)}`);
  return { bytes, text, encoding: null };
}

/** The path of an entry of a folder. */
export function joinPath(folder: Buffer, name: Buffer): Buffer {
  const slash = folder.at(-1) === 0x2f ? '' : '/';
  return Buffer.concat([folder, Buffer.from(slash), name]);
}

function readAs(
  bytes: Buffer,
  encoding: 'Windows-1252' | 'code page 850',
  letterOf: (byte: number) => string | null,
): FileName | null {
  if (bytes.some((byte) => byte >= 0x80 && letterOf(byte) === null)) return null;
  const text = spell(bytes, (byte) => letterOf(byte) ?? '');
  return isWord(text) ? { bytes, text, encoding } : null;
}

function spell(bytes: Buffer, beyondAscii: (byte: number) => string): string {
  return Array.from(bytes, (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : beyondAscii(byte),
  ).join('');
}

function windowsLetter(byte: number): string | null {
  if (byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7) return String.fromCharCode(byte);
  return WINDOWS_LETTERS.get(byte) ?? null;
}

function oemLetter(byte: number): string | null {
  return OEM_LETTERS.get(byte) ?? null;
}

/**
 * Whether letters beyond ASCII occur as in words: few in a row, and no capital after a small
 * letter.
 */
function isWord(text: string): boolean {
  const run = new RegExp(`[^\\p{ASCII}]{${MAX_RUN + 1}}`, 'u');
  return !run.test(text) && !/\p{Ll}(?!\p{ASCII})\p{Lu}/u.test(text);
}
