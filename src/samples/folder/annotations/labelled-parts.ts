import type { PlacedPicture } from '../../../vision/folder/layout.js';
import type { PictureBox } from '../../../vision/picture-box.js';
import type { PictureLabels } from './read-annotations.js';

/** What becomes of boxes: each is cut out, or the picture gets their class. */
export type BoxUse = 'crops' | 'whole';

/** A picture, or a part of one, with its label as the annotation writes it. */
export interface LabelledPart {
  picture: PlacedPicture;
  label: string;
  /** Null: the picture as a whole. */
  box: PictureBox | null;
  /** Group that the annotation names; null: none. */
  group: string | null;
}

export interface LabelledParts {
  parts: LabelledPart[];
  /** Names of pictures that have several labels as a whole. */
  several: string[];
  /** Pictures without any label. */
  without: PlacedPicture[];
  /** Names of pictures, one for each box that cannot be cut out because it has no edges. */
  edgeless: string[];
}

/**
 * Divides annotated pictures into what becomes samples. With `crops`, each box is one, and a picture
 * with one label as a whole is one too. With `whole`, only pictures are; the labels of the boxes count
 * if there is none of the whole.
 */
export function partsOf(
  pictures: readonly PlacedPicture[],
  labelsOf: (name: string) => PictureLabels,
  use: BoxUse,
): LabelledParts {
  const found: LabelledParts = { parts: [], several: [], without: [], edgeless: [] };
  for (const placed of pictures) {
    const { whole, boxes, group, split, elsewhere } = labelsOf(placed.name);
    const picture = { ...placed, split: split ?? placed.split };
    const ofBoxes = use === 'whole' && whole.length === 0 ? boxes.map(({ label }) => label) : [];
    const labels = [...new Set([...whole, ...ofBoxes])];
    const [label] = labels;
    if (labels.length > 1) found.several.push(picture.name);
    else if (label !== undefined) found.parts.push({ picture, label, box: null, group });
    if (use === 'crops') addBoxes(found, picture, boxes, group);
    if (whole.length + boxes.length === 0 && !elsewhere) found.without.push(picture);
  }
  return found;
}

function addBoxes(
  { parts, edgeless }: LabelledParts,
  picture: PlacedPicture,
  boxes: PictureLabels['boxes'],
  group: string | null,
): void {
  for (const { label, box } of boxes) {
    if (box === null) edgeless.push(picture.name);
    else parts.push({ picture, label, box, group });
  }
}
