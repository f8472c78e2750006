import { type Position, positionFields, roundedPosition } from '../../base/geo/position.js';
import type { PositionBody } from '../../telemetry/contract/messages.js';

/** Converts a position to that of the MQTT contract. */
export function positionMessage(position: Position): PositionBody {
  return positionFields(roundedPosition(position));
}
