import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { METERS_PER_DEGREE } from '../../../src/base/geo/position.js';
import {
  type Coordinate,
  cellOutlines,
  type PolygonRings,
} from '../../../src/samples/map/cell-outlines.js';
import { type Cell, CellGrid } from '../../../src/samples/sightings/cell-grid.js';

const GRID = new CellGrid(1);
const ORIGIN = GRID.cellOf({ latitude: 52.05, longitude: 9 });

/** Cells of a drawing, the southernmost row last. */
function drawn(...rows: string[]): Cell[] {
  return rows
    .reverse()
    .flatMap((row, north) =>
      [...row].flatMap((mark, east) =>
        mark === '#' ? [{ row: ORIGIN.row + north, column: ORIGIN.column + east }] : [],
      ),
    );
}

/** Degrees squared; positive: counterclockwise. */
function area(ring: readonly Coordinate[]): number {
  const [west = 0, south = 0] = ring[0] ?? [];
  return ring.slice(1).reduce((sum, [x, y], i) => {
    const [x0, y0] = ring[i]!;
    return sum + ((x0 - west) * (y - south) - (x - west) * (y0 - south)) / 2;
  }, 0);
}

function cellsIn(polygons: readonly PolygonRings[]): number {
  const side = 1 / METERS_PER_DEGREE;
  const width = side / Math.cos((52.05 * Math.PI) / 180);
  return polygons.flat().reduce((sum, ring) => sum + area(ring), 0) / (side * width);
}

/** Closed, nowhere twice, and a corner at each point. */
function checkRing(ring: readonly Coordinate[]): void {
  assert.deepEqual(ring[0], ring.at(-1));
  const corners = ring.slice(1);
  assert.equal(new Set(corners.map(String)).size, corners.length, 'a ring touches itself');
  corners.forEach(([x, y], i) => {
    const [x0, y0] = corners.at(i - 1)!;
    const [x2, y2] = corners[(i + 1) % corners.length]!;
    assert.ok((x === x0) !== (y === y0), 'a diagonal');
    assert.ok((x === x0) !== (x2 === x) && (y === y0) !== (y2 === y), 'a superfluous point');
  });
}

describe('outlines of cells', () => {
  test('a square is one ring of four corners, counterclockwise and closed', () => {
    const [polygon, ...others] = cellOutlines(GRID, drawn('##', '##'));
    assert.equal(others.length, 0);
    const [ring] = polygon!;
    assert.equal(ring!.length, 5);
    assert.deepEqual(ring![0], ring![4]);
    assert.ok(area(ring!) > 0);
  });

  test('a hole is a ring of its own, clockwise', () => {
    const [polygon] = cellOutlines(GRID, drawn('###', '#.#', '###'));
    assert.deepEqual(
      polygon!.map((ring) => [ring.length, area(ring) > 0]),
      [
        [5, true],
        [5, false],
      ],
    );
  });

  test('cells that meet at a corner are two polygons; a hole may touch the outline there', () => {
    assert.equal(cellOutlines(GRID, drawn('#.', '.#')).length, 2);
    const [polygon, ...others] = cellOutlines(GRID, drawn('###', '#.#', '##.'));
    assert.equal(others.length, 0);
    assert.equal(polygon!.length, 2);
  });

  test('whatever the cells: the area is theirs, each ring is simple and closed, one outline a polygon', () => {
    const cells = fc.uniqueArray(fc.tuple(fc.nat(6), fc.nat(6)), {
      minLength: 1,
      maxLength: 49,
      selector: ([row, column]) => `${row},${column}`,
    });
    fc.assert(
      fc.property(cells, (chosen) => {
        const polygons = cellOutlines(
          GRID,
          chosen.map(([row, column]) => {
            return { row: ORIGIN.row + row, column: ORIGIN.column + column };
          }),
        );
        assert.ok(Math.abs(cellsIn(polygons) - chosen.length) < 0.01);
        for (const [outline, ...holes] of polygons) {
          assert.ok(area(outline!) > 0);
          for (const hole of holes) assert.ok(area(hole) < 0);
          for (const ring of [outline!, ...holes]) checkRing(ring);
        }
      }),
    );
  });

  test('cells on both sides of a border of bands stay apart', () => {
    const { row, column } = GRID.cellOf({ latitude: 52.1, longitude: 9 });
    const rows = [row - 2, row - 1, row, row + 1, row + 2];
    const polygons = cellOutlines(
      GRID,
      rows.map((each) => ({ row: each, column })),
    );
    assert.equal(new Set(rows.map((each) => GRID.bandOf(each))).size, polygons.length);
    for (const [ring] of polygons) assert.equal(ring!.length, 5);
  });
});

test('every place lies in its cell, and cells are squares of their side', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -85, max: 85, noNaN: true }),
      fc.double({ min: -179.9, max: 179.9, noNaN: true }),
      fc.constantFrom(0.1, 1, 25),
      (latitude, longitude, side) => {
        const grid = new CellGrid(side);
        const cell = grid.cellOf({ latitude, longitude });
        const south = grid.cornerOf(cell);
        const north = grid.cornerOf({ row: cell.row + 1, column: cell.column + 1 }, cell.row);
        assert.ok(south.latitude <= latitude + 1e-9 && latitude <= north.latitude + 1e-9);
        assert.ok(south.longitude <= longitude + 1e-9 && longitude <= north.longitude + 1e-9);
        const cosine = Math.cos((latitude * Math.PI) / 180);
        const width = (north.longitude - south.longitude) * cosine * METERS_PER_DEGREE;
        // Half a band of latitude off its middle.
        assert.ok(Math.abs(width / side - 1) < 0.011, `${width}`);
      },
    ),
  );
});
