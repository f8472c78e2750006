/** Where something is or was: WGS 84. */
export interface Position {
  /** Degrees north of the equator, -90..90. */
  latitude: number;
  /** Degrees east of Greenwich, -180..180. */
  longitude: number;
  /**
   * Radius in meters that holds the true place in 95 of 100 cases, as the receiver estimates it;
   * null: it does not.
   */
  accuracyMeters: number | null;
  /** Above mean sea level, meters; null: not known. */
  altitudeMeters: number | null;
  /** Over ground, 0 or more; null: not known. */
  speedMetersPerSecond: number | null;
  /** Direction of movement, clockwise from true north, 0 ≤ degrees < 360; null: not known. */
  courseDegrees: number | null;
}

/** Where something was, and when. */
export interface Located {
  position: Position;
  /** Monotonic time, milliseconds. */
  atMs: number;
}

type Point = Pick<Position, 'latitude' | 'longitude'>;

/** Mean radius of the earth (IUGG), meters. */
const EARTH_RADIUS_METERS = 6_371_008.8;
/** Length of a degree of latitude on that sphere, meters. */
export const METERS_PER_DEGREE = (EARTH_RADIUS_METERS * Math.PI) / 180;

const DECIMALS_OF_DEGREES = 1e8;
const DECIMALS_OF_METERS = 1e3;

/** Along the great circle of a sphere, meters: at most 0.6 % off the ellipsoid. */
export function distanceMeters(one: Point, other: Point): number {
  const [north, otherNorth] = [radians(one.latitude), radians(other.latitude)];
  const haversine =
    Math.sin((otherNorth - north) / 2) ** 2 +
    Math.cos(north) *
      Math.cos(otherNorth) *
      Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/**
 * Largest difference in longitude within a radius of a place, degrees; rather too large than too small.
 * 180 where the circle holds a pole.
 */
export function degreesOfLongitude(radiusMeters: number, latitude: number): number {
  const degrees = radiusMeters / METERS_PER_DEGREE;
  const farthest = Math.abs(latitude) + degrees;
  return farthest >= 90 ? 180 : Math.min(180, degrees / Math.cos(radians(farthest)));
}

/** Rounds to a millimetre on the ground. */
export function roundedDegrees(degrees: number): number {
  return rounded(degrees, DECIMALS_OF_DEGREES);
}

/** Rounds to what a receiver can mean: a millimetre. */
export function roundedPosition(position: Position): Position {
  return {
    latitude: roundedDegrees(position.latitude),
    longitude: roundedDegrees(position.longitude),
    accuracyMeters: roundedMeters(position.accuracyMeters),
    altitudeMeters: roundedMeters(position.altitudeMeters),
    speedMetersPerSecond: roundedMeters(position.speedMetersPerSecond),
    courseDegrees: position.courseDegrees === null ? null : roundedCourse(position.courseDegrees),
  };
}

/** A position under the names that messages and exports use. */
export function positionFields({ latitude, longitude, ...rest }: Position) {
  return {
    latitude,
    longitude,
    accuracy_meters: rest.accuracyMeters,
    altitude_meters: rest.altitudeMeters,
    speed_meters_per_second: rest.speedMetersPerSecond,
    course_degrees: rest.courseDegrees,
  };
}

/** Whether the numbers are a position. A receiver without a fix gives zeros, which are none. */
export function isPosition({
  latitude,
  longitude,
  accuracyMeters,
  altitudeMeters,
  speedMetersPerSecond,
  courseDegrees,
}: Position): boolean {
  return (
    Math.abs(latitude) <= 90 &&
    Math.abs(longitude) <= 180 &&
    !(latitude === 0 && longitude === 0) &&
    isNullOr(accuracyMeters, (meters) => meters >= 0) &&
    isNullOr(altitudeMeters, () => true) &&
    isNullOr(speedMetersPerSecond, (speed) => speed >= 0) &&
    isNullOr(courseDegrees, (course) => course >= 0 && course < 360)
  );
}

function isNullOr(value: number | null, holds: (value: number) => boolean): boolean {
  return value === null || (Number.isFinite(value) && holds(value));
}

function roundedMeters(meters: number | null): number | null {
  return meters === null ? null : rounded(meters, DECIMALS_OF_METERS);
}

function roundedCourse(degrees: number): number {
  return rounded(degrees, DECIMALS_OF_METERS) % 360;
}

function rounded(value: number, decimals: number): number {
  // Adding zero keeps "-0" out of messages.
  return Math.round(value * decimals) / decimals + 0;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
