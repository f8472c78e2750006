import { type Position, roundedPosition } from '../../base/geo/position.js';
import type { PositionBody } from '../../telemetry/contract/messages.js';

/** Converts a position to that of the MQTT contract. */
export function positionMessage(position: Position): PositionBody {
  const { latitude, longitude, ...rest } = roundedPosition(position);
  return {
    latitude,
    longitude,
    accuracy_meters: rest.accuracyMeters,
    altitude_meters: rest.altitudeMeters,
    speed_meters_per_second: rest.speedMetersPerSecond,
    course_degrees: rest.courseDegrees,
  };
}
