import { stringify } from 'yaml';
import { redactValue } from '../../base/redact.js';

/** Prints a value for people, in the format of the configuration file. */
export function printYaml(value: unknown): void {
  process.stdout.write(stringify(redactValue(value)));
}
