/** The kind of a file that begins as TIFF, which includes most raw formats of cameras. */
export interface TiffKind {
  /** "a TIFF picture", "a Nikon raw picture (NEF)" … */
  name: string;
  raw: boolean;
}

const MAKE = 0x010f;
const DNG_VERSION = 0xc612;
const TYPE_ASCII = 2;
const MAX_ENTRIES = 512;
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
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mark = view.getUint16(0);
  if (mark !== 0x4949 && mark !== 0x4d4d) return null;
  const little = mark === 0x4949;
  const version = view.getUint16(2, little);
  if (version === 43) return { name: 'a TIFF picture (BigTIFF)', raw: false };
  if (version !== 42) return null;
  if (bytes.length > 10 && bytes[8] === 0x43 && bytes[9] === 0x52) {
    return { name: 'a Canon raw picture (CR2)', raw: true };
  }
  return ofDirectory(view, little);
}

function ofDirectory(view: DataView, little: boolean): TiffKind {
  const start = view.getUint32(4, little);
  const tags = new Map<number, number>();
  if (start + 2 <= view.byteLength) {
    const count = Math.min(view.getUint16(start, little), MAX_ENTRIES);
    for (let i = 0; i < count; i++) {
      const at = start + 2 + i * 12;
      if (at + 12 > view.byteLength) break;
      tags.set(view.getUint16(at, little), at);
    }
  }
  if (tags.has(DNG_VERSION)) return { name: 'a raw picture (DNG)', raw: true };
  const make = readMake(view, tags.get(MAKE), little);
  const known = RAW_MAKES.find(([pattern]) => pattern.test(make));
  const hasRawTags = [...RAW_TAGS].every((tag) => tags.has(tag));
  if (known !== undefined && hasRawTags) return { name: known[1], raw: true };
  return { name: 'a TIFF picture', raw: false };
}

function readMake(view: DataView, at: number | undefined, little: boolean): string {
  if (at === undefined || view.getUint16(at + 2, little) !== TYPE_ASCII) return '';
  const count = Math.min(view.getUint32(at + 4, little), MAX_MAKE_BYTES);
  const start = count <= 4 ? at + 8 : view.getUint32(at + 8, little);
  let make = '';
  for (let i = start; i < start + count && i < view.byteLength; i++) {
    make += String.fromCharCode(view.getUint8(i));
  }
  return make;
}
