import type { ConsoleStatus, FrameSummary, TrainingState } from './contract/live-contract.js';
import type { SourceHandlers } from './handlers.js';

/**
 * The task of a robot that a request means, by default its first. The same task is always the same object.
 * Throws HL_TASK_UNKNOWN.
 */
export type ConsoleSources = (task?: string) => ConsoleSource;

/** What the console shows of one task of a robot, and what it can do with it. */
export interface ConsoleSource {
  status(): ConsoleStatus;
  /**
   * The newest frame of a camera (default: of any) on which the task decides, with its decision; null
   * before the first. Throws HL_TASK_UNKNOWN for a camera on which it does not decide.
   */
  latest(camera?: string): LatestFrame | null;
  /** A picture scaled down to a width in pixels; a narrower one is unchanged. */
  scaled(picture: EncodedPicture, widthPx: number): Promise<EncodedPicture>;
  /** Calls `listener` on every event until the returned function is called. */
  subscribe(listener: (event: ConsoleEvent) => void): () => void;
  /** Everything else; the routes without a handler do not exist. */
  readonly handlers: Partial<SourceHandlers>;
}

export type ConsoleEvent =
  | { type: 'decision'; data: FrameSummary }
  | { type: 'training'; data: TrainingState }
  /** The status may be another one; it is asked for when it is sent. */
  | { type: 'status' };

/** An encoded image, unchanged: JPEG, or PNG or WebP from a replay or an import. */
export interface EncodedPicture {
  mediaType: string;
  bytes: Uint8Array;
}

export interface LatestFrame extends FrameSummary {
  picture: EncodedPicture;
}
