import { Command } from 'commander';
import type { State } from '../../agent/open-state.js';
import type { Operations } from '../../agent/operations.js';
import type { Sample } from '../../samples/sample.js';
import { printJson, printLine, table } from '../support/output.js';
import { type TaskOptions, withTaskOptions } from '../support/state-options.js';
import { openedState, operationsOn } from './opened-state.js';

interface LabelOptions extends TaskOptions {
  alike?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** Labels a stored sample, or lists the samples that wait for a label. */
export function labelCommand(): Command {
  return withTaskOptions(
    new Command('label')
      .argument('[sample]', 'id of the sample')
      .argument('[label]', 'label of the picture'),
  )
    .option('--alike', 'also label the waiting samples of the same pass that look like it')
    .option('--dry-run', 'with --alike: label nothing, only list what looks like the sample')
    .option('--json', 'print one JSON object')
    .action(
      (
        sampleId: string | undefined,
        label: string | undefined,
        options: LabelOptions,
        command: Command,
      ) => {
        if (options.dryRun && !options.alike) command.error("error: '--dry-run' needs '--alike'");
        if (options.alike && sampleId === undefined) command.error("error: missing 'sample'");
        if (sampleId !== undefined && label === undefined && !options.dryRun) {
          command.error("error: missing 'label'");
        }
        return withState(options, async (state) => {
          if (sampleId === undefined) return listWaiting(state, options);
          const operations = await operationsOn(state);
          if (options.dryRun) return listAlike(operations, sampleId, options);
          return options.alike
            ? labelAlike(operations, sampleId, label ?? '', options)
            : labelOne(operations, sampleId, label ?? '', options);
        });
      },
    );
}

const BY = { source: 'cli' } as const;

async function withState(
  options: LabelOptions,
  work: (state: State) => Promise<void> | void,
): Promise<void> {
  const state = await openedState(options);
  try {
    await work(state);
  } finally {
    state.close();
  }
}

function listWaiting(state: State, options: LabelOptions): void {
  const waiting = state.task(options.task).samples.list({ labelled: false, limit: 100 });
  if (options.json) printJson({ waiting });
  else if (waiting.length === 0) printLine('no samples are waiting for a label');
  else {
    printLine('waiting for a label:');
    printLine(table(waiting.map((s) => [s.id, s.source, isoTime(s)])));
  }
}

function listAlike(operations: Operations, sampleId: string, options: LabelOptions): void {
  const alikes = operations.lookAlikes(sampleId, options.task);
  if (options.json) printJson({ lookAlikes: alikes });
  else if (alikes.length === 0) printLine(`no waiting sample looks like ${sampleId}`);
  else {
    printLine(`${countOf(alikes.length)} like ${sampleId} (cosine, time of capture):`);
    printLine(
      table(alikes.map(({ sample, cosine }) => [sample.id, cosine.toFixed(3), isoTime(sample)])),
    );
  }
}

async function labelOne(
  operations: Operations,
  sampleId: string,
  label: string,
  options: LabelOptions,
): Promise<void> {
  const { sample } = await operations.label({ sample: sampleId }, label, BY, options.task);
  if (options.json) printJson(sample);
  else printLine(`${sample.id}: ${sample.label}${sideOf(sample)}`);
}

async function labelAlike(
  operations: Operations,
  sampleId: string,
  label: string,
  options: LabelOptions,
): Promise<void> {
  const alikes = operations.lookAlikes(sampleId, options.task);
  const ids = [sampleId, ...alikes.map(({ sample }) => sample.id)];
  const { samples } = await operations.labelMany(ids, label, BY, options.task);
  const [sample] = samples;
  if (options.json) printJson({ samples });
  else if (sample) {
    const others = countOf(alikes.length);
    printLine(`${sampleId}: ${sample.label}${sideOf(sample)}, and ${others} like it`);
  }
}

function sideOf(sample: Sample): string {
  return sample.holdout ? ' (holdout: never trained on)' : '';
}

function countOf(count: number): string {
  return `${count} waiting ${count === 1 ? 'sample' : 'samples'}`;
}

function isoTime({ capturedAtMs }: Sample): string {
  return new Date(capturedAtMs).toISOString();
}
