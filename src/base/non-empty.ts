/** At least one. */
export type NonEmpty<T> = readonly [T, ...T[]];

/** As `map`, for an array whose type says that it is not empty. */
export function mapNonEmpty<T, U>(
  [first, ...others]: NonEmpty<T>,
  to: (item: T) => U,
): [U, ...U[]] {
  return [to(first), ...others.map(to)];
}
