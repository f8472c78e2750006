import type { Sample } from '../../sample.js';

/** A picture that was written. */
export interface ExportedPicture {
  sample: Sample;
  /** Path below the exported folder, with "/". */
  file: string;
  /** Size, upright by EXIF, pixels; 0 unless the format needs it. */
  width: number;
  height: number;
}

/** A text file below the exported folder; its folder may not exist yet. */
export interface ExportedText {
  file: string;
  text: string;
}

/** One format of exports: where pictures lie, and what is written beside them. */
export interface Exporter {
  /** Name of the manifest, from which an import restores what the format cannot carry. */
  manifest: string;
  /** Whether `width` and `height` of the pictures are needed. */
  needsSize: boolean;
  /** Whether a picture without a label is one that waits, and not one without objects. */
  takesWaiting: boolean;
  /** Folder of a sample's picture, below the exported folder. */
  folderOf(sample: Sample): string;
  /** @param labels all labels of the pictures, sorted */
  textsOf(pictures: readonly ExportedPicture[], labels: readonly string[]): Iterable<ExportedText>;
}

/** Folder of the pictures in formats that have no parts. */
export const PICTURE_FOLDER = 'images';

/** Last part of the path of a picture. */
export function fileNameOf({ file }: ExportedPicture): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

/** The part of a split data set, as COCO and YOLO name it, that a sample belongs to. */
export function partOf({ holdout }: Sample): 'train' | 'val' {
  return holdout ? 'val' : 'train';
}
