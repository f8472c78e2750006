/** The value of a column or parameter. The caller writes booleans as 0 and 1. */
export type SqlValue = string | number | bigint | null | Uint8Array;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Why SQLite cannot store `value` unchanged, in words; null when it can. libsql 0.5 ends the
 * process on a boolean, cuts a text at its first NUL, wraps integers beyond 64 bits and writes NaN
 * and undefined as NULL.
 */
export function whyUnstorable(value: unknown): string | null {
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? 'a text with a NUL character' : null;
    case 'number':
      return Number.isFinite(value) ? null : `the number ${value}`;
    case 'bigint':
      return value >= INT64_MIN && value <= INT64_MAX ? null : 'an integer beyond 64 bits';
    default:
      return value === null || value instanceof Uint8Array
        ? null
        : `a value of type ${typeof value}`;
  }
}
