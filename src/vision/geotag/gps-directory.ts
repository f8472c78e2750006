import type { Position } from '../../base/geo/position.js';

/** Writes the GPS directory of EXIF. Format: CIPA DC-008 (Exif 2.32), section 4.6.6. */

interface Entry {
  tag: number;
  type: number;
  count: number;
  value: Buffer;
}

const TYPE_BYTE = 1;
const TYPE_ASCII = 2;
const TYPE_RATIONAL = 5;
const ENTRY_BYTES = 12;
const MAX_UINT32 = 0xffff_ffff;
/** Parts of an arc second. */
const PER_ARC_SECOND = 1e7;

/** @param offset of the directory in its TIFF block @param little byte order of that block */
export function gpsDirectory(position: Position, offset: number, little: boolean): Buffer {
  const entries = entriesOf(position, little);
  const directory = Buffer.alloc(2 + entries.length * ENTRY_BYTES + 4);
  const view = new DataView(directory.buffer, directory.byteOffset, directory.length);
  const values: Buffer[] = [];
  let valueAt = offset + directory.length;
  view.setUint16(0, entries.length, little);
  entries.forEach(({ tag, type, count, value }, index) => {
    const at = 2 + index * ENTRY_BYTES;
    view.setUint16(at, tag, little);
    view.setUint16(at + 2, type, little);
    view.setUint32(at + 4, count, little);
    if (value.length <= 4) {
      value.copy(directory, at + 8);
      return;
    }
    view.setUint32(at + 8, valueAt, little);
    // Values begin at even offsets.
    const padded = Buffer.alloc(value.length + (value.length % 2));
    value.copy(padded);
    values.push(padded);
    valueAt += padded.length;
  });
  return Buffer.concat([directory, ...values]);
}

/** Ascending by tag. */
function entriesOf(position: Position, little: boolean): Entry[] {
  const { latitude, longitude, accuracyMeters, altitudeMeters } = position;
  const { speedMetersPerSecond, courseDegrees } = position;
  const rational = (tag: number, value: number | null, per: number): Entry[] => {
    const numerator = Math.round((value ?? 0) * per);
    if (value === null || numerator > MAX_UINT32) return [];
    return [{ tag, type: TYPE_RATIONAL, count: 1, value: rationals([[numerator, per]], little) }];
  };
  const optional = (value: number | null, entries: Entry[]): Entry[] =>
    value === null ? [] : entries;
  return [
    { tag: 0, type: TYPE_BYTE, count: 4, value: Buffer.from([2, 3, 0, 0]) },
    ascii(1, latitude < 0 ? 'S' : 'N'),
    degrees(2, latitude, little),
    ascii(3, longitude < 0 ? 'W' : 'E'),
    degrees(4, longitude, little),
    ...optional(altitudeMeters, [
      {
        tag: 5,
        type: TYPE_BYTE,
        count: 1,
        value: Buffer.from([Number((altitudeMeters ?? 0) < 0)]),
      },
    ]),
    ...rational(6, altitudeMeters === null ? null : Math.abs(altitudeMeters), 1_000),
    ...optional(speedMetersPerSecond, [ascii(12, 'K')]),
    // Millimeters per second in kilometers per hour.
    ...rational(13, speedMetersPerSecond === null ? null : speedMetersPerSecond * 3.6, 10_000),
    ...optional(courseDegrees, [ascii(14, 'T')]),
    ...rational(15, courseDegrees, 1_000),
    ascii(18, 'WGS-84'),
    ...rational(31, accuracyMeters, 1_000),
  ];
}

function ascii(tag: number, text: string): Entry {
  const value = Buffer.from(`${text}\0`, 'latin1');
  return { tag, type: TYPE_ASCII, count: value.length, value };
}

/** Degrees, minutes and seconds. */
function degrees(tag: number, angle: number, little: boolean): Entry {
  const total = Math.round(Math.abs(angle) * 3_600 * PER_ARC_SECOND);
  const whole = Math.floor(total / (3_600 * PER_ARC_SECOND));
  const minutes = Math.floor(total / (60 * PER_ARC_SECOND)) % 60;
  const seconds = total % (60 * PER_ARC_SECOND);
  const value = rationals(
    [
      [whole, 1],
      [minutes, 1],
      [seconds, PER_ARC_SECOND],
    ],
    little,
  );
  return { tag, type: TYPE_RATIONAL, count: 3, value };
}

function rationals(fractions: readonly (readonly [number, number])[], little: boolean): Buffer {
  const value = Buffer.alloc(fractions.length * 8);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  fractions.forEach(([numerator, denominator], i) => {
    view.setUint32(i * 8, numerator, little);
    view.setUint32(i * 8 + 4, denominator, little);
  });
  return value;
}
