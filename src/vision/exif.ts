/**
 * Reads from an EXIF block when and where an image was taken, and nothing else. A general reader
 * trusts the counts in the block, so that 64 kB of hostile EXIF can grow to gigabytes. This one
 * reads three directories with a bounded number of entries, and a few short values.
 *
 * Format: CIPA DC-008 (Exif 2.32), sections 4.6.2 to 4.6.6.
 */

import { isPosition, type Position, roundedPosition } from '../base/geo/position.js';
import {
  firstDirectory,
  openTiff,
  readAscii,
  readDirectory,
  TIFF_VERSION,
  type TiffBlock,
  type TiffDirectory,
  type TiffEntry,
} from './tiff/tiff-directory.js';

export interface ExifFacts {
  /**
   * Unix time of `DateTimeOriginal`, milliseconds, with `SubSecTimeOriginal` and
   * `OffsetTimeOriginal` if present. Without an offset the camera is assumed to run on UTC, like
   * the daemon: groups need only differences of time. Null when there is no valid time.
   */
  captureTimeMs: number | null;
  /** Unix time from the satellites, milliseconds: right even where the camera's clock is not. */
  gpsTimeMs: number | null;
  position: Position | null;
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
const GPS_ALTITUDE_REF = 5;
const GPS_ALTITUDE = 6;
const GPS_TIME = 7;
const GPS_SPEED_REF = 12;
const GPS_SPEED = 13;
const GPS_TRACK_REF = 14;
const GPS_TRACK = 15;
const GPS_DATE = 29;
const GPS_H_POSITIONING_ERROR = 31;
/** Meters per second in kilometers per hour, miles per hour and knots. */
const SPEED_UNITS: ReadonlyMap<string, number> = new Map([
  ['K', 1 / 3.6],
  ['M', 1_609.344 / 3_600],
  ['N', 1_852 / 3_600],
]);
const TYPE_BYTE = 1;
const TYPE_LONG = 4;
const TYPE_RATIONAL = 5;
const MAX_TEXT_BYTES = 64;

/** The facts in the EXIF block of an image; never throws. */
export function readExif(exif: Uint8Array): ExifFacts {
  const facts: ExifFacts = { captureTimeMs: null, gpsTimeMs: null, position: null };
  const hasPrefix = exif[0] === 0x45 && exif[1] === 0x78 && exif[2] === 0x69 && exif[3] === 0x66;
  const bytes = hasPrefix ? exif.subarray(6) : exif;
  const block = openTiff(bytes);
  if (block?.version !== TIFF_VERSION) return facts;
  const root = firstDirectory(block);
  const photo = readInner(block, root.get(EXIF_DIRECTORY));
  if (photo !== null) facts.captureTimeMs = captureTimeMs(block, photo);
  const gps = readInner(block, root.get(GPS_DIRECTORY));
  if (gps !== null) {
    facts.gpsTimeMs = gpsTimeMs(block, gps);
    facts.position = readPosition(block, gps);
  }
  return facts;
}

function captureTimeMs(block: TiffBlock, photo: TiffDirectory): number | null {
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

function gpsTimeMs(block: TiffBlock, gps: TiffDirectory): number | null {
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

function readPosition(block: TiffBlock, gps: TiffDirectory): Position | null {
  const latitude = readDegrees(block, gps.get(GPS_LATITUDE), gps.get(GPS_LATITUDE_REF), 90);
  const longitude = readDegrees(block, gps.get(GPS_LONGITUDE), gps.get(GPS_LONGITUDE_REF), 180);
  if (latitude === null || longitude === null) return null;
  const course = readNumber(block, gps.get(GPS_TRACK));
  const isTrueCourse = readText(block, gps.get(GPS_TRACK_REF)) !== 'M';
  const position: Position = {
    latitude,
    longitude,
    accuracyMeters: readNumber(block, gps.get(GPS_H_POSITIONING_ERROR)),
    altitudeMeters: readAltitude(block, gps),
    speedMetersPerSecond: readSpeed(block, gps),
    courseDegrees: course === null || !isTrueCourse ? null : course % 360,
  };
  // Receivers without a fix write zeros, which would be a place in the Gulf of Guinea.
  return isPosition(position) ? roundedPosition(position) : null;
}

/** Above sea level, meters. */
function readAltitude(block: TiffBlock, gps: TiffDirectory): number | null {
  const meters = readNumber(block, gps.get(GPS_ALTITUDE));
  if (meters === null) return null;
  const reference = gps.get(GPS_ALTITUDE_REF);
  const isBelow = reference?.type === TYPE_BYTE && block.view.getUint8(reference.valueAt) === 1;
  return isBelow ? -meters : meters;
}

function readSpeed(block: TiffBlock, gps: TiffDirectory): number | null {
  const speed = readNumber(block, gps.get(GPS_SPEED));
  // Kilometers per hour unless it says otherwise.
  const unit = SPEED_UNITS.get(readText(block, gps.get(GPS_SPEED_REF)) ?? 'K');
  return speed === null || unit === undefined ? null : speed * unit;
}

function readNumber(block: TiffBlock, entry: TiffEntry | undefined): number | null {
  return readRationals(block, entry, 1)?.[0] ?? null;
}

function readDegrees(
  block: TiffBlock,
  entry: TiffEntry | undefined,
  reference: TiffEntry | undefined,
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

function readInner(block: TiffBlock, pointer: TiffEntry | undefined): TiffDirectory | null {
  if (pointer === undefined || pointer.type !== TYPE_LONG) return null;
  return readDirectory(block, block.view.getUint32(pointer.valueAt, block.little));
}

function readText(block: TiffBlock, entry: TiffEntry | undefined): string | null {
  const found = readAscii(block, entry, MAX_TEXT_BYTES);
  return found?.whole ? found.text.trim() : null;
}

/** `count` fractions of finite, non-negative numbers; null when they are not. */
function readRationals(
  { view, little }: TiffBlock,
  entry: TiffEntry | undefined,
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
