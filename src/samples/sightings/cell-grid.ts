import { METERS_PER_DEGREE, type Position } from '../../base/geo/position.js';

/** A square of the grid. */
export interface Cell {
  row: number;
  column: number;
}

/** Degrees. */
export interface CellEdges {
  south: number;
  north: number;
  west: number;
  east: number;
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

  edgesOf({ row, column }: Cell): CellEdges {
    const width = this.#width(row);
    return {
      south: Math.max(-90, row * this.#degrees),
      north: Math.min(90, (row + 1) * this.#degrees),
      west: Math.max(-180, column * width),
      east: Math.min(180, (column + 1) * width),
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
