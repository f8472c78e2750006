import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { linkName, type PhotoPlan, type PlannedPhoto } from './planned-photo.js';

/** Names of the cameras that show the two parts of a folder of photos. */
export const PHOTO_CAMERAS = { taught: 'taught', untaught: 'untaught' } as const;

/**
 * Makes a folder of class folders for each part of a plan, with links to the photos, so that each
 * can be replayed as a camera of its own. Replaces those of earlier runs.
 * @returns the folders
 */
export function linkPhotos(folder: string, plan: PhotoPlan): Record<keyof PhotoPlan, string> {
  rmSync(folder, { recursive: true, force: true });
  const folders = { taught: join(folder, 'taught'), untaught: join(folder, 'untaught') };
  for (const part of ['taught', 'untaught'] as const) linkAll(folders[part], plan[part]);
  return folders;
}

function linkAll(folder: string, photos: readonly PlannedPhoto[]): void {
  mkdirSync(folder, { recursive: true });
  for (const photo of photos) {
    const link = join(folder, linkName(photo));
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(photo.path, link);
  }
}
