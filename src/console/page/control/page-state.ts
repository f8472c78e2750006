import type { FrameState } from '../../../page/state/frame-state.js';
import type { ClockedStatus, FrameSummary } from '../../contract/live-contract.js';
import { type Catalogue, ENGLISH } from '../words/catalogue/catalogue.js';
import {
  type AlikeOffer,
  type NearChoice,
  NO_QUESTIONS,
  type TeachState,
  type Unsent,
} from './teach/teach-state.js';

/** Why the live picture is held: a press on a label, text being typed, or the Hold button. */
export type Hold = 'press' | 'typing' | 'held';

/** Content of the viewer: the live picture, or a sample being relabelled. */
export type View = { kind: 'live' } | { kind: 'correction'; sampleId: string };

/** The view and frame that the picture on the screen belongs to. */
export type Shown = { kind: 'live'; frame: FrameSummary } | { kind: 'correction' };

/** A decoded picture, ready for display. */
export interface ScreenPicture {
  image: HTMLImageElement;
}

/** A change that can be taken back. */
export interface UndoStep {
  /** The task that it was made in. */
  task: string | null;
  /** Takes it back; throws Refusals. */
  takeBack: () => Promise<void>;
}

/** The places of the page, in the order of its navigation. */
export const PLACES = ['live', 'teach', 'pictures', 'brain', 'robot'] as const;
export type Place = (typeof PLACES)[number];

export interface PageState extends FrameState {
  place: Place;
  /** What the place is narrowed to, such as the filters of Pictures. */
  params: Readonly<Record<string, string>>;
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
  teach: TeachState;
  /** Null: nothing looks like what was labelled last. */
  alikes: AlikeOffer | null;
  /** Null: no new class name is in doubt. */
  nearChoice: NearChoice | null;
  /** Answers that are on their way to the robot, of all tasks. */
  unsent: Unsent;
  /** Changes that can be taken back, of all tasks, the newest last. */
  undoSteps: readonly UndoStep[];
}

/** What belongs to one task: another task begins with it. */
export const NOTHING_OF_A_TASK = {
  view: { kind: 'live' },
  shown: null,
  hold: null,
  confirmed: [],
  teach: NO_QUESTIONS,
  alikes: null,
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
  nearChoice: null,
  unsent: { count: 0, stuck: false },
  undoSteps: [],
  theme: 'automatic',
};
