import { ROBOT_STATES, type RobotRow, TONES, type Tone } from './table-rows.js';

/** Cells of the map: one marker stands in each, so that none covers another. */
const CELL_PX = 44;
const MARKER_PX = 30;
/** Robots that stand closer are shown in an area of this size. */
const SMALLEST_AREA_METERS = 20;
const METERS_PER_DEGREE = 111_320;

/** A part of the earth in degrees; `east` may be above 180 where it crosses that meridian. */
export interface Area {
  south: number;
  north: number;
  west: number;
  east: number;
}

export interface MapMarker {
  rows: RobotRow[];
  tone: Tone;
  leftPx: number;
  topPx: number;
}

export interface MapPlan {
  markers: MapMarker[];
  /** The scale: a length in metres, and how long it is on the screen. */
  scale: { meters: number; widthPx: number };
}

/** Longitude in the turn that begins at `west`. */
function eastOf(longitude: number, west: number): number {
  return west + ((((longitude - west) % 360) + 360) % 360);
}

/** The smallest area that holds all positions; null: there are none. */
export function areaOf(rows: readonly RobotRow[]): Area | null {
  const places = rows.flatMap(({ robot }) => robot.position ?? []);
  const [first] = places;
  if (first === undefined) return null;
  const latitudes = places.map(({ latitude }) => latitude);
  // Half a turn to both sides of the first robot.
  const longitudes = places.map(({ longitude }) => eastOf(longitude, first.longitude - 180));
  const [south, north] = [Math.min(...latitudes), Math.max(...latitudes)];
  const [west, east] = [Math.min(...longitudes), Math.max(...longitudes)];
  return { south, north, west, east };
}

export function isWithin({ robot }: RobotRow, area: Area): boolean {
  const { position } = robot;
  if (position === null) return false;
  const { latitude, longitude } = position;
  return (
    latitude >= area.south && latitude <= area.north && eastOf(longitude, area.west) <= area.east
  );
}

/** Where the robots of an area stand on a map of a size; robots in one cell share a marker. */
export function planOf(
  rows: readonly RobotRow[],
  area: Area,
  { widthPx, heightPx }: { widthPx: number; heightPx: number },
): MapPlan {
  const latitude = (area.south + area.north) / 2;
  const longitude = (area.west + area.east) / 2;
  const metersEast = METERS_PER_DEGREE * Math.max(0.01, Math.cos((latitude * Math.PI) / 180));
  const smallest = SMALLEST_AREA_METERS;
  const widthMeters = Math.max(smallest, (area.east - area.west) * metersEast);
  const heightMeters = Math.max(smallest, (area.north - area.south) * METERS_PER_DEGREE);
  const metersPerPx = Math.max(
    widthMeters / Math.max(1, widthPx - CELL_PX),
    heightMeters / Math.max(1, heightPx - CELL_PX),
  );
  const cells = new Map<string, { rows: RobotRow[]; x: number; y: number }>();
  for (const row of rows) {
    const { position } = row.robot;
    if (position === null || !isWithin(row, area)) continue;
    const east = (eastOf(position.longitude, area.west) - longitude) * metersEast;
    const north = (position.latitude - latitude) * METERS_PER_DEGREE;
    const x = widthPx / 2 + east / metersPerPx;
    const y = heightPx / 2 - north / metersPerPx;
    const key = `${cellOf(x, widthPx)} ${cellOf(y, heightPx)}`;
    const cell = cells.get(key) ?? { rows: [], x: 0, y: 0 };
    cells.set(key, { rows: [...cell.rows, row], x: cell.x + x, y: cell.y + y });
  }
  const markers = [...cells.values()].map(({ rows: those, x, y }) => ({
    rows: those,
    tone: toneOf(those),
    leftPx: withinCell(x / those.length, widthPx),
    topPx: withinCell(y / those.length, heightPx),
  }));
  return { markers, scale: scaleOf(metersPerPx) };
}

/** Number of the cell at `px`; the last one takes what is left of the map. */
function cellOf(px: number, sizePx: number): number {
  return Math.max(0, Math.min(Math.floor(sizePx / CELL_PX) - 1, Math.floor(px / CELL_PX)));
}

/** Left or upper edge of a marker whose middle should be at `px`, all of it within the cell there. */
function withinCell(px: number, sizePx: number): number {
  const start = cellOf(px, sizePx) * CELL_PX;
  const free = CELL_PX - MARKER_PX;
  return start + Math.max(0, Math.min(free, px - start - MARKER_PX / 2));
}

/** The tone of the robot that needs a person most. */
function toneOf(rows: readonly RobotRow[]): Tone {
  const worst = ROBOT_STATES.find((state) => rows.some((row) => row.state === state));
  return TONES[worst ?? 'serving'];
}

/** A round length of at most 100 px. */
function scaleOf(metersPerPx: number): MapPlan['scale'] {
  const longest = metersPerPx * 100;
  const power = 10 ** Math.floor(Math.log10(longest));
  const meters = power * ([5, 2, 1].find((factor) => factor * power <= longest) ?? 1);
  return { meters, widthPx: meters / metersPerPx };
}
