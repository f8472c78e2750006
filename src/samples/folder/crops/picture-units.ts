import { listIn } from '../../../base/values/list-in.js';
import type { GroupItem } from '../../grouping/group-item.js';
import type { Candidate } from '../import-run.js';

/** All candidates of one picture: the picture itself, crops of it, or both. One group. */
export interface PictureUnit {
  members: readonly Candidate[];
  /** The one with a group, else the first. */
  item: Candidate;
}

/** SHA-256 of the picture that a candidate is, or was cut out of, hex. */
export function pictureShaOf({ crop, sha256 }: Candidate): string {
  return crop?.pictureSha256 ?? sha256;
}

/** Collects the candidates by the bytes of their picture, in the order of the first ones. */
export function unitsOf(candidates: readonly Candidate[]): PictureUnit[] {
  const units = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    listIn(units, pictureShaOf(candidate)).push(candidate);
  }
  return [...units.values()].map((members) => {
    return { members, item: members.find(({ group }) => group !== null) ?? members[0]! };
  });
}

/**
 * Converts a unit to an item for grouping. A crop stands for its picture: it has the picture's hash,
 * and no label, because frames with different boxes may still be of one moment.
 */
export function asPicture({ item }: PictureUnit): GroupItem {
  const { crop } = item;
  if (crop === null) return item;
  return {
    ...item,
    name: item.picture.name,
    label: null,
    sha256: crop.pictureSha256,
    dhash: crop.pictureDhash,
  };
}
