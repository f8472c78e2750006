import { join } from 'node:path';
import { openState } from '../../agent/open-state.js';
import { HeadlandError } from '../../base/errors.js';
import { visible } from '../../base/words/text.js';
import type { HeadRegistry } from '../../registry/registry.js';
import { type ImportReport, nothingUsable } from '../../samples/folder/import-folder.js';
import { importTasks } from '../../samples/folder/tasks/import-tasks.js';
import { showProgress } from '../progress/progress.js';
import { EXIT, printJson, printLine, printNote, table } from '../support/output.js';
import type { PhotoOptions } from '../support/photo-options.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { TaskOptions } from '../support/state-options.js';
import { reportsAsJson } from '../support/task-reports.js';

export interface ImportOptions extends TaskOptions, PhotoOptions {
  label?: string;
  keepSplit?: boolean;
  regroup?: boolean;
  json?: boolean;
}

/** Maximum number of quarantined pictures in the printed report. */
const LISTED_PICTURES = 20;

const IMPORT_PHASES = { read: 'reading pictures', store: 'storing pictures' } as const;

export async function importPictures(dir: string, options: ImportOptions): Promise<void> {
  const config = resolveConfig(options);
  const state = openState(config);
  const progress = showProgress();
  const abort = new AbortController();
  const interrupt = () => abort.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const chosen = options.task === undefined ? null : state.task(options.task).name;
    if (options.regroup) await refuseAfterTraining(state.tasks.map(({ heads }) => heads));
    const targets = state.tasks.map(({ samples, settings }) => {
      return { samples, minLabelsPerClass: settings.training.minLabelsPerClass };
    });
    progress.begin('looking for pictures');
    const reports = await importTasks(
      targets,
      dir,
      { chosen, named: config.tasks.length > 0 },
      {
        ...options,
        gapMs: config.samples.groupWindowMs,
        limits: {
          maxBytes: config.inference.maxPictureBytes,
          maxPixels: config.inference.maxPicturePixels,
        },
        quarantineDir: join(config.paths.stateDir, 'quarantine'),
        onProgress: ({ phase, done, total }) =>
          progress.show({ what: IMPORT_PHASES[phase], done, total, unit: 'pictures' }),
        signal: abort.signal,
      },
    );
    progress.stop();
    const failures = [...reports.values()].map((report) => nothingUsable(dir, report));
    const failure = failures.every((each) => each !== null) ? (failures[0] ?? null) : null;
    if (options.json)
      printJson({ ...reportsAsJson(reports), ...(failure ? { error: failure } : {}) });
    else print(reports);
    if (failure === null) return;
    printNote(`headland: ${failure.code}: ${visible(failure.message)}`);
    printNote(`  what to do: ${failure.remedy}`);
    process.exitCode = EXIT.failed;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    progress.stop();
    state.close();
  }
}

/** New groups after a training could put pictures that a head was trained on into its holdout. */
async function refuseAfterTraining(registries: readonly HeadRegistry[]): Promise<void> {
  const trained = (await Promise.all(registries.map((heads) => heads.list()))).flat();
  if (trained.length === 0) return;
  throw new HeadlandError(
    'HL_IMPORT_HEADS_TRAINED',
    `cannot regroup: ${trained.length} heads were trained with the current groups`,
    { remedy: 'Import into a new state folder instead: --state DIR --regroup.' },
  );
}

function print(reports: ReadonlyMap<string, ImportReport>): void {
  const noted = new Set<string>();
  for (const [task, report] of reports) {
    if (reports.size > 1) printLine(`task ${task}:`);
    printReport(report, noted);
  }
}

/** @param noted notes that were printed before */
function printReport(report: ImportReport, noted: Set<string>): void {
  const { layout, imported, duplicates, quarantined, found, groups, groupedBy, keptOut } = report;
  printLine(`${found} pictures in ${groups} groups (by ${groupedBy})`);
  printLine(
    `${imported} imported, ${duplicates} already stored, ${quarantined.length} quarantined`,
  );
  printLine(`layout: ${visible(layout)}`);
  printLine(table([...report.classes].map(([label, count]) => [label, String(count)])));
  if (keptOut > 0) printLine(`  kept out of training: ${keptOut}`);
  for (const { origin, code, message } of quarantined.slice(0, LISTED_PICTURES)) {
    printLine(`  quarantined: ${visible(origin)}: ${code}: ${visible(message)}`);
  }
  if (quarantined.length > LISTED_PICTURES) {
    printLine(`  … and ${quarantined.length - LISTED_PICTURES} more; --json lists all`);
  }
  if (report.leftOut.length > 0) {
    printLine('left out:');
    const rows = report.leftOut.map(({ files, reason, examples }) => [
      String(files),
      reason,
      visible(examples.join(', ')),
    ]);
    printLine(table(rows));
    for (const remedy of new Set(quarantined.map((one) => one.remedy))) {
      printLine(`  what to do: ${remedy}`);
    }
  }
  for (const { code, message } of report.warnings) {
    const note = `  note: ${code}: ${visible(message)}`;
    if (!noted.has(note)) printLine(note);
    noted.add(note);
  }
}
