import { Command, Option } from 'commander';
import { openState } from '../agent/open-state.js';
import {
  exportFolder,
  SAMPLE_FORMATS,
  type SampleFormat,
} from '../samples/folder/export-folder.js';
import { printJson, printLine, printNote } from './support/output.js';
import { resolveConfig, type TaskOptions, withTaskOptions } from './support/state-options.js';

interface ExportOptions extends TaskOptions {
  as: SampleFormat;
  waiting?: boolean;
  json?: boolean;
}

/** Exports the stored pictures as class folders or for an annotation tool, with the metadata needed to import them again. */
export function exportCommand(): Command {
  return withTaskOptions(
    new Command('export-samples')
      .description('export the labelled pictures as class folders, or for an annotation tool')
      .argument('<dir>', 'empty or new folder'),
  )
    .addOption(
      new Option('--as <format>', 'layout of the folder').choices(SAMPLE_FORMATS).default('folder'),
    )
    .option('--waiting', 'also export samples that wait for a label')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: ExportOptions) => {
      const state = openState(resolveConfig(options));
      try {
        const report = await exportFolder(state.task(options.task).samples, dir, {
          format: options.as,
          includeWaiting: options.waiting === true,
        });
        if (options.json) printJson({ ...report, classes: Object.fromEntries(report.classes) });
        else printLine(`${report.samples} pictures written to ${dir}`);
        for (const id of report.damaged) {
          printNote(`left out: the picture of sample ${id} is damaged, and its size is not known`);
        }
      } finally {
        state.close();
      }
    });
}
