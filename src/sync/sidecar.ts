import { sha256Hex } from '../base/hash.js';
import { manifestEntry, SIDECAR_ENDING } from '../samples/folder/manifest.js';
import type { Sample } from '../samples/sample.js';

/**
 * Identifies the metadata of a sample. The number of near-duplicates is left out: it may rise with
 * every frame, and is not worth a transfer each time.
 */
export function metadataDigest(sample: Sample): string {
  return sha256Hex(JSON.stringify(manifestEntry({ ...sample, multiplicity: 1 }, sample.id)));
}

/** @param file name of the picture beside it */
export function sidecarOf(
  sample: Sample,
  file: string,
  about: { robot: string; labelRevision: number },
): { name: string; text: string } {
  const entry = {
    ...manifestEntry(sample, file),
    label_revision: about.labelRevision,
    robot: about.robot,
  };
  return { name: `${sample.id}${SIDECAR_ENDING}`, text: `${JSON.stringify(entry)}\n` };
}
