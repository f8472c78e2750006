import { Command, Option } from 'commander';
import type { ExportModelOptions } from './actions/export-model.js';
import { parseVersion } from './rollback-command.js';
import { withTaskOptions } from './support/state-options.js';

/** Exports backbone and head as one ONNX file, or as a folder with a TensorFlow.js model. */
export function exportModelCommand(): Command {
  return withTaskOptions(
    new Command('export').argument(
      '<file>',
      'file to write, such as weeds.onnx; with --format tfjs a folder',
    ),
  )
    .option('--head <version>', 'version of the head (default: the serving one)', parseVersion)
    .addOption(
      new Option('--format <format>', 'model format').choices(['onnx', 'tfjs']).default('onnx'),
    )
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: ExportModelOptions) => {
      const { exportModel } = await import('./actions/export-model.js');
      await exportModel(file, options);
    });
}
