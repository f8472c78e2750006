import { HeadlandError, messageOf } from '../../base/errors.js';
import { SIMILAR_GROUP_PREFIX } from '../grouping/by-likeness.js';
import { type Doubt, doubtAlone, doubtTimes } from '../grouping/doubtful-times.js';
import type { GroupItem } from '../grouping/group-item.js';
import {
  assignGroups,
  GROUP_METHODS,
  type Grouping,
  type GroupMethod,
} from '../grouping/groups.js';
import type { SampleStore } from '../store.js';
import { findPictures } from './find-pictures.js';
import { countOf, type FoundFolder, type LeftOut, nameSome } from './found.js';
import { ImportReader } from './import-read.js';
import {
  asItem,
  type Candidate,
  type ImportOptions,
  type ImportReport,
  ImportRun,
} from './import-run.js';
import { ImportWriter } from './import-write.js';
import { type Manifest, readManifest } from './manifest.js';

export type { ImportOptions, ImportProgress, ImportReport } from './import-run.js';

/** Share of lone pictures above which groups by likeness are said to be weak. */
const LONE_SHARE = 0.5;
const LONE_MIN = 20;
/** Fewer pictures may well be of one moment. */
const ONE_GROUP_MIN = 8;
/** Groups of what is kept out begin with this: they never join those that are learnt. */
const KEPT_GROUP_PREFIX = 'kept-';
/** So many empty classes are named one by one. */
const NAMED_CLASSES = 10;

/**
 * Imports a folder of class folders (Keras' `flow_from_directory` layout: folder name = label), with
 * splits around or inside them, an export of another tool that annotates pictures, or an export of
 * headland, which also gives back groups, holdout sides and times. Bad pictures are quarantined and
 * the import goes on; a second import adds nothing. The folder is only read. A label that the store
 * already has is kept: importing again never undoes a correction.
 *
 * @throws HeadlandError HL_IMPORT_NOT_FOUND, HL_IMPORT_NO_CLASSES, HL_IMPORT_LAYOUT_UNCLEAR,
 *   HL_IMPORT_PATTERN_INVALID, HL_IMPORT_CANCELLED, HL_LABEL_INVALID; HL_STORE_FULL or HL_STORE_LIMIT
 *   in the middle: what was stored stays, and importing again goes on from there
 */
export async function importFolder(
  store: SampleStore,
  dir: string,
  options: ImportOptions,
): Promise<ImportReport> {
  const pattern = compile(options.groupPattern ?? null);
  const folder = await findPictures(dir, store.labels(), options);
  const manifest = await readManifest(dir);
  const run = new ImportRun(options);
  for (const obstacle of folder.refused) await run.refuse(obstacle, null);
  for (const { code, message } of folder.notes) run.warn(code, message);
  warnOfManifest(run, manifest);
  const candidates = await new ImportReader(store, run, manifest.entries).read(folder.pictures);
  markKeptOut(run, folder, candidates);
  doubtCandidates(run, candidates);
  const grouping = group(store, candidates, pattern, options);
  await new ImportWriter(store, run).write(candidates);
  if (candidates.some(({ restored }) => restored !== null)) store.settleHoldout();

  const { report } = run;
  report.quarantined.sort((a, b) => (a.origin < b.origin ? -1 : 1));
  report.found = folder.pictures.length;
  report.groups = new Set(candidates.map((candidate) => candidate.group)).size;
  report.groupedBy = mostOf(grouping.by);
  report.leftOut = summarise(report, folder.leftOut);
  warnOfClasses(run, folder);
  warnOfSmallClasses(run, store);
  warnOfGroups(run, candidates, grouping);
  run.warnOfTheRest();
  if (run.quarantine.failure !== null) {
    run.warn('HL_IMPORT_QUARANTINE_FAILED', `copies are missing: ${run.quarantine.failure}`);
  }
  return report;
}

