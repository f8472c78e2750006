import { HeadlandError, messageOf } from '../../base/errors.js';
import type { GroupItem } from '../grouping/group-item.js';
import {
  assignGroups,
  GROUP_METHODS,
  type Grouping,
  type GroupMethod,
} from '../grouping/groups.js';
import type { Sample } from '../sample.js';
import type { SampleStore } from '../store.js';
import { doubtTimesOf } from './capture-times.js';
import { asPicture, type PictureUnit, unitsOf } from './crops/picture-units.js';
import { findPictures } from './find-pictures.js';
import { countOf, type LeftOut } from './found.js';
import { warnOfClasses, warnOfGroups, warnOfManifest, warnOfSmallClasses } from './import-notes.js';
import { ImportReader } from './import-read.js';
import {
  asItem,
  type Candidate,
  type ImportOptions,
  type ImportReport,
  ImportRun,
} from './import-run.js';
import { ImportWriter } from './import-write.js';
import { KEPT_GROUP_PREFIX, markKeptOut } from './kept-out.js';
import { classFoldersOf, readManifest } from './manifest.js';

export type { ImportOptions, ImportProgress, ImportReport } from './import-run.js';

/**
 * Imports a folder of class folders (Keras' `flow_from_directory` layout: folder name = label) with
 * splits around or inside them, an export of an annotation tool, or an export of headland, which
 * also restores groups, holdout and times. Bad pictures are quarantined and do not stop the import.
 * A repeated import adds nothing. The folder is never modified. Labels that the store already has
 * are kept, so that a repeated import never undoes a correction.
 *
 * @throws HeadlandError HL_IMPORT_NOT_FOUND, HL_IMPORT_NO_CLASSES, HL_IMPORT_LAYOUT_UNCLEAR,
 *   HL_IMPORT_PATTERN_INVALID, HL_IMPORT_CANCELLED, HL_LABEL_INVALID; HL_STORE_FULL or
 *   HL_STORE_LIMIT during the import: stored pictures are kept, and importing again continues from
 *   there
 */
export async function importFolder(
  store: SampleStore,
  dir: string,
  options: ImportOptions,
): Promise<ImportReport> {
  const pattern = compile(options.groupPattern ?? null);
  const manifest = await readManifest(dir);
  const folder = await findPictures(dir, store.labels(), options, classFoldersOf(manifest));
  for (const entry of folder.sidecars) manifest.entries.set(entry.sha256, entry);
  const run = new ImportRun(options);
  for (const obstacle of folder.refused) await run.refuse(obstacle, null);
  for (const { code, message } of folder.notes) run.warn(code, message);
  warnOfManifest(run, manifest);
  markKeptOut(run, folder.pictures);
  const candidates = await new ImportReader(store, run, manifest.entries).read(folder.pictures);
  const units = unitsOf(candidates);
  doubtTimesOf(run, units);
  const grouping = giveGroups(store, candidates, units, pattern, options);
  await new ImportWriter(store, run).write(candidates);
  if (candidates.some(({ restored }) => restored !== null)) store.settleHoldout();

  const { report } = run;
  report.quarantined.sort((a, b) => (a.origin < b.origin ? -1 : 1));
  report.classes = new Map([...run.classes].sort(([a], [b]) => (a < b ? -1 : 1)));
  report.layout = folder.layout;
  report.found = folder.pictures.length;
  report.groups = new Set(candidates.map((candidate) => candidate.group)).size;
  report.groupedBy = mostOf(grouping.by);
  report.leftOut = summarise(report, [...folder.leftOut, ...run.leftOut()]);
  warnOfClasses(run, folder);
  warnOfSmallClasses(run, store);
  warnOfGroups(run, candidates, grouping);
  run.warnOfTheRest();
  if (run.quarantine.failure !== null) {
    run.warn(
      'HL_IMPORT_QUARANTINE_FAILED',
      `refused pictures could not be copied to the quarantine: ${run.quarantine.failure}`,
    );
  }
  return report;
}

