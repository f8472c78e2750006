import { isUtf8 } from 'node:buffer';

/** A name on a disk: bytes that may be no text at all. */
export interface FileName {
  bytes: Buffer;
  /** For people: where no encoding is plausible, other bytes than ASCII stand as `\xff`. */
  text: string;
  /** What the text was read as; null: as nothing, the bytes make no sense. */
  encoding: 'UTF-8' | 'Windows-1252' | 'code page 850' | null;
}

/** Letters of code page 850 that code page 437 has at the same place, and ø, Ø of 850 alone. */
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
/** More letters beyond ASCII in a row are no word of a western language. */
const MAX_RUN = 2;

/**
 * Reads the name of a file as text. Names are UTF-8 on Linux; those that an old camera, Windows or
 * `unzip` wrote otherwise are read as Windows-1252 or code page 850 where that gives words.
 */
export function readFileName(bytes: Buffer): FileName {
  if (isUtf8(bytes)) return { bytes, text: bytes.toString(), encoding: 'UTF-8' };
  const high = bytes.filter((byte) => byte >= 0x80);
  const windows = (): FileName | null => readAs(bytes, 'Windows-1252', windowsLetter);
  const oem = (): FileName | null => readAs(bytes, 'code page 850', oemLetter);
  // Above 0xc0 letters of Windows-1252 stand close together; below, those of code page 850.
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

/** Whether letters beyond ASCII stand as they do in words: few in a row, no capital after a small one. */
function isWord(text: string): boolean {
  const run = new RegExp(`[^\\p{ASCII}]{${MAX_RUN + 1}}`, 'u');
  return !run.test(text) && !/\p{Ll}(?!\p{ASCII})\p{Lu}/u.test(text);
}
