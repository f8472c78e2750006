import type { Command } from 'commander';
import { openState } from '../../agent/open-state.js';
import { openSynchronisers, runSyncPass, type TaskSynchroniser } from '../../agent/sync-service.js';
import { HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { SyncTotals } from '../../sync/sync-table.js';
import type { PassReport, SyncStatus } from '../../sync/synchroniser.js';
import { showProgress } from '../progress/progress.js';
import { EXIT, formatBytes, printJson, printLine, table } from '../support/output.js';
import { resolveConfig } from '../support/resolve-config.js';
import type { StateOptions } from '../support/state-options.js';

export interface SyncOptions extends StateOptions {
  dryRun?: boolean;
  again?: boolean;
  json?: boolean;
}

/** What is known of one task. */
interface OfTask<Facts> {
  task: string;
  facts: Facts;
}

async function sendAll(
  config: Config,
  tasks: readonly TaskSynchroniser[],
  signal: AbortSignal,
  { json, again }: SyncOptions,
): Promise<void> {
  const reports: OfTask<PassReport>[] = [];
  for (const { task, synchroniser } of tasks) {
    const progress = showProgress();
    progress.begin('comparing with the target');
    const facts = await runSyncPass(config.paths.stateDir, synchroniser, {
      signal,
      again: again === true,
      onProgress: ({ done, total }) =>
        progress.show({ what: 'sending samples', done, total, unit: 'samples' }),
    }).finally(() => progress.stop());
    reports.push({ task, facts });
    if (!json) printReport(config, { task, facts });
    if (facts.refused.length > 0) process.exitCode = EXIT.failed;
  }
  if (json) printTasks(config, reports, jsonReport);
}

async function surveyAll(
  tasks: readonly TaskSynchroniser[],
  signal: AbortSignal,
): Promise<OfTask<SyncStatus>[]> {
  const surveys: OfTask<SyncStatus>[] = [];
  for (const { task, synchroniser } of tasks) {
    surveys.push({ task, facts: await synchroniser.survey(signal) });
  }
  return surveys;
}

/** One object; with named tasks, one for each of them in `tasks`. */
function printTasks<Facts>(
  config: Config,
  all: readonly OfTask<Facts>[],
  toJson: (config: Config, facts: Facts) => object,
): void {
  const tasks = all.map(({ task, facts }) => ({ task, ...toJson(config, facts) }));
  if (config.tasks.length > 0) printJson({ tasks });
  else for (const { facts } of all) printJson(toJson(config, facts));
}

/** What precedes a line about a task; nothing for a robot without named tasks. */
function headingOf({ tasks }: Config, task: string): string {
  return tasks.length > 0 ? `${task}: ` : '';
}

function print(config: Config, survey: OfTask<SyncStatus>, whole: boolean): void {
  const heading = headingOf(config, survey.task);
  if (whole) printStatus(config, survey);
  else printLine(`${heading}would send ${describeLeft(survey.facts)} to ${config.sync.target}`);
}

function printReport(config: Config, { task, facts }: OfTask<PassReport>): void {
  const { sync } = config;
  const { pictures, updates, bytes, left, limited, refused } = facts;
  const heading = headingOf(config, task);
  const changed = updates > 0 ? ` and ${countOf(updates, 'change')} of metadata` : '';
  const sent = `${countOf(pictures, 'picture')}${changed}`;
  printLine(`${heading}sent ${sent} (${formatBytes(bytes)}) to ${sync.target}`);
  for (const { sampleId, error } of refused) {
    printLine(`refused: ${sampleId}: ${error.code}: ${error.message}`);
    printLine(`  what to do: ${error.remedy}`);
  }
  printLine(
    `${heading}left to send: ${describeLeft(left)}${limited ? '; sync.maxBytesPerDay is reached' : ''}`,
  );
}

function printStatus(config: Config, { task, facts }: OfTask<SyncStatus>): void {
  const { sync } = config;
  const { sent, passedAtMs, error, allowanceBytes } = facts;
  const cameras = sync.cameras.length === 0 ? 'all cameras' : sync.cameras.join(', ');
  const rows = [
    ...(config.tasks.length > 0 ? [['task', task]] : []),
    ['target', sync.target ?? ''],
    ['chosen', `${sync.send} (${cameras})`],
    ['sent', countOf(sent, 'sample')],
    ['left to send', describeLeft(facts)],
    ['may be sent now', allowanceBytes === null ? 'no limit' : formatBytes(allowanceBytes)],
    ['last success', passedAtMs === null ? 'never' : new Date(passedAtMs).toISOString()],
  ];
  if (error !== null) {
    const { code, message, remedy } = error;
    rows.push(['last error', `${code}: ${message}`], ['what to do', remedy]);
  }
  printLine(table(rows));
}

function describeLeft({ due, dueBytes }: SyncTotals): string {
  return due === 0 ? 'nothing' : `${countOf(due, 'sample')}, pictures ${formatBytes(dueBytes)}`;
}

function jsonReport({ sync }: Config, report: PassReport): object {
  const { left, ...rest } = report;
  return { target: sync.target, ...rest, left: jsonTotals(left) };
}

function jsonStatus({ sync }: Config, status: SyncStatus): object {
  const { passedAtMs, error, allowanceBytes } = status;
  return {
    target: sync.target,
    send: sync.send,
    cameras: sync.cameras,
    sent: status.sent,
    left: jsonTotals(status),
    allowanceBytes,
    passedAtMs,
    error,
  };
}

function jsonTotals({ due, dueBytes }: SyncTotals): object {
  return { samples: due, pictureBytes: dueBytes };
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function off(): HeadlandError {
  return new HeadlandError('HL_SYNC_OFF', 'sync.target is not set: no picture leaves this robot', {
    remedy: 'To send samples, set sync.target in the configuration (docs/guides/sync.md).',
  });
}

/** Sends what is due, or prints what is. */
export async function sendSamples(
  status: string | undefined,
  options: SyncOptions,
  command: Command,
): Promise<void> {
  if (options.again && (options.dryRun || status !== undefined)) {
    command.error('error: --again sends, so it excludes status and --dry-run');
  }
  const config = resolveConfig(options);
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  const state = openState(config);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt);
  try {
    const tasks = openSynchronisers(config, state, process.env);
    if (tasks.length === 0) throw off();
    if (status === undefined && !options.dryRun) {
      await sendAll(config, tasks, abort.signal, options);
      return;
    }
    const surveys = await surveyAll(tasks, abort.signal);
    if (options.json) printTasks(config, surveys, jsonStatus);
    else for (const survey of surveys) print(config, survey, status !== undefined);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    state.close();
  }
}
