import { isPosition, type Position } from '../../base/geo/position.js';
import type { PositionReport } from './position-source.js';

/** Asks gpsd to report everything as JSON, one object per line. */
export const WATCH = '?WATCH={"enable":true,"json":true};\n';

/**
 * Reads a line of gpsd's JSON protocol (gpsd_json(5)). Null: it is no report of a position. The
 * accuracy is `eph`, else the length of (`epx`, `epy`): gpsd means 95 % by them, as far as it knows
 * the receiver. The altitude is that above mean sea level; older versions call it `alt`.
 */
export function readGpsdReport(line: string): PositionReport | null {
  const report = parsed(line);
  if (report?.class !== 'TPV') return null;
  const position = positionOf(report);
  const { mode } = report;
  return { position: mode === 2 || mode === 3 ? position : null };
}

function positionOf(report: Record<string, unknown>): Position | null {
  const number = (name: string): number | null => {
    const value = report[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  };
  const [latitude, longitude] = [number('lat'), number('lon')];
  if (latitude === null || longitude === null) return null;
  const [errorEast, errorNorth] = [number('epx'), number('epy')];
  const errors =
    errorEast === null || errorNorth === null ? null : Math.hypot(errorEast, errorNorth);
  const course = number('track');
  const position: Position = {
    latitude,
    longitude,
    accuracyMeters: number('eph') ?? errors,
    altitudeMeters: report.mode === 3 ? (number('altMSL') ?? number('alt')) : null,
    speedMetersPerSecond: number('speed'),
    courseDegrees: course === 360 ? 0 : course,
  };
  return isPosition(position) ? position : null;
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value))
      : null;
  } catch {
    return null;
  }
}
