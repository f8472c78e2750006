import { Command } from 'commander';
import { askStatus } from '../agent/reporting/ask-status.js';
import { isRecord } from '../base/values/is-record.js';
import { printJson } from './support/output.js';
import { printYaml } from './support/print-yaml.js';
import { resolveConfig, type StateOptions, withStateOptions } from './support/state-options.js';

interface StatusOptions extends StateOptions {
  json?: boolean;
}

/** Requests the status of the running daemon over its broker. */
export function statusCommand(): Command {
  return withStateOptions(new Command('status'))
    .option('--json', 'print one JSON object')
    .action(async (options: StatusOptions) => {
      const config = resolveConfig(options);
      const answer = await askStatus(config, process.env);
      if (options.json) printJson(answer);
      else printYaml(config.tasks.length > 0 ? answer : withoutTask(answer));
    });
}

/** The only task of a robot has no name that people know. */
function withoutTask(answer: unknown): unknown {
  if (!isRecord(answer) || !isRecord(answer.model)) return answer;
  const { task: _task, ...model } = answer.model;
  return { ...answer, model };
}
