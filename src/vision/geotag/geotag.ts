import type { Position } from '../../base/geo/position.js';
import { readExif } from '../exif.js';
import { openTiff, TIFF_VERSION } from '../tiff/tiff-directory.js';
import { MAX_TIFF_BYTES, readJpegHead, withExif } from './exif-segment.js';
import { gpsDirectory } from './gps-directory.js';

/**
 * Writes a position into a JPEG file and takes it out again, byte for byte: pixels and all other
 * tags stay as they are. A new first directory with a pointer to the GPS directory is appended to the
 * EXIF block, so that no offset within it changes. Behind it stands how to undo that.
 */

const GPS_DIRECTORY = 0x8825;
const TYPE_LONG = 4;
const ENTRY_BYTES = 12;
const MARK = Buffer.from('HEADLAND', 'latin1');
const TRAILER_BYTES = MARK.length + 8;
/** Of an EXIF block without directories: little-endian. */
const EMPTY_TIFF = Buffer.from([0x49, 0x49, TIFF_VERSION, 0, 0, 0, 0, 0]);

/**
 * The file with its position. Null: it cannot be written into the file, which is no JPEG or damaged,
 * has a position already, or has an EXIF block without room.
 */
export function addGeotag(bytes: Uint8Array, position: Position): Uint8Array | null {
  const head = readJpegHead(bytes);
  if (head === null) return null;
  const before = head.exif?.tiff ?? null;
  const tiff = taggedTiff(before, position);
  return tiff === null || tiff.length > MAX_TIFF_BYTES ? null : withExif(bytes, head, tiff);
}

/** Takes out what {@link addGeotag} has written; `position` is null where it has written nothing. */
export function removeGeotag(bytes: Uint8Array): { bytes: Uint8Array; position: Position | null } {
  const head = readJpegHead(bytes);
  const tiff = head?.exif?.tiff;
  const before = tiff ? untaggedTiff(tiff) : undefined;
  if (head == null || tiff === undefined || before === undefined) return { bytes, position: null };
  return { bytes: withExif(bytes, head, before), position: readExif(tiff).position };
}

/** @param before null: the file has no EXIF */
function taggedTiff(before: Uint8Array | null, position: Position): Buffer | null {
  const block = openTiff(before ?? EMPTY_TIFF);
  if (block?.version !== TIFF_VERSION) return null;
  const { view, little } = block;
  const firstAt = view.getUint32(4, little);
  const first = before === null ? NO_ENTRIES : rawDirectory(before, firstAt, block);
  if (first === null) return null;
  const base = Buffer.concat([before ?? EMPTY_TIFF, Buffer.alloc(view.byteLength % 2)]);
  const count = first.entries.length + 1;
  const directory = Buffer.alloc(2 + count * ENTRY_BYTES + 4);
  const gpsAt = base.length + directory.length;
  const pointer = Buffer.alloc(ENTRY_BYTES);
  const pointerView = viewOf(pointer);
  pointerView.setUint16(0, GPS_DIRECTORY, little);
  pointerView.setUint16(2, TYPE_LONG, little);
  pointerView.setUint32(4, 1, little);
  pointerView.setUint32(8, gpsAt, little);
  const tagOf = (entry: Uint8Array): number => viewOf(entry).getUint16(0, little);
  const entries = [...first.entries, pointer].sort((a, b) => tagOf(a) - tagOf(b));
  viewOf(directory).setUint16(0, count, little);
  entries.forEach((entry, index) => {
    directory.set(entry, 2 + index * ENTRY_BYTES);
  });
  viewOf(directory).setUint32(directory.length - 4, first.next, little);
  viewOf(base).setUint32(4, base.length, little);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  MARK.copy(trailer);
  trailer.writeUInt32BE(firstAt, MARK.length);
  trailer.writeUInt32BE(before?.length ?? 0, MARK.length + 4);
  return Buffer.concat([base, directory, gpsDirectory(position, gpsAt, little), trailer]);
}

/** The block as it was; null: there was none; undefined: nothing was written into it. */
function untaggedTiff(tiff: Uint8Array): Uint8Array | null | undefined {
  const trailer = Buffer.from(tiff.subarray(Math.max(0, tiff.length - TRAILER_BYTES)));
  if (trailer.length < TRAILER_BYTES || trailer.indexOf(MARK) !== 0) return undefined;
  const firstAt = trailer.readUInt32BE(MARK.length);
  const length = trailer.readUInt32BE(MARK.length + 4);
  if (length === 0) return null;
  const block = openTiff(tiff);
  if (block === null || length < 8 || length > tiff.length - TRAILER_BYTES) return undefined;
  const before = Buffer.from(tiff.subarray(0, length));
  viewOf(before).setUint32(4, firstAt, block.little);
  return before;
}

interface RawDirectory {
  entries: readonly Uint8Array[];
  /** Offset of the directory after it. */
  next: number;
}

const NO_ENTRIES: RawDirectory = { entries: [], next: 0 };

/** Null: it is damaged, or has a GPS directory already. */
function rawDirectory(
  tiff: Uint8Array,
  at: number,
  { view, little }: { view: DataView; little: boolean },
): RawDirectory | null {
  if (at + 2 > tiff.length) return null;
  const count = view.getUint16(at, little);
  const end = at + 2 + count * ENTRY_BYTES;
  if (end + 4 > tiff.length) return null;
  const entries = Array.from({ length: count }, (_, i) =>
    tiff.subarray(at + 2 + i * ENTRY_BYTES, at + 2 + (i + 1) * ENTRY_BYTES),
  );
  const isGps = (_: unknown, i: number): boolean =>
    view.getUint16(at + 2 + i * ENTRY_BYTES, little) === GPS_DIRECTORY;
  return entries.some(isGps) ? null : { entries, next: view.getUint32(end, little) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
