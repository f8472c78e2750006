import { SIMILAR_GROUP_PREFIX } from '../grouping/by-likeness.js';
import type { Grouping } from '../grouping/groups.js';
import type { SampleStore } from '../store.js';
import { countOf, type FoundFolder, nameSome } from './found.js';
import type { Candidate, ImportRun } from './import-run.js';
import type { Manifest } from './manifest.js';

/** Warnings in the report of an import. */

/** Share of single-picture groups above which grouping by similarity is reported as weak. */
const LONE_SHARE = 0.5;
const LONE_MIN = 20;
/** Fewer pictures may well be from one moment. */
const ONE_GROUP_MIN = 8;
/** More empty classes are summarised in one warning. */
const NAMED_CLASSES = 10;

export function warnOfManifest(run: ImportRun, { file, badLines, fault }: Manifest): void {
  if (fault !== null) {
    run.warn('HL_IMPORT_MANIFEST_INVALID', `${file} ${fault}; all pictures count as new`);
  } else if (badLines.length > 0) {
    run.warn(
      'HL_IMPORT_MANIFEST_INVALID',
      `${file}: lines ${badLines.slice(0, 10).join(', ')} cannot be read; their pictures count as new`,
    );
  }
}

export function warnOfClasses(run: ImportRun, folder: FoundFolder): void {
  const empty = [...folder.classes].filter(([label]) => !run.classes.has(label));
  const folders = empty.flatMap(([, names]) => names);
  if (empty.length > NAMED_CLASSES) {
    const message = `${empty.length} class folders have no usable picture: ${nameSome(folders)}`;
    run.warn('HL_IMPORT_EMPTY_CLASS', message);
    return;
  }
  for (const [label, names] of empty) {
    const message = `class "${label}" has no usable picture in ${nameSome(names)}`;
    run.warn('HL_IMPORT_EMPTY_CLASS', message);
  }
}

/** Warns of classes of this import that training will leave out, judged by the whole store. */
export function warnOfSmallClasses(run: ImportRun, store: SampleStore): void {
  const { minLabelsPerClass = 0 } = run.options;
  for (const { label, training, holdout } of store.counts().classes) {
    if (!run.classes.has(label) || training >= minLabelsPerClass) continue;
    const held = holdout > 0 ? ` and ${holdout} in the holdout` : '';
    run.warn(
      'HL_IMPORT_CLASS_SMALL',
      `class "${label}" has ${countOf(training)} for training${held}; training leaves it out until there are ${minLabelsPerClass}`,
    );
  }
}

export function warnOfGroups(
  run: ImportRun,
  candidates: readonly Candidate[],
  { by, cut }: Pick<Grouping, 'by' | 'cut'>,
): void {
  if (cut > 0) {
    run.warn(
      'HL_IMPORT_CHAIN_CUT',
      `${cut} pictures were taken without a long pause and were split into groups at their longest pauses. If you know which belong together, import again with --group-pattern and --regroup`,
    );
  }
  if (run.report.groups === 1 && candidates.length >= ONE_GROUP_MIN) {
    run.warn(
      'HL_IMPORT_ONE_GROUP',
      `all ${candidates.length} pictures are in one group, so that a head cannot be evaluated. If they are from several occasions, import again with --group-pattern or --group-by, and --regroup`,
    );
  }
  const lone = countLone(candidates);
  const alike = by.similarity;
  if (alike < LONE_MIN || lone / alike <= LONE_SHARE) return;
  run.warn(
    'HL_IMPORT_GROUPS_WEAK',
    `${lone} of ${alike} pictures resemble no other, so each is its own group: pictures of one moment may be split between training and holdout, which makes the score too good. Import again with --group-pattern and --regroup`,
  );
}

/** Number of pictures that are alone in a group made by similarity. */
function countLone(candidates: readonly Candidate[]): number {
  const sizes = new Map<string, number>();
  for (const { group: name } of candidates) sizes.set(name!, (sizes.get(name!) ?? 0) + 1);
  return candidates.filter(
    ({ group: name, known }) =>
      known === null && name!.includes(SIMILAR_GROUP_PREFIX) && sizes.get(name!) === 1,
  ).length;
}
