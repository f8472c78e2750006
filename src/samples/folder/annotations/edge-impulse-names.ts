import type { AnnotatedPicture } from './annotation.js';

/** Share of pictures whose names must begin with a repeated label. */
const SHARE = 0.9;
/** Beginnings of picture names made by cameras and programs. */
const COUNTER =
  /^(?:img|image|dsc[fn]?|pict?|photo|frame|mvi|gopr|dji|pxl|wp|scan|screenshot|untitled|capture|snapshot)?[\W_\d]*$/i;

/**
 * Reads labels at the beginning of file names, as Edge Impulse writes them: `weed.2k9d1p0s.jpg`.
 * Other names have dots too, so nearly all must have this form, with at least two repeated labels.
 * Null: the names are not of this form.
 * @param names relative to the imported folder, with "/"
 */
export function readLabelsInNames(names: readonly string[]): AnnotatedPicture[] | null {
  const pictures: AnnotatedPicture[] = [];
  const counts = new Map<string, number>();
  for (const name of names) {
    const fileName = name.slice(name.lastIndexOf('/') + 1);
    const match = /^([^.]{1,64})\.[^.]+(?:\.[^.]+)*\.[A-Za-z0-9]+$/.exec(fileName);
    // Roboflow writes "IMG_1_jpg.rf.0123….jpg": this begins with the picture's name, not its class.
    if (match === null || /\.rf\.[0-9a-z]{16,}\./i.test(fileName)) continue;
    const label = match[1]!;
    if (COUNTER.test(label)) continue;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    pictures.push({ picture: name, labels: [label], boxes: [] });
  }
  const again = [...counts.values()].filter((count) => count > 1);
  const covered = again.reduce((sum, count) => sum + count, 0);
  return again.length > 1 && covered >= SHARE * names.length ? pictures : null;
}
