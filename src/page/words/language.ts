/** A text with `{name}` for its values, or one for each plural form of the value `count`. */
export type Entry =
  | string
  | Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

/** The texts of one part of a page in another language. */
export type Translated<Part> = Readonly<Record<keyof Part, Entry>>;

export const LANGUAGES = ['en', 'de', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];
