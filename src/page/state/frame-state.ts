import type { FrameCatalogue } from '../words/frame/frame.js';
import type { Language } from '../words/language.js';

export type Link = 'connecting' | 'live' | 'lost';

export interface Notice {
  message: string;
  problem: boolean;
  action: { words: string; act: () => void } | null;
}

export interface Confirmation {
  title: string;
  message: string;
  yes: string;
  answer: (yes: boolean) => void;
}

export const THEMES = ['automatic', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** What every page has around its places. */
export interface FrameState {
  /** Set while the page waits for a token; `problem` explains why the last one was rejected. */
  lock: { problem: string } | null;
  link: Link;
  language: Language;
  catalogue: FrameCatalogue;
  notice: Notice | null;
  confirmation: Confirmation | null;
  theme: Theme;
}
