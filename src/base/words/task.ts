import type { Eye } from './eye.js';

/** The task of a robot whose settings name none, and of every sample from before there were tasks. */
export const DEFAULT_TASK = 'main';

/** Names of tasks stand in topics and folders. The entry `current` of a folder of heads is no task. */
export const TASK_NAME = /^(?!current$)[a-z][a-z0-9_-]{0,31}$/;

/** What a task decides on. */
export interface TaskEyes {
  /** Names of its cameras; empty: all. */
  cameras: readonly string[];
  /** Names of its regions; empty: all. */
  regions: readonly string[];
}

/** Whether a task decides on the images of a camera or region. */
export function decidesOn({ cameras, regions }: TaskEyes, { camera, region }: Eye): boolean {
  return (
    (cameras.length === 0 || cameras.includes(camera)) &&
    (regions.length === 0 || (region !== null && regions.includes(region)))
  );
}
