import { join } from 'node:path';
import { openState } from '../../agent/open-state.js';
import { type ExportReport, exportFolder } from '../../samples/folder/export-folder.js';
import type { SampleFormat } from '../../samples/folder/exporters/sample-formats.js';
import { exportTasks } from '../../samples/folder/tasks/export-tasks.js';
import { showProgress } from '../progress/progress.js';
import { printJson, printLine, printNote } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { TaskOptions } from '../support/state-options.js';
import { reportsAsJson } from '../support/task-reports.js';

export interface ExportOptions extends TaskOptions {
  as: SampleFormat;
  waiting?: boolean;
  position: boolean;
  json?: boolean;
}

function print(reports: ReadonlyMap<string, ExportReport>, dir: string): void {
  for (const [task, { samples, thinned }] of reports) {
    const where = reports.size > 1 ? join(dir, task) : dir;
    printLine(`${samples} pictures written to ${where}`);
    if (thinned > 0) {
      printNote(
        `left out: ${thinned} samples whose pictures were thinned out; their labels are in the store alone`,
      );
    }
  }
}

/** Exports the pictures of one task or of all. */
export async function exportPictures(dir: string, options: ExportOptions): Promise<void> {
  const state = openState(resolveConfig(options));
  const progress = showProgress();
  try {
    const how = {
      onProgress: ({ done, total }: { done: number; total: number }) =>
        progress.show({ what: 'writing pictures', done, total, unit: 'pictures' }),
      format: options.as,
      includeWaiting: options.waiting === true,
      includePositions: options.position,
    };
    const chosen = options.task === undefined ? state.tasks : [state.task(options.task)];
    const stores = chosen.map(({ samples }) => samples);
    const [first] = chosen;
    const reports =
      stores.length === 1 && first !== undefined
        ? new Map([[first.name, await exportFolder(first.samples, dir, how)]])
        : await exportTasks(stores, dir, how);
    progress.stop();
    if (options.json) printJson(reportsAsJson(reports));
    else print(reports, dir);
    for (const id of new Set([...reports.values()].flatMap(({ damaged }) => damaged))) {
      printNote(`left out: the picture of sample ${id} is damaged, and its size is not known`);
    }
  } finally {
    progress.stop();
    state.close();
  }
}
