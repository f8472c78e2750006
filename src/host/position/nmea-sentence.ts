/**
 * Reads sentences of NMEA 0183 from satellite receivers: GGA, RMC, GSA and GST of any talker. Never
 * throws; what is damaged or of no use gives null.
 */

/** Quality of a fix, as GGA has it: 0 none, 1 autonomous, 2 differential, 4 RTK, 5 float RTK, … */
export type FixQuality = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export type NmeaSentence =
  /** Position of an epoch. */
  | {
      type: 'GGA';
      /** Time of the day as sent, "123519.00"; '' without a fix. */
      utc: string;
      place: NmeaPlace | null;
      quality: FixQuality;
      hdop: number | null;
      altitudeMeters: number | null;
    }
  /** The recommended minimum. */
  | {
      type: 'RMC';
      utc: string;
      /** Null when the receiver warns of it, or simulates it. */
      place: NmeaPlace | null;
      speedMetersPerSecond: number | null;
      courseDegrees: number | null;
    }
  /** Dilution of precision. */
  | { type: 'GSA'; hdop: number | null }
  /** Standard deviations, meters. */
  | { type: 'GST'; utc: string; northMeters: number | null; eastMeters: number | null };

export interface NmeaPlace {
  latitude: number;
  longitude: number;
}

/** Longer lines are not NMEA: the standard ends at 82, some receivers go beyond. */
export const MAX_SENTENCE_CHARACTERS = 256;
const METERS_PER_SECOND_PER_KNOT = 1_852 / 3_600;

/** XOR of the characters between `$` and `*`. */
export function checksumOf(body: string): number {
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i) & 0xff;
  return sum;
}

/** Null: damaged, or not one of the four. The checksum is required. */
export function readSentence(line: string): NmeaSentence | null {
  if (line.length > MAX_SENTENCE_CHARACTERS) return null;
  // What stands before the "$" is the rest of a sentence whose beginning was lost.
  const match = /\$([A-Z]{2}[A-Z]{3},[ -)+-~]*)\*([0-9A-Fa-f]{2})\s*$/.exec(line);
  if (match === null) return null;
  const [, body = '', sum = ''] = match;
  if (checksumOf(body) !== Number.parseInt(sum, 16)) return null;
  const fields = body.split(',');
  switch (body.slice(2, 5)) {
    case 'GGA':
      return readGga(fields);
    case 'RMC':
      return readRmc(fields);
    case 'GSA':
      return fields.length >= 18 ? { type: 'GSA', hdop: numberOf(fields[16]) } : null;
    case 'GST':
      return readGst(fields);
    default:
      return null;
  }
}

function readGga(fields: readonly string[]): NmeaSentence | null {
  if (fields.length < 15) return null;
  const [, utc = '', latitude, north, longitude, east, quality = '', , hdop, altitude] = fields;
  if (!/^[0-8]$/.test(quality)) return null;
  return {
    type: 'GGA',
    utc,
    place: placeOf(latitude, north, longitude, east),
    quality: Number(quality) as FixQuality,
    hdop: numberOf(hdop),
    altitudeMeters: signedNumberOf(altitude),
  };
}

function readRmc(fields: readonly string[]): NmeaSentence | null {
  if (fields.length < 10) return null;
  const [, utc = '', status, latitude, north, longitude, east, knots, course] = fields;
  // From NMEA 2.3 on: N no fix, E dead reckoning, M manual, S simulated.
  const isFix = status === 'A' && !/^[NMS]$/.test(fields[12] ?? '');
  const speed = numberOf(knots);
  const degrees = numberOf(course);
  return {
    type: 'RMC',
    utc,
    place: isFix ? placeOf(latitude, north, longitude, east) : null,
    speedMetersPerSecond: speed === null ? null : speed * METERS_PER_SECOND_PER_KNOT,
    courseDegrees: degrees === null ? null : degrees % 360,
  };
}

function readGst(fields: readonly string[]): NmeaSentence | null {
  if (fields.length < 9) return null;
  const [, utc = ''] = fields;
  return {
    type: 'GST',
    utc,
    northMeters: numberOf(fields[6]),
    eastMeters: numberOf(fields[7]),
  };
}

function placeOf(
  latitude: string | undefined,
  north: string | undefined,
  longitude: string | undefined,
  east: string | undefined,
): NmeaPlace | null {
  const northward = degreesOf(latitude, 90);
  const eastward = degreesOf(longitude, 180);
  if (northward === null || eastward === null) return null;
  if (!/^[NS]$/.test(north ?? '') || !/^[EW]$/.test(east ?? '')) return null;
  return {
    latitude: north === 'S' ? -northward : northward,
    longitude: east === 'W' ? -eastward : eastward,
  };
}

/** "4807.038" is 48 degrees and 7.038 minutes. */
function degreesOf(field: string | undefined, most: number): number | null {
  const match = /^(\d{1,3})(\d{2}(?:\.\d*)?)$/.exec(field ?? '');
  if (match === null) return null;
  const minutes = Number(match[2]);
  const degrees = Number(match[1]) + minutes / 60;
  return minutes < 60 && degrees <= most ? degrees : null;
}

function numberOf(field: string | undefined): number | null {
  return /^\d{1,9}(?:\.\d{0,12})?$/.test(field ?? '') ? Number(field) : null;
}

function signedNumberOf(field: string | undefined): number | null {
  return /^-?\d{1,9}(?:\.\d{0,12})?$/.test(field ?? '') ? Number(field) : null;
}
