import { Command } from 'commander';
import { openState } from '../agent/open-state.js';
import { exportFolder } from '../samples/folder/export-folder.js';
import { printJson, printLine } from './support/output.js';
import { resolveConfig, type TaskOptions, withTaskOptions } from './support/state-options.js';

interface ExportOptions extends TaskOptions {
  waiting?: boolean;
  json?: boolean;
}

/** Exports the stored pictures as class folders, with the metadata needed to import them again. */
export function exportCommand(): Command {
  return withTaskOptions(
    new Command('export-samples')
      .description('export the labelled pictures as class folders')
      .argument('<dir>', 'empty or new folder'),
  )
    .option('--waiting', 'also export samples that wait for a label')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: ExportOptions) => {
      const state = openState(resolveConfig(options));
      try {
        const report = await exportFolder(state.task(options.task).samples, dir, {
          includeWaiting: options.waiting === true,
        });
        if (options.json) printJson({ ...report, classes: Object.fromEntries(report.classes) });
        else printLine(`${report.samples} pictures written to ${dir}`);
      } finally {
        state.close();
      }
    });
}
