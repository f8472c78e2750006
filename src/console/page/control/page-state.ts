import type { ClockedStatus } from '../../console-api.js';
import type {
  FrameSummary,
  HeadVersion,
  TrainingReport,
  WaitingSample,
} from '../../console-source.js';

export type Link = 'connecting' | 'live' | 'lost';

/** Why the live picture stands still: a press on a label, text being typed, or the Hold button. */
export type Hold = 'press' | 'typing' | 'held';

/** What the viewer shows: the live picture, a sample that asks, or a sample that is corrected. */
export type View = { kind: 'live' } | SampleView;

export interface SampleView {
  kind: 'question' | 'correction';
  sampleId: string;
  guess: WaitingSample['guess'];
}

/** What the picture on the screen belongs to. */
export type Shown = { kind: 'live'; frame: FrameSummary } | { kind: SampleView['kind'] };

/** A decoded picture, ready to be put on the screen. */
export interface ScreenPicture {
  image: HTMLImageElement;
  description: string;
}

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

export interface PageState {
  /** The page is locked until a token is given; `problem` says what was wrong with the last one. */
  lock: { problem: string } | null;
  link: Link;
  /** Null before the first, and while the page is locked. */
  status: ClockedStatus | null;
  /** The camera whose picture is shown. */
  camera: string | null;
  view: View;
  /** Null while the picture on the screen is not of this view. */
  shown: Shown | null;
  picture: ScreenPicture | null;
  hold: Hold | null;
  /** Labels whose buttons confirm that they were taken. */
  confirmed: readonly string[];
  waiting: readonly WaitingSample[];
  /** Newest first. */
  reports: readonly TrainingReport[];
  heads: readonly HeadVersion[];
  notice: Notice | null;
  confirmation: Confirmation | null;
  theme: Theme;
}

export const INITIAL_STATE: Readonly<PageState> = {
  lock: null,
  link: 'connecting',
  status: null,
  camera: null,
  view: { kind: 'live' },
  shown: null,
  picture: null,
  hold: null,
  confirmed: [],
  waiting: [],
  reports: [],
  heads: [],
  notice: null,
  confirmation: null,
  theme: 'automatic',
};