/** The error for an import in which no picture was usable; null: some were imported or known. */
export function nothingUsable(dir: string, report: ImportReport): HeadlandError | null {
  if (report.imported + report.duplicates > 0) return null;
  const reasons = report.leftOut.map(({ files, reason }) => `${files} ${reason}`);
  return new HeadlandError(
    'HL_IMPORT_NOTHING',
    `none of the ${countOf(report.found)} in ${dir} can be used: ${reasons.join('; ')}`,
    {
      remedy: report.quarantined[0]?.remedy ?? 'Check the reasons above.',
      details: { dir, found: report.found, leftOut: report.leftOut },
    },
  );
}

/** Assigns groups to all candidates; those that are kept out never share one with the others. */
function giveGroups(
  store: SampleStore,
  candidates: readonly Candidate[],
  units: readonly PictureUnit[],
  pattern: RegExp | null,
  { groupBy, gapMs }: ImportOptions,
): Pick<Grouping, 'by' | 'cut'> {
  const rules = {
    pattern,
    ...(groupBy ? { method: groupBy } : {}),
    ...(gapMs === undefined ? {} : { gapMs }),
  };
  const kept = units.filter(({ item }) => item.keptOut);
  const others = units.filter(({ item }) => !item.keptOut);
  const ofOthers = assignGroups(
    [...others.map(asPicture), ...itemsElsewhere(store, candidates)],
    rules,
  );
  others.forEach(({ members }, i) => {
    for (const candidate of members) candidate.group ??= ofOthers.groups[i]!;
  });
  const ofKept = assignGroups(kept.map(asPicture), rules);
  kept.forEach(({ members, item }, i) => {
    const group = item.group ?? `${KEPT_GROUP_PREFIX}${ofKept.groups[i]}`;
    for (const candidate of members) candidate.group ??= group;
  });
  const by = { ...ofOthers.by };
  for (const method of GROUP_METHODS) by[method] += ofKept.by[method];
  return { by, cut: ofOthers.cut + ofKept.cut };
}

/**
 * Stored samples of all tasks that are not in the folder: related new pictures join their groups,
 * unless this task keeps them out.
 */
function itemsElsewhere(store: SampleStore, candidates: readonly Candidate[]): GroupItem[] {
  const skipped = new Set(candidates.map(({ sha256 }) => sha256));
  const items: GroupItem[] = [];
  for (const task of new Set([store.task, ...store.tasks()])) {
    for (const sample of allOf(store.forTask(task))) {
      if (skipped.has(sample.pictureSha256)) continue;
      skipped.add(sample.pictureSha256);
      // Its label answers another question.
      if (task !== store.task) items.push({ ...asItem(sample), label: null });
      else if (!sample.kept) items.push(asItem(sample));
    }
  }
  return items;
}

function* allOf(store: SampleStore): Generator<Sample> {
  for (let afterId = ''; ; ) {
    const page = store.list({ afterId, limit: 5_000 });
    if (page.length === 0) return;
    yield* page;
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
  const most = Math.max(...GROUP_METHODS.map((method) => by[method]));
  return most === 0 ? 'known' : GROUP_METHODS.find((method) => by[method] === most)!;
}

/** Summarises everything that was left out by reason, most files first. */
function summarise({ quarantined }: ImportReport, leftOut: readonly LeftOut[]): LeftOut[] {
  const byReason = new Map<string, LeftOut>();
  const add = ({ code, reason, files, examples }: LeftOut): void => {
    const one = byReason.get(`${code} ${reason}`) ?? { code, reason, files: 0, examples: [] };
    byReason.set(`${code} ${reason}`, one);
    one.files += files;
    one.examples = [...one.examples, ...examples].slice(0, 3);
  };
  for (const { origin, code, reason } of quarantined) {
    add({ code, reason, files: 1, examples: [origin] });
  }
  for (const one of leftOut) add(one);
  return [...byReason.values()].sort((a, b) => b.files - a.files);
}
