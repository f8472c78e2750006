import { firstDirectory, openTiff, readAscii, TIFF_VERSION } from './tiff-directory.js';

/** The kind of a file that begins as TIFF, which includes most raw formats of cameras. */
export interface TiffKind {
  /** "a TIFF picture", "a Nikon raw picture (NEF)" … */
  name: string;
  raw: boolean;
}

const BIG_TIFF_VERSION = 43;
const MAKE = 0x010f;
const DNG_VERSION = 0xc612;
const MAX_MAKE_BYTES = 64;
/** Tags of directories and pixels that only raw files have in their first directory. */
const RAW_TAGS: ReadonlySet<number> = new Set([0x014a, 0x8769]);

const RAW_MAKES: readonly (readonly [make: RegExp, name: string])[] = [
  [/^nikon/i, 'a Nikon raw picture (NEF)'],
  [/^sony/i, 'a Sony raw picture (ARW)'],
  [/^canon/i, 'a Canon raw picture (CR2)'],
  [/^pentax|^ricoh/i, 'a Pentax raw picture (PEF)'],
  [/^samsung/i, 'a Samsung raw picture (SRW)'],
  [/^kodak|^eastman/i, 'a Kodak raw picture (DCR)'],
  [/^hasselblad/i, 'a Hasselblad raw picture (3FR)'],
  [/^phase one|^leaf/i, 'a Phase One raw picture (IIQ)'],
  [/^epson|^seiko/i, 'an Epson raw picture (ERF)'],
];

/** Tells TIFF from the raw formats based on it; null: none of them. Never throws. */
export function nameOfTiff(bytes: Uint8Array): TiffKind | null {
  const block = openTiff(bytes);
  if (block === null) return null;
  if (block.version === BIG_TIFF_VERSION) return { name: 'a TIFF picture (BigTIFF)', raw: false };
  if (block.version !== TIFF_VERSION) return null;
  if (bytes.length > 10 && bytes[8] === 0x43 && bytes[9] === 0x52) {
    return { name: 'a Canon raw picture (CR2)', raw: true };
  }
  const tags = firstDirectory(block);
  if (tags.has(DNG_VERSION)) return { name: 'a raw picture (DNG)', raw: true };
  const make = readAscii(block, tags.get(MAKE), MAX_MAKE_BYTES)?.text ?? '';
  const known = RAW_MAKES.find(([pattern]) => pattern.test(make));
  const hasRawTags = [...RAW_TAGS].every((tag) => tags.has(tag));
  if (known !== undefined && hasRawTags) return { name: known[1], raw: true };
  return { name: 'a TIFF picture', raw: false };
}