/** Why an import that ended brought nothing; null: it brought, or found again, some picture. */
export function nothingUsable(dir: string, report: ImportReport): HeadlandError | null {
  if (report.imported + report.duplicates > 0) return null;
  const reasons = report.leftOut.map(({ files, reason }) => `${files} ${reason}`);
  return new HeadlandError(
    'HL_IMPORT_NOTHING',
    `none of the ${countOf(report.found)} in ${dir} can be used: ${reasons.join('; ')}`,
    {
      remedy: report.quarantined[0]?.remedy ?? 'Look at the reasons above.',
      details: { dir, found: report.found, leftOut: report.leftOut },
    },
  );
}

function warnOfManifest(run: ImportRun, { badLines, fault }: Manifest): void {
  if (fault !== null) {
    run.warn('HL_IMPORT_MANIFEST_INVALID', `samples.jsonl ${fault}; all pictures count as new`);
  } else if (badLines.length > 0) {
    run.warn(
      'HL_IMPORT_MANIFEST_INVALID',
      `samples.jsonl: lines ${badLines.slice(0, 10).join(', ')} cannot be understood; their pictures count as new`,
    );
  }
}

/** The test part of a divided data set, or its validation part where there is no test part. */
function markKeptOut(run: ImportRun, folder: FoundFolder, candidates: readonly Candidate[]): void {
  const parts = new Set(folder.pictures.map(({ split }) => split));
  const part = parts.has('test') ? 'test' : parts.has('validation') ? 'validation' : null;
  if (!run.options.keepSplit) {
    if (part === null) return;
    run.warn(
      'HL_IMPORT_SPLITS',
      `the ${part} part is imported like the others; --keep-split keeps it out of training`,
    );
    return;
  }
  if (part === null) {
    run.warn('HL_IMPORT_SPLITS', 'there is no test or validation part to keep out of training');
  }
  for (const candidate of candidates) {
    if (part !== null && candidate.picture.split === part) candidate.keptOut = true;
  }
}

const DOUBTS: Readonly<Record<Doubt, string>> = {
  'before-2000': 'before the year 2000',
  'clock-reset': 'on a first of January, where clocks without a battery begin',
  future: 'in the future',
  'same-moment': 'at one and the same moment',
};

/** Takes away capture times that cannot be true; those of satellites take their place. */
function doubtCandidates(run: ImportRun, candidates: readonly Candidate[]): void {
  const nowMs = (run.options.now ?? Date.now)();
  const doubts = doubtTimes(
    candidates.map(({ captureTimeMs, group }) => (group === null ? captureTimeMs : null)),
    nowMs,
  );
  const counts = new Map<Doubt, number>();
  candidates.forEach((candidate, i) => {
    const doubt = doubts[i];
    const { gpsTimeMs } = candidate;
    const gpsIsTrue = gpsTimeMs !== null && doubtAlone(gpsTimeMs, nowMs) === null;
    if (doubt != null) {
      candidate.captureTimeMs = null;
      if (candidate.restored === null) candidate.capturedAtMs = candidate.fileTimeMs;
      if (!gpsIsTrue) counts.set(doubt, (counts.get(doubt) ?? 0) + 1);
    }
    if (candidate.group !== null || candidate.captureTimeMs !== null || !gpsIsTrue) return;
    candidate.captureTimeMs = gpsTimeMs;
    if (candidate.restored === null) candidate.capturedAtMs = gpsTimeMs;
  });
  for (const [doubt, count] of counts) {
    run.warn(
      'HL_IMPORT_TIME_DOUBTED',
      `${countOf(count)} ${count === 1 ? 'says that it was' : 'say that they were'} taken ${DOUBTS[doubt]}: the camera's clock was not set. These times group nothing; --group-pattern or --group-by says better what was taken together`,
    );
  }
}

