import { basename, join } from 'node:path';

/** A photo of the demonstration, with its class. */
export interface PlannedPhoto {
  path: Buffer;
  /** Relative to the folder of photos, with "/". */
  origin: string;
  label: string;
  /** Photos that resemble each other are in one group. */
  group: string;
}

/** Which photos of a folder are labelled, and which are held back to measure on. */
export interface PhotoPlan {
  taught: PlannedPhoto[];
  untaught: PlannedPhoto[];
}

/** Path of the link below its folder, which is the origin of its frames. */
export function linkName({ origin, label }: Pick<PlannedPhoto, 'origin' | 'label'>): string {
  const folders = origin.split('/').slice(0, -1);
  // Photos of one class in several folders, such as train/ and test/, may have the same name.
  const from = folders.filter((name) => name !== label).join('_');
  return join(label, from === '' ? basename(origin) : `${from}_${basename(origin)}`);
}
