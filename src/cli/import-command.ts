import { join } from 'node:path';
import { Command } from 'commander';
import { openState } from '../agent/open-state.js';
import { importFolder } from '../samples/folder/import-folder.js';
import { printJson, printLine, table } from './support/output.js';
import { progressBar } from './support/progress.js';
import { resolveConfig, type StateOptions, withStateOptions } from './support/state-options.js';

interface ImportOptions extends StateOptions {
  groupPattern?: string;
  json?: boolean;
}

/** Class folders of pictures become labelled samples; bad pictures are set aside, not lost. */
export function importCommand(): Command {
  return withStateOptions(
    new Command('import')
      .description('import a folder of class folders (one folder a label) as labelled samples')
      .argument('<dir>', 'folder whose subfolders are named after labels'),
  )
    .option(
      '--group-pattern <regexp>',
      'pictures whose path gives the same captures belong together (default: EXIF time, else similarity)',
    )
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: ImportOptions) => {
      const config = resolveConfig(options);
      const state = openState(config);
      const bar = progressBar('pictures', options.json);
      const abort = new AbortController();
      const interrupt = () => abort.abort();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
      try {
        const report = await importFolder(state.samples, dir, {
          groupPattern: options.groupPattern ?? null,
          gapMs: config.samples.groupWindowMs,
          limits: {
            maxBytes: config.inference.maxPictureBytes,
            maxPixels: config.inference.maxPicturePixels,
          },
          quarantineDir: join(config.paths.stateDir, 'quarantine'),
          onProgress: ({ done, total }) => bar.update(done, total),
          signal: abort.signal,
        });
        bar.stop();
        if (options.json) return printJson(report);
        printLine(
          `${report.imported} imported, ${report.duplicates} known already, ${report.quarantined.length} set aside, of ${report.found} pictures in ${report.groups} groups (by ${report.groupedBy})`,
        );
        const classes = Object.entries(report.classes);
        printLine(table(classes.map(([label, count]) => [label, String(count)])));
        for (const { origin, code, message } of report.quarantined) {
          printLine(`  set aside: ${origin}: ${code}: ${message}`);
        }
        for (const warning of report.warnings) printLine(`  note: ${formatWarning(warning)}`);
      } finally {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
        bar.stop();
        state.close();
      }
    });
}

function formatWarning(warning: unknown): string {
  if (typeof warning === 'string') return warning;
  const { code, message } = warning as { code?: string; message?: string };
  return [code, message].filter(Boolean).join(': ');
}
