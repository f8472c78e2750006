import { DEFECT_REMEDY, HeadlandError } from '../../base/errors.js';

/** Coarse parts are multiples of 2^-20, fine parts multiples of 2^-56 of at most 2^-21. */
const COARSE = 2 ** 20;
const FINE = 2 ** 56;
/** Largest sum: coarse parts stay exact below 2^53 units. */
const LARGEST = 2 ** 33;

/**
 * Sums of vectors that do not depend on the order of addition, and from which a vector can be
 * subtracted without a trace. Each value is split into a coarse and a fine part, both whole multiples
 * of a power of two, so that a double adds them without rounding (the idea of the binned sums of
 * Demmel & Nguyen 2015, with two fixed bins). Values count to the nearest multiple of 2^-56.
 *
 * Exact for at most 2^18 vectors, and while no sum reaches 2^33.
 */
export class ExactSums {
  /** Multiples of 2^-20. */
  readonly coarse: Float64Array;
  /** Multiples of 2^-56. */
  readonly fine: Float64Array;

  /** @param parts of stored sums; they are changed in place. Default: zeros */
  constructor(length: number, parts?: { coarse: Float64Array; fine: Float64Array }) {
    this.coarse = parts?.coarse ?? new Float64Array(length);
    this.fine = parts?.fine ?? new Float64Array(length);
    if (this.coarse.length !== length || this.fine.length !== length) {
      throw unequal(length, Math.min(this.coarse.length, this.fine.length));
    }
  }

  get length(): number {
    return this.coarse.length;
  }

  /** Adds finite values. @throws HL_SUMS_UNEQUAL for another length */
  add(values: Float64Array): void {
    this.#move(values, 1);
  }

  /** Takes back what was added before. @throws HL_SUMS_UNEQUAL for another length */
  subtract(values: Float64Array): void {
    this.#move(values, -1);
  }

  /** The sums, each rounded once. */
  value(): Float64Array {
    return this.coarse.map((coarse, i) => coarse + this.fine[i]!);
  }

  #move(values: Float64Array, sign: 1 | -1): void {
    const { coarse, fine } = this;
    if (values.length !== coarse.length) throw unequal(coarse.length, values.length);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const whole = Math.round(value * COARSE) / COARSE;
      const rest = Math.round((value - whole) * FINE) / FINE;
      coarse[i] = coarse[i]! + sign * whole;
      fine[i] = fine[i]! + sign * rest;
      if (!(Math.abs(coarse[i]!) < LARGEST)) throw tooLarge(coarse[i]!);
    }
  }
}

function unequal(length: number, other: number): HeadlandError {
  return new HeadlandError('HL_SUMS_UNEQUAL', `sums of ${length} and ${other} values do not fit`, {
    remedy: DEFECT_REMEDY,
  });
}

function tooLarge(value: number): HeadlandError {
  return new HeadlandError('HL_SUMS_TOO_LARGE', `a sum of ${value} cannot be exact`, {
    remedy: DEFECT_REMEDY,
  });
}
