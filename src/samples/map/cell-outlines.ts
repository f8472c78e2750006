import { roundedDegrees } from '../../base/geo/position.js';
import { listIn } from '../../base/values/list-in.js';
import { type Cell, type CellGrid, cellKey } from '../sightings/cell-grid.js';

/** Longitude and latitude, degrees. */
export type Coordinate = readonly [longitude: number, latitude: number];

/**
 * The first ring is the outline, counterclockwise; the others are holes, clockwise. The last point of
 * a ring is the first (RFC 7946).
 */
export type PolygonRings = readonly (readonly Coordinate[])[];

/** A corner of cells. */
interface Corner {
  row: number;
  column: number;
}

/** East, north, west, south: each a quarter turn to the left of the one before. */
const STEPS = [
  { row: 0, column: 1 },
  { row: 1, column: 0 },
  { row: 0, column: -1 },
  { row: -1, column: 0 },
] as const;

/**
 * Merges cells that share an edge to polygons. Cells of different bands of the grid stay apart,
 * because their corners do not meet.
 */
export function cellOutlines(grid: CellGrid, cells: Iterable<Cell>): PolygonRings[] {
  const rest = new Map<string, Cell>();
  for (const cell of cells) rest.set(cellKey(cell), cell);
  const polygons: PolygonRings[] = [];
  for (const [key, start] of rest) {
    rest.delete(key);
    polygons.push(
      ringsOf(takeConnected(grid, start, rest)).map((ring) => degreesOf(grid, ring, start.row)),
    );
  }
  return polygons;
}

/** Takes a cell and all that are connected to it by edges out of the rest. */
function takeConnected(grid: CellGrid, start: Cell, rest: Map<string, Cell>): Cell[] {
  const found = [start];
  for (const { row, column } of found) {
    for (const step of STEPS) {
      const key = cellKey({ row: row + step.row, column: column + step.column });
      const next = rest.get(key);
      if (next === undefined || grid.bandOf(next.row) !== grid.bandOf(row)) continue;
      rest.delete(key);
      found.push(next);
    }
  }
  return found;
}

/** The outline of connected cells, then their holes. */
function ringsOf(cells: readonly Cell[]): Corner[][] {
  const inside = new Set(cells.map(cellKey));
  // Directed edges with the cell to their left, by the corner at which they begin.
  const edges = new Map<string, number[]>();
  const add = (at: Corner, direction: number): void => {
    listIn(edges, cellKey(at)).push(direction);
  };
  const corners: Corner[] = [];
  for (const { row, column } of cells) {
    const isOut = (rows: number, columns: number): boolean =>
      !inside.has(cellKey({ row: row + rows, column: column + columns }));
    if (isOut(-1, 0)) add({ row, column }, 0);
    if (isOut(0, 1)) add({ row, column: column + 1 }, 1);
    if (isOut(1, 0)) add({ row: row + 1, column: column + 1 }, 2);
    if (isOut(0, -1)) add({ row: row + 1, column }, 3);
    corners.push({ row, column }, { row: row + 1, column: column + 1 });
    corners.push({ row, column: column + 1 }, { row: row + 1, column });
  }
  const rings: Corner[][] = [];
  for (const corner of corners) {
    while ((edges.get(cellKey(corner))?.length ?? 0) > 0) rings.push(traced(corner, edges));
  }
  return rings.sort((a, b) => signedArea(b) - signedArea(a));
}

/** Follows edges from a corner back to it, and takes them out. */
function traced(start: Corner, edges: Map<string, number[]>): Corner[] {
  const ring: Corner[] = [];
  let at = start;
  const first = edges.get(cellKey(start))?.[0] ?? 0;
  let direction = first;
  do {
    const here = edges.get(cellKey(at)) ?? [];
    // Where two cells meet only at a corner, a turn to the right stays at the same hole or outside, so
    // that no ring touches itself.
    const turn = [3, 0, 1].find((quarter) => here.includes((direction + quarter) % 4));
    const next = ring.length === 0 ? direction : (direction + (turn ?? 0)) % 4;
    here.splice(here.indexOf(next), 1);
    // Points on a straight line are left out.
    if (ring.length === 0 || next !== direction) ring.push(at);
    direction = next;
    const step = STEPS[direction % 4] ?? STEPS[0];
    at = { row: at.row + step.row, column: at.column + step.column };
  } while (cellKey(at) !== cellKey(start));
  return direction === first ? ring.slice(1) : ring;
}

/** Twice the area, in cells; negative for clockwise rings. */
function signedArea(ring: readonly Corner[]): number {
  return ring.reduce((sum, { row, column }, i) => {
    const next = ring[(i + 1) % ring.length] ?? { row, column };
    return sum + column * next.row - next.column * row;
  }, 0);
}

/** The ring closed, in degrees. @param within a row of its band */
function degreesOf(grid: CellGrid, ring: readonly Corner[], within: number): Coordinate[] {
  const points = ring.map((corner): Coordinate => {
    const { latitude, longitude } = grid.cornerOf(corner, within);
    return [roundedDegrees(longitude), roundedDegrees(latitude)];
  });
  const [first] = points;
  return first === undefined ? [] : [...points, first];
}
