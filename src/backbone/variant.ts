import type { ModelCard } from './model-card.js';

/** Raised whenever quantizing gives other bytes for the same images: variants are then renewed. */
export const QUANTIZER_VERSION = 2;

const SUFFIX = '-int8';
const TITLE_SUFFIX = ', 8-bit';

/**
 * The card of a backbone's 8-bit variant: the same network and the same input, but with its own
 * name and features. It is made on the robot and cannot be fetched.
 */
export function quantizedCard<Card extends { name: string; title: string }>(card: Card) {
  return {
    ...card,
    name: `${card.name}${SUFFIX}`,
    title: `${card.title}${TITLE_SUFFIX}`,
    precision: 'int8' as const,
    golden: null,
  };
}

/** The card that a variant's card was derived from; any other card unchanged. */
export function fullPrecisionCard(card: ModelCard): ModelCard {
  const { precision, ...base } = card;
  if (precision === undefined) return card;
  const title = base.title.endsWith(TITLE_SUFFIX)
    ? base.title.slice(0, -TITLE_SUFFIX.length)
    : base.title;
  return { ...base, name: fullPrecisionName(card.name), title };
}

/** Name of the backbone whose 8-bit variant is `name`; a name without the suffix unchanged. */
export function fullPrecisionName(name: string): string {
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name;
}
