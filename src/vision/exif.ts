/**
 * Reads from an EXIF block when and where an image was taken, and nothing else. A general reader
 * trusts the counts in the block, so that 64 kB of hostile EXIF can grow to gigabytes. This one
 * reads three directories with a bounded number of entries, and a few short values.
 *
 * Format: CIPA DC-008 (Exif 2.32), sections 4.6.2 to 4.6.6.
 */

export interface ExifFacts {
  /**
   * Unix time of `DateTimeOriginal`, milliseconds, with `SubSecTimeOriginal` and
   * `OffsetTimeOriginal` if present. Without an offset the camera is assumed to run on UTC, like
   * the daemon: groups need only differences of time. Null when there is no valid time.
   */
  captureTimeMs: number | null;
  /** Unix time from the satellites, milliseconds: right even where the camera's clock is not. */
  gpsTimeMs: number | null;
  place: Place | null;
}

/** Where an image was taken, degrees: latitude -90..90, longitude -180..180. */
export interface Place {
  latitude: number;
  longitude: number;
}

const EXIF_DIRECTORY = 0x8769;
const GPS_DIRECTORY = 0x8825;
const DATE_TIME_ORIGINAL = 0x9003;
const OFFSET_TIME_ORIGINAL = 0x9011;
const SUB_SEC_TIME_ORIGINAL = 0x9291;
const GPS_LATITUDE_REF = 1;
const GPS_LATITUDE = 2;
const GPS_LONGITUDE_REF = 3;
const GPS_LONGITUDE = 4;
const GPS_TIME = 7;
const GPS_DATE = 29;
const TYPE_ASCII = 2;
const TYPE_LONG = 4;
const TYPE_RATIONAL = 5;
const MAX_ENTRIES = 512;
const MAX_TEXT_BYTES = 64;

/** The facts in the EXIF block of an image; never throws. */
export function readExif(exif: Uint8Array): ExifFacts {
  const facts: ExifFacts = { captureTimeMs: null, gpsTimeMs: null, place: null };
  const hasPrefix = exif[0] === 0x45 && exif[1] === 0x78 && exif[2] === 0x69 && exif[3] === 0x66;
  const bytes = hasPrefix ? exif.subarray(6) : exif;
  if (bytes.length < 8) return facts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mark = view.getUint16(0);
  if (mark !== 0x4949 && mark !== 0x4d4d) return facts;
  const block: Block = { view, little: mark === 0x4949 };
  if (view.getUint16(2, block.little) !== 42) return facts;

  const root = readDirectory(block, view.getUint32(4, block.little));
  const photo = readInner(block, root.get(EXIF_DIRECTORY));
  if (photo !== null) facts.captureTimeMs = captureTimeMs(block, photo);
  const gps = readInner(block, root.get(GPS_DIRECTORY));
  if (gps !== null) {
    facts.gpsTimeMs = gpsTimeMs(block, gps);
    facts.place = readPlace(block, gps);
  }
  return facts;
}

interface Block {
  view: DataView;
  little: boolean;
}

interface Entry {
  type: number;
  count: number;
  /** Offset of the four bytes that hold the value, or its offset. */
  valueAt: number;
}

type Directory = ReadonlyMap<number, Entry>;

function captureTimeMs(block: Block, photo: Directory): number | null {
  const text = (tag: number): string | null => readText(block, photo.get(tag));
  const date = /^(\d{4}):(\d{2}):(\d{2}) (\d{2}):(\d{2}):(\d{2})$/.exec(
    text(DATE_TIME_ORIGINAL) ?? '',
  );
  if (date === null) return null;
  const atMs = validTimeMs(date.slice(1).map(Number));
  if (atMs === null) return null;
  const fraction = /^\d{1,9}/.exec(text(SUB_SEC_TIME_ORIGINAL) ?? '')?.[0];
  const offset = /^([+-])(\d{2}):(\d{2})$/.exec(text(OFFSET_TIME_ORIGINAL) ?? '');
  const offsetMinutes =
    offset === null
      ? 0
      : (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  const milliseconds = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
  return atMs + milliseconds - offsetMinutes * 60_000;
}

function gpsTimeMs(block: Block, gps: Directory): number | null {
  const date = /^(\d{4})[:-](\d{2})[:-](\d{2})$/.exec(readText(block, gps.get(GPS_DATE)) ?? '');
  const time = readRationals(block, gps.get(GPS_TIME), 3);
  if (date === null || time === null) return null;
  const [hour = 0, minute = 0, second = 0] = time;
  const whole = [...date.slice(1).map(Number), hour, minute, Math.floor(second)];
  const atMs = validTimeMs(whole);
  return atMs === null ? null : atMs + Math.round((second % 1) * 1000);
}

/** Unix time of [year, month, day, hour, minute, second] in UTC; null when they are not a time. */
function validTimeMs(parts: readonly number[]): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Cameras without a clock write zeros, which Date would silently carry over to another day.
  const valid =
    at.getUTCMonth() === month - 1 && at.getUTCDate() === day && hour <= 23 && year >= 1970;
  return valid ? at.getTime() : null;
}

function readPlace(block: Block, gps: Directory): Place | null {
  const latitude = readDegrees(block, gps.get(GPS_LATITUDE), gps.get(GPS_LATITUDE_REF), 90);
  const longitude = readDegrees(block, gps.get(GPS_LONGITUDE), gps.get(GPS_LONGITUDE_REF), 180);
  if (latitude === null || longitude === null) return null;
  // Receivers without a fix write zeros, which would be a place in the Gulf of Guinea.
  if (latitude === 0 && longitude === 0) return null;
  return { latitude, longitude };
}

function readDegrees(
  block: Block,
  entry: Entry | undefined,
  reference: Entry | undefined,
  most: number,
): number | null {
  const parts = readRationals(block, entry, 3);
  const side = readText(block, reference);
  if (parts === null || side === null) return null;
  const [degrees = 0, minutes = 0, seconds = 0] = parts;
  const value = degrees + minutes / 60 + seconds / 3600;
  if (!(value <= most)) return null;
  return /^[SW]/i.test(side) ? -value : value;
}

function readInner(block: Block, pointer: Entry | undefined): Directory | null {
  if (pointer === undefined || pointer.type !== TYPE_LONG) return null;
  return readDirectory(block, block.view.getUint32(pointer.valueAt, block.little));
}

function readDirectory({ view, little }: Block, offset: number): Directory {
  const entries = new Map<number, Entry>();
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

function readText({ view, little }: Block, entry: Entry | undefined): string | null {
  if (entry === undefined || entry.type !== TYPE_ASCII || entry.count > MAX_TEXT_BYTES) return null;
  const start = entry.count <= 4 ? entry.valueAt : view.getUint32(entry.valueAt, little);
  if (start + entry.count > view.byteLength) return null;
  let text = '';
  for (let i = 0; i < entry.count; i++) {
    const byte = view.getUint8(start + i);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text.trim();
}

/** `count` fractions of finite, non-negative numbers; null when they are not. */
function readRationals(
  { view, little }: Block,
  entry: Entry | undefined,
  count: number,
): number[] | null {
  if (entry === undefined || entry.type !== TYPE_RATIONAL || entry.count !== count) return null;
  const start = view.getUint32(entry.valueAt, little);
  if (start + count * 8 > view.byteLength) return null;
  const values = Array.from(
    { length: count },
    (_, i) => view.getUint32(start + i * 8, little) / view.getUint32(start + i * 8 + 4, little),
  );
  return values.every(Number.isFinite) ? values : null;
}
