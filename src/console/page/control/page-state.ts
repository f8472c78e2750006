import type { HeadVersion, TrainingReport } from '../../contract/brain-contract.js';
import type { ClockedStatus, FrameSummary } from '../../contract/live-contract.js';
import type { LookAlikeSample, WaitingSample } from '../../contract/teach-contract.js';

import { type Catalogue, ENGLISH, type Language } from '../words/catalogue/catalogue.js';

export type Link = 'connecting' | 'live' | 'lost';

/** Why the live picture is held: a press on a label, text being typed, or the Hold button. */
export type Hold = 'press' | 'typing' | 'held';

/** Content of the viewer: the live picture, a sample without label, or a sample being relabelled. */
export type View = { kind: 'live' } | SampleView;

export interface SampleView {
  kind: 'question' | 'correction';
  sampleId: string;
  guess: WaitingSample['guess'];
}

/** The view and frame that the picture on the screen belongs to. */
export type Shown = { kind: 'live'; frame: FrameSummary } | { kind: SampleView['kind'] };

/** A decoded picture, ready for display. */
export interface ScreenPicture {
  image: HTMLImageElement;
  description: string;
}

/** Look-alikes of a sample that was labelled just now, offered for the same label. */
export interface AlikeOffer {
  label: string;
  samples: readonly LookAlikeSample[];
  /** Ids of those that the user has taken out. */
  without: readonly string[];
  busy: boolean;
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

/** The places of the page, in the order of its navigation. */
export const PLACES = ['live', 'teach', 'pictures', 'brain', 'robot'] as const;
export type Place = (typeof PLACES)[number];

export const THEMES = ['automatic', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface PageState {
  /** Set while the page waits for a token; `problem` explains why the last one was rejected. */
  lock: { problem: string } | null;
  link: Link;
  place: Place;
  /** What the place is narrowed to, such as the filters of Pictures. */
  params: Readonly<Record<string, string>>;
  language: Language;
  catalogue: Catalogue;
  /** Changes whenever labels, samples or heads of the task may have changed. */
  changes: number;
  /** The chosen task; null: the first one of the robot. */
  task: string | null;
  /**
   * Null before the first status and while the page is locked. After the choice of another task, it is about
   * the former task until the first status arrives.
   */
  status: ClockedStatus | null;
  /** The camera whose picture is shown. */
  camera: string | null;
  view: View;
  /** Null while the picture on the screen does not belong to this view. */
  shown: Shown | null;
  picture: ScreenPicture | null;
  hold: Hold | null;
  /** Labels whose buttons currently confirm that they were stored. */
  confirmed: readonly string[];
  waiting: readonly WaitingSample[];
  /** Null: nothing looks like what was labelled last. */
  alikes: AlikeOffer | null;
  /** Newest first. */
  reports: readonly TrainingReport[];
  heads: readonly HeadVersion[];
  notice: Notice | null;
  confirmation: Confirmation | null;
  theme: Theme;
}

/** What belongs to one task: another task begins with it. */
export const NOTHING_OF_A_TASK = {
  view: { kind: 'live' },
  shown: null,
  hold: null,
  confirmed: [],
  waiting: [],
  alikes: null,
  reports: [],
  heads: [],
  notice: null,
} as const satisfies Partial<PageState>;

export const INITIAL_STATE: Readonly<PageState> = {
  ...NOTHING_OF_A_TASK,
  lock: null,
  link: 'connecting',
  place: 'live',
  params: {},
  language: 'en',
  catalogue: ENGLISH,
  changes: 0,
  task: null,
  status: null,
  camera: null,
  picture: null,
  confirmation: null,
  theme: 'automatic',
};
