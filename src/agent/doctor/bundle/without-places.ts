/** Where a robot is, as status, reports and events name it. */
const PLACE = new Set(['latitude', 'longitude']);

/** A value of JSON without coordinates. */
export function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !PLACE.has(name))
      .map(([name, inner]) => [name, withoutPlaces(inner)]),
  );
}
