/**
 * Reads the directories of TIFF, which EXIF and most raw formats use: a bounded number of entries,
 * never beyond the bytes at hand. Format: TIFF 6.0, section 2.
 */

/** Bytes that begin as TIFF. */
export interface TiffBlock {
  view: DataView;
  little: boolean;
  /** {@link TIFF_VERSION}; BigTIFF and some raw formats have another one. */
  version: number;
}

export interface TiffEntry {
  type: number;
  count: number;
  /** Offset of the four bytes that hold the value, or its offset. */
  valueAt: number;
}

/** Entries by tag. */
export type TiffDirectory = ReadonlyMap<number, TiffEntry>;

export const TIFF_VERSION = 42;
const TYPE_ASCII = 2;
const MAX_ENTRIES = 512;

/** Null: the bytes do not begin as TIFF. */
export function openTiff(bytes: Uint8Array): TiffBlock | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mark = view.getUint16(0);
  if (mark !== 0x4949 && mark !== 0x4d4d) return null;
  const little = mark === 0x4949;
  return { view, little, version: view.getUint16(2, little) };
}

export function firstDirectory(block: TiffBlock): TiffDirectory {
  return readDirectory(block, block.view.getUint32(4, block.little));
}

/** Entries beyond the end of the block are left out. */
export function readDirectory({ view, little }: TiffBlock, offset: number): TiffDirectory {
  const entries = new Map<number, TiffEntry>();
  if (offset + 2 > view.byteLength) return entries;
  const count = Math.min(view.getUint16(offset, little), MAX_ENTRIES);
  for (let i = 0; i < count; i++) {
    const at = offset + 2 + i * 12;
    if (at + 12 > view.byteLength) break;
    entries.set(view.getUint16(at, little), {
      type: view.getUint16(at + 2, little),
      count: view.getUint32(at + 4, little),
      valueAt: at + 8,
    });
  }
  return entries;
}

/**
 * The text of an entry up to its first zero; null: it holds none. `whole` is false where the text
 * goes on beyond `maxBytes` or the end of the block.
 */
export function readAscii(
  { view, little }: TiffBlock,
  entry: TiffEntry | undefined,
  maxBytes: number,
): { text: string; whole: boolean } | null {
  if (entry?.type !== TYPE_ASCII) return null;
  const { count, valueAt } = entry;
  const start = count <= 4 ? valueAt : view.getUint32(valueAt, little);
  const end = Math.min(start + Math.min(count, maxBytes), view.byteLength);
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = view.getUint8(i);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return { text, whole: count <= maxBytes && start + count <= view.byteLength };
}