/** Gives all candidates their groups; those that are kept out never share one with the others. */
function group(
  store: SampleStore,
  candidates: readonly Candidate[],
  pattern: RegExp | null,
  { groupBy, gapMs }: ImportOptions,
): Grouping {
  const rules = {
    pattern,
    ...(groupBy ? { method: groupBy } : {}),
    ...(gapMs === undefined ? {} : { gapMs }),
  };
  const elsewhere = itemsElsewhere(store, candidates);
  const by = Object.fromEntries(GROUP_METHODS.map((method) => [method, 0])) as Grouping['by'];
  const groups: string[] = [];
  const assign = (
    some: readonly Candidate[],
    others: readonly GroupItem[],
    prefix: string,
  ): void => {
    const found = assignGroups([...some, ...others], rules);
    some.forEach((candidate, i) => {
      candidate.group ??= prefix + found.groups[i]!;
      groups.push(candidate.group);
    });
    for (const method of GROUP_METHODS) by[method] += found.by[method];
  };
  assign(
    candidates.filter(({ keptOut }) => !keptOut),
    elsewhere,
    '',
  );
  assign(
    candidates.filter(({ keptOut }) => keptOut),
    [],
    KEPT_GROUP_PREFIX,
  );
  return { groups, by };
}

/** Samples that are not in the folder: new pictures that belong to them join their groups. */
function itemsElsewhere(store: SampleStore, candidates: readonly Candidate[]): GroupItem[] {
  const inFolder = new Set(candidates.map(({ sha256 }) => sha256));
  const items: GroupItem[] = [];
  for (let afterId = ''; ; ) {
    const page = store.list({ afterId, limit: 5_000 });
    for (const sample of page) {
      if (!sample.kept && !inFolder.has(sample.pictureSha256)) items.push(asItem(sample));
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
    throw new HeadlandError('HL_IMPORT_PATTERN_INVALID', `group pattern: ${messageOf(error)}`, {
      remedy: 'Give a JavaScript regular expression, such as "(pass-[0-9]+)".',
      details: { pattern },
    });
  }
}

function mostOf(by: Record<GroupMethod, number>): GroupMethod | 'known' {
  const most = Math.max(...GROUP_METHODS.map((method) => by[method]));
  return most === 0 ? 'known' : GROUP_METHODS.find((method) => by[method] === most)!;
}

/** Everything that was left out, by reason. */
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

function warnOfClasses(run: ImportRun, folder: FoundFolder): void {
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

/** Classes of this import that training will leave out, by what the whole store holds now. */
function warnOfSmallClasses(run: ImportRun, store: SampleStore): void {
  const { minLabelsPerClass = 0 } = run.options;
  for (const { label, training, holdout } of store.counts().classes) {
    if (!run.classes.has(label) || training >= minLabelsPerClass) continue;
    const held = holdout > 0 ? ` and ${holdout} in the holdout` : '';
    run.warn(
      'HL_IMPORT_CLASS_SMALL',
      `class "${label}" has ${countOf(training)} to learn from${held}; training leaves it out until there are ${minLabelsPerClass}`,
    );
  }
}

function warnOfGroups(run: ImportRun, candidates: readonly Candidate[], { by }: Grouping): void {
  if (run.report.groups === 1 && candidates.length >= ONE_GROUP_MIN) {
    run.warn(
      'HL_IMPORT_ONE_GROUP',
      `all ${candidates.length} pictures are of one group, so that no figure about a head can be trusted; if they are of several occasions, say which with --group-pattern or --group-by`,
    );
  }
  const lone = countLone(candidates);
  const alike = by.similarity;
  if (alike < LONE_MIN || lone / alike <= LONE_SHARE) return;
  run.warn(
    'HL_IMPORT_GROUPS_WEAK',
    `${lone} of ${alike} pictures resemble no other, so each is its own group: pictures of one moment may be on both sides of the holdout, and its score too good; give --group-pattern`,
  );
}

/** Pictures that stand alone in a group that likeness made. */
function countLone(candidates: readonly Candidate[]): number {
  const sizes = new Map<string, number>();
  for (const { group: name } of candidates) sizes.set(name!, (sizes.get(name!) ?? 0) + 1);
  return candidates.filter(
    ({ group: name, known }) =>
      known === null && name!.includes(SIMILAR_GROUP_PREFIX) && sizes.get(name!) === 1,
  ).length;
}
