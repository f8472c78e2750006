import { isPosition, type Position } from '../../base/geo/position.js';
import { parseRecord } from '../../base/values/parse-record.js';
import type { PositionReport } from './position-source.js';
import { accuracyOf } from './receiver-errors.js';

/** Asks gpsd to report everything as JSON, one object per line. */
export const WATCH = '?WATCH={"enable":true,"json":true};\n';

/** A later report of the receiver replaces its errors; without one they serve so many positions. */
const POSITIONS_OF_ERRORS = 2;

/**
 * Reads gpsd's JSON protocol (gpsd_json(5)). The accuracy is what the receiver says (GST), because
 * gpsd derives its own from the dilution alone: it gives 17 m to an RTK fix of 2 cm. Without GST it is
 * `eph`, else the length of (`epx`, `epy`), by which gpsd means 95 %. The altitude is that above mean
 * sea level; older versions call it `alt`.
 */
export class GpsdReports {
  #accuracyMeters: number | null = null;
  #positions = 0;

  /** Null: the line is no report of a position. */
  push(line: string): PositionReport | null {
    const report = parseRecord(line);
    if (report?.class === 'GST') this.#takeErrors(report);
    if (report?.class !== 'TPV') return null;
    if (this.#positions >= POSITIONS_OF_ERRORS) this.#accuracyMeters = null;
    this.#positions += 1;
    const { mode } = report;
    return { position: mode === 2 || mode === 3 ? this.#positionOf(report) : null };
  }

  #takeErrors(report: Record<string, unknown>): void {
    const [north, east] = [numberIn(report, 'lat'), numberIn(report, 'lon')];
    this.#accuracyMeters = north === null || east === null ? null : accuracyOf(north, east);
    this.#positions = 0;
  }

  #positionOf(report: Record<string, unknown>): Position | null {
    const number = (name: string): number | null => numberIn(report, name);
    const [latitude, longitude] = [number('lat'), number('lon')];
    if (latitude === null || longitude === null) return null;
    const [errorEast, errorNorth] = [number('epx'), number('epy')];
    const errors =
      errorEast === null || errorNorth === null ? null : Math.hypot(errorEast, errorNorth);
    const course = number('track');
    const position: Position = {
      latitude,
      longitude,
      accuracyMeters: this.#accuracyMeters ?? number('eph') ?? errors,
      altitudeMeters: report.mode === 3 ? (number('altMSL') ?? number('alt')) : null,
      speedMetersPerSecond: number('speed'),
      courseDegrees: course === 360 ? 0 : course,
    };
    return isPosition(position) ? position : null;
  }
}

function numberIn(report: Record<string, unknown>, name: string): number | null {
  const value = report[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
