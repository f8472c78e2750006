import { brainEn } from './en/brain.en.js';
import { liveEn } from './en/live.en.js';
import { picturesEn } from './en/pictures.en.js';
import { robotEn } from './en/robot.en.js';
import { shellEn } from './en/shell.en.js';
import { teachEn } from './en/teach.en.js';

/** A text with `{name}` for its values, or one for each plural form of the value `count`. */
export type Entry =
  | string
  | Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

/** The English texts; every other catalogue has the same keys. */
export const ENGLISH = {
  ...shellEn,
  ...liveEn,
  ...teachEn,
  ...picturesEn,
  ...brainEn,
  ...robotEn,
} as const satisfies Record<string, Entry>;

export type WordKey = keyof typeof ENGLISH;
export type Catalogue = Readonly<Record<WordKey, Entry>>;
/** The texts of one place in another language. */
export type Translated<Part> = Readonly<Record<keyof Part, Entry>>;

export const LANGUAGES = ['en', 'de', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];
