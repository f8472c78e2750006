import type { FoundPicture } from './found.js';
import type { ImportRun } from './import-run.js';

/** Prefix of groups that are kept out, so that they never merge with training groups. */
export const KEPT_GROUP_PREFIX = 'kept-';

/**
 * With `keepSplit`, marks the test part of a split data set as kept out of training, or the
 * validation part if there is no test part. Without it, notes that there is such a part.
 */
export function markKeptOut(run: ImportRun, pictures: readonly FoundPicture[]): void {
  const parts = new Set(pictures.map(({ split }) => split));
  const part = parts.has('test') ? 'test' : parts.has('validation') ? 'validation' : null;
  if (!run.options.keepSplit) {
    if (part === null) return;
    const message = `the ${part} part is imported like the others; --keep-split keeps it out of training`;
    run.warn('HL_IMPORT_SPLITS', message);
    return;
  }
  if (part === null) {
    run.warn('HL_IMPORT_SPLITS', 'there is no test or validation part to keep out of training');
    return;
  }
  for (const picture of pictures) {
    picture.keptOut = picture.split === part;
    if (picture.keptOut && picture.group !== null) {
      picture.group = `${KEPT_GROUP_PREFIX}${picture.group}`;
    }
  }
}
