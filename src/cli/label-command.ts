import { Command } from 'commander';
import { localOperations } from '../agent/local-operations.js';
import { openState } from '../agent/open-state.js';
import { printJson, printLine, table } from './support/output.js';
import {
  commandLog,
  resolveConfig,
  type TaskOptions,
  withTaskOptions,
} from './support/state-options.js';

interface LabelOptions extends TaskOptions {
  json?: boolean;
}

/** Labels a stored sample, or lists the samples that wait for a label. */
export function labelCommand(): Command {
  return withTaskOptions(
    new Command('label')
      .description('label a stored sample; without arguments, list those that wait for a label')
      .argument('[sample]', 'id of the sample')
      .argument('[label]', 'label of the picture'),
  )
    .option('--json', 'print one JSON object')
    .action(
      async (
        sampleId: string | undefined,
        label: string | undefined,
        options: LabelOptions,
        command: Command,
      ) => {
        if (sampleId !== undefined && label === undefined) command.error("error: missing 'label'");
        const state = openState(resolveConfig(options));
        try {
          if (sampleId === undefined) {
            const waiting = state.task(options.task).samples.list({ labelled: false, limit: 100 });
            if (options.json) return printJson({ waiting });
            if (waiting.length === 0) return printLine('no samples are waiting for a label');
            printLine('waiting for a label:');
            printLine(
              table(waiting.map((s) => [s.id, s.source, new Date(s.capturedAtMs).toISOString()])),
            );
            return;
          }
          const operations = localOperations(state, commandLog());
          const by = { source: 'cli' } as const;
          const target = { sample: sampleId };
          const { sample } = await operations.label(target, label ?? '', by, options.task);
          if (options.json) printJson(sample);
          else
            printLine(
              `${sample.id}: ${sample.label}${sample.holdout ? ' (holdout: never trained on)' : ''}`,
            );
        } finally {
          state.close();
        }
      },
    );
}
