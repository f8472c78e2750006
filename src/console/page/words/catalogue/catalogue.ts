import { frameEn } from '../../../../page/words/frame/frame.en.js';
import type { Entry } from '../../../../page/words/language.js';
import { brainEn } from './en/brain.en.js';
import { liveEn } from './en/live.en.js';
import { picturesEn } from './en/pictures.en.js';
import { robotEn } from './en/robot.en.js';
import { shellEn } from './en/shell.en.js';
import { teachEn } from './en/teach.en.js';

/** The English texts; every other catalogue has the same keys. */
export const ENGLISH = {
  ...frameEn,
  ...shellEn,
  ...liveEn,
  ...teachEn,
  ...picturesEn,
  ...brainEn,
  ...robotEn,
} as const satisfies Record<string, Entry>;

export type WordKey = keyof typeof ENGLISH;
export type Catalogue = Readonly<Record<WordKey, Entry>>;
