/** Raised whenever quantizing gives other bytes for the same pictures: variants are then renewed. */
export const QUANTIZER_VERSION = 1;

const SUFFIX = '-int8';

/**
 * The card of a backbone's 8-bit variant: the same network on the same pixels, under a name, and
 * with features, of its own. It is made on the robot and cannot be fetched.
 */
export function quantizedCard<Card extends { name: string; title: string }>(card: Card) {
  return {
    ...card,
    name: `${card.name}${SUFFIX}`,
    title: `${card.title}, 8-bit`,
    precision: 'int8' as const,
    golden: null,
  };
}

/** Name of the backbone that `name` is the 8-bit variant of; a name without suffix stays itself. */
export function fullPrecisionName(name: string): string {
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name;
}
