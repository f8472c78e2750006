import { checksumOf } from '../../../src/host/position/nmea-sentence.js';

export interface NmeaFacts {
  /** "123519.00" */
  utc: string;
  latitude: number;
  longitude: number;
  quality?: number;
  hdop?: number;
  altitudeMeters?: number;
  knots?: number;
  courseDegrees?: number;
  talker?: string;
}

/** `$<body>*<checksum>` */
export function sentence(body: string): string {
  return `$${body}*${checksumOf(body).toString(16).toUpperCase().padStart(2, '0')}`;
}

export function gga(facts: NmeaFacts): string {
  const { utc, quality = 1, hdop = 0.9, altitudeMeters = 100.5, talker = 'GN' } = facts;
  const place = placeFields(facts);
  return sentence(
    `${talker}GGA,${utc},${place},${quality},08,${hdop},${altitudeMeters},M,46.9,M,,`,
  );
}

export function rmc(facts: NmeaFacts, status = 'A'): string {
  const { utc, knots = 3_600 / 1_852, courseDegrees = 84.4, talker = 'GN' } = facts;
  return sentence(
    `${talker}RMC,${utc},${status},${placeFields(facts)},${knots.toFixed(9)},${courseDegrees},010526,,,A`,
  );
}

export function gst(utc: string, northMeters: number, eastMeters: number, talker = 'GN'): string {
  return sentence(`${talker}GST,${utc},0.02,0.01,0.01,0.0,${northMeters},${eastMeters},0.03`);
}

/** The time of day that many seconds after noon. */
export function utcOf(second: number): string {
  const minutes = String(Math.floor(second / 60) % 60).padStart(2, '0');
  return `12${minutes}${String(second % 60).padStart(2, '0')}.00`;
}

/** What a receiver with RTK sends so many seconds after noon: it is 1 cm off. */
export function moment(second: number, latitude: number, longitude: number): string[] {
  const utc = utcOf(second);
  const facts = { utc, latitude, longitude, quality: 4 };
  return [rmc(facts), gga(facts), gst(utc, 0.006, 0.008)];
}

function placeFields({ latitude, longitude }: NmeaFacts): string {
  const north = minutesOf(latitude, 2);
  const east = minutesOf(longitude, 3);
  return `${north},${latitude < 0 ? 'S' : 'N'},${east},${longitude < 0 ? 'W' : 'E'}`;
}

/** Degrees and minutes with seven decimals, as a good receiver sends them. */
function minutesOf(degrees: number, digits: number): string {
  const total = Math.round(Math.abs(degrees) * 60 * 1e7);
  const whole = Math.floor(total / (60 * 1e7));
  const minutes = (total % (60 * 1e7)) / 1e7;
  return `${String(whole).padStart(digits, '0')}${minutes.toFixed(7).padStart(10, '0')}`;
}
