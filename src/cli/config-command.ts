import { Command } from 'commander';
import { configJsonSchema } from '../config/json-schema.js';
import { loadConfigFile } from '../config/load.js';
import { printJson, printLine, printYaml } from './support/output.js';
import { DEFAULT_CONFIG_PATH } from './support/state-options.js';

export function configCommand(): Command {
  const command = new Command('config').description('check, print or describe the configuration');
  command
    .command('check')
    .description('validate the file and say what is wrong with it')
    .argument('[file]', 'YAML file', DEFAULT_CONFIG_PATH)
    .option('--json', 'print one JSON object')
    .action((file: string, options: { json?: boolean }) => {
      loadConfigFile(file);
      if (options.json) printJson({ ok: true, file });
      else printLine(`${file}: every setting is valid`);
    });
  command
    .command('print')
    .description('print every setting that is in force, defaults included; secrets are left out')
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
      // The lines of a document are data: they stay as they are.
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });
  return command;
}
