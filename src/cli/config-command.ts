import { Command } from 'commander';
import { configJsonSchema } from '../config/json-schema.js';
import { loadConfigFile } from '../config/load.js';
import { printJson, printLine } from './support/output.js';
import { printYaml } from './support/print-yaml.js';
import { DEFAULT_CONFIG_PATH } from './support/state-options.js';

export function configCommand(): Command {
  const command = new Command('config');
  command
    .command('check')
    .description('validate the file and report every problem')
    .argument('[file]', 'YAML file', DEFAULT_CONFIG_PATH)
    .option('--json', 'print one JSON object')
    .action((file: string, options: { json?: boolean }) => {
      loadConfigFile(file);
      if (options.json) printJson({ ok: true, file });
      else printLine(`${file}: valid`);
    });
  command
    .command('print')
    .description('print the effective settings, including defaults, without secrets')
    .argument('[file]', 'YAML file', DEFAULT_CONFIG_PATH)
    .option('--json', 'print JSON instead of YAML')
    .action((file: string, options: { json?: boolean }) => {
      const config = loadConfigFile(file);
      if (options.json) printJson(config);
      else printYaml(config);
    });
  command
    .command('schema')
    .description('print the JSON Schema of the file, for editors')
    .action(() => {
      // JSON is data, so its lines must not be wrapped.
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
  return command;
}
