/** A true label according to the source of a picture. */
export interface Reference {
  /** Region whose image it is true of; absent: the whole image. */
  region?: string;
  /** Task whose question it answers; absent: the source knows one answer, whatever the question. */
  task?: string;
  label: string;
}

/** What a source knows of its pictures. */
export interface Referenced {
  /** Absent: nothing. */
  references?: readonly Reference[];
}

/** The references of one region's image. What is true of the whole image need not be true of a part. */
export function referencesOfRegion(
  { references = [] }: Referenced,
  region: string,
): readonly Reference[] {
  return references.filter((reference) => reference.region === region);
}

/**
 * The true label of an image for a task; undefined where the source does not know it.
 *
 * @param image of a region: with the references of that region only
 * @param task absent: one whose name the source does not know
 */
export function referenceLabel({ references = [] }: Referenced, task?: string): string | undefined {
  const known = references.find((reference) => reference.task === task);
  return (known ?? references.find((reference) => reference.task === undefined))?.label;
}
