import { HeadlandError, messageOf } from '../../base/errors.js';
import { assignGroups, type GroupItem, type GroupMethod, SIMILAR_GROUP_PREFIX } from '../groups.js';
import type { SampleStore } from '../store.js';
import { ImportReader } from './import-read.js';
import {
  asItem,
  type Candidate,
  type ImportOptions,
  type ImportReport,
  ImportRun,
} from './import-run.js';
import { ImportWriter } from './import-write.js';
import { readManifest } from './manifest.js';
import { findPictures } from './walk.js';

export type { ImportOptions, ImportProgress, ImportReport } from './import-run.js';

/** Share of lone pictures above which groups by likeness are said to be weak. */
const LONE_SHARE = 0.5;
const LONE_MIN = 20;

/**
 * Imports a folder of class folders (Keras' `flow_from_directory` layout: folder name = label) or
 * an export of headland, which also gives back groups, holdout sides and times. Bad pictures are
 * quarantined and the import goes on; a second import adds nothing. The folder is only read. A
 * label that the store already has is kept: importing again never undoes a correction.
 *
 * @throws HeadlandError HL_IMPORT_NOT_FOUND, HL_IMPORT_NO_CLASSES, HL_IMPORT_PATTERN_INVALID,
 *   HL_IMPORT_CANCELLED; HL_STORE_FULL or HL_STORE_LIMIT in the middle: what was stored stays, and
 *   importing again goes on from there
 */
export async function importFolder(
  store: SampleStore,
  dir: string,
  options: ImportOptions,
): Promise<ImportReport> {
  const pattern = compile(options.groupPattern ?? null);
  const folder = await findPictures(dir);
  const manifest = await readManifest(dir);
  const run = new ImportRun(options);
  for (const obstacle of folder.refused) await run.refuse(obstacle, null);
  for (const { code, message } of folder.unusable) run.warn(code, `${message}; folder left out`);
  if (manifest.badLines.length > 0) {
    run.warn(
      'HL_IMPORT_MANIFEST_INVALID',
      `samples.jsonl: cannot read line ${manifest.badLines.slice(0, 10).join(', ')}; the pictures of these lines count as new`,
    );
  }
  const candidates = await new ImportReader(store, run, manifest.entries).read(folder.pictures);
  const grouping = assignGroups([...candidates, ...itemsElsewhere(store, candidates)], {
    pattern,
    ...(options.groupBy ? { method: options.groupBy } : {}),
    ...(options.gapMs === undefined ? {} : { gapMs: options.gapMs }),
  });
  candidates.forEach((candidate, i) => {
    candidate.group = grouping.groups[i]!;
  });
  await new ImportWriter(store, run).write(candidates);
  if (candidates.some(({ restored }) => restored !== null)) store.settleHoldout();

  const { report } = run;
  report.quarantined.sort((a, b) => (a.origin < b.origin ? -1 : 1));
  report.found = folder.pictures.length;
  report.groups = new Set(candidates.map(({ group }) => group)).size;
  report.groupedBy = mostOf(grouping.by);
  if (folder.ignored > 0) {
    run.warn(
      'HL_IMPORT_IGNORED',
      `${folder.ignored} files were left out: their names do not end as those of pictures do`,
    );
  }
  for (const { folder: name, label } of folder.classes) {
    if (!report.classes[label]) {
      run.warn('HL_IMPORT_EMPTY_CLASS', `class folder "${name}" has no usable picture`);
    }
  }
  const lone = countLone(candidates);
  const alike = grouping.by.similarity;
  if (alike >= LONE_MIN && lone / alike > LONE_SHARE) {
    run.warn(
      'HL_IMPORT_GROUPS_WEAK',
      `${lone} of ${alike} pictures resemble no other, so each is its own group: pictures of one moment may be on both sides of the holdout, and its score too good. Import into a new state folder with --group-pattern (--state DIR)`,
    );
  }
  if (run.quarantine.failure !== null) {
    run.warn(
      'HL_IMPORT_QUARANTINE_FAILED',
      `refused pictures could not be copied: ${run.quarantine.failure}`,
    );
  }
  return report;
}

/** Samples that are not in the folder: new pictures that belong to them join their groups. */
function itemsElsewhere(store: SampleStore, candidates: readonly Candidate[]): GroupItem[] {
  const inFolder = new Set(candidates.map(({ sha256 }) => sha256));
  const items: GroupItem[] = [];
  for (let afterId = ''; ; ) {
    const page = store.list({ afterId, limit: 5_000 });
    for (const sample of page) {
      if (!inFolder.has(sample.pictureSha256)) items.push(asItem(sample));
    }
    if (page.length === 0) return items;
    afterId = page.at(-1)!.id;
  }
}

function compile(pattern: string | null): RegExp | null {
  if (pattern === null) return null;
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new HeadlandError(
      'HL_IMPORT_PATTERN_INVALID',
      `--group-pattern is not a regular expression: ${messageOf(error)}`,
      {
        remedy: "Give a JavaScript regular expression in quotes, such as '(pass-[0-9]+)'.",
        details: { pattern },
      },
    );
  }
}

function mostOf(by: Record<GroupMethod, number>): GroupMethod | 'known' {
  const methods: GroupMethod[] = ['exif', 'pattern', 'similarity'];
  const most = Math.max(...methods.map((method) => by[method]));
  return most === 0 ? 'known' : methods.find((method) => by[method] === most)!;
}

/** Pictures that stand alone in a group that likeness made. */
function countLone(candidates: readonly Candidate[]): number {
  const sizes = new Map<string, number>();
  for (const { group } of candidates) sizes.set(group!, (sizes.get(group!) ?? 0) + 1);
  return candidates.filter(
    ({ group, known }) =>
      known === null && group!.startsWith(SIMILAR_GROUP_PREFIX) && sizes.get(group!) === 1,
  ).length;
}
