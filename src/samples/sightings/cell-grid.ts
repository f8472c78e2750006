import { METERS_PER_DEGREE, type Position } from '../../base/geo/position.js';

/** A square of the grid. */
export interface Cell {
  row: number;
  column: number;
}

/** A cell as the key of a map. */
export function cellKey({ row, column }: Cell): string {
  return `${row},${column}`;
}

/** Within such a band of latitude, degrees, columns of all rows stand above each other. */
const BAND_DEGREES = 0.1;
/** Near the poles columns would become infinitely wide. */
const MIN_COSINE = 0.01;

/** A grid of squares over the earth; the length of their sides is right within 0.4 % up to 65°. */
export class CellGrid {
  readonly #degrees: number;

  /** @param sideMeters of a square */
  constructor(readonly sideMeters: number) {
    this.#degrees = sideMeters / METERS_PER_DEGREE;
  }

  cellOf({ latitude, longitude }: Pick<Position, 'latitude' | 'longitude'>): Cell {
    const row = Math.floor(latitude / this.#degrees);
    return { row, column: Math.floor(longitude / this.#width(row)) };
  }

  /**
   * The south-western corner of a cell.
   * @param within row of a band: its uppermost corners are those of rows of the next one
   */
  cornerOf({ row, column }: Cell, within = row): Pick<Position, 'latitude' | 'longitude'> {
    return {
      latitude: clamped(row * this.#degrees, 90),
      longitude: clamped(column * this.#width(within), 180),
    };
  }

  /** Rows of one band have the same columns. */
  bandOf(row: number): number {
    return Math.floor(((row + 0.5) * this.#degrees) / BAND_DEGREES);
  }

  /** Width of the columns, degrees of longitude. */
  #width(row: number): number {
    const latitude = ((this.bandOf(row) + 0.5) * BAND_DEGREES * Math.PI) / 180;
    return this.#degrees / Math.max(MIN_COSINE, Math.cos(latitude));
  }
}

function clamped(degrees: number, most: number): number {
  return Math.min(most, Math.max(-most, degrees));
}
