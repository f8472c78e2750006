import { configuredLines, type SurveyedChip, surveyLines } from '../../alerts/survey-lines.js';
import { loadSection, validateConfig } from '../../config/load.js';
import { EXIT, printJson, printLine, printNote, table } from '../support/output.js';
import { configFileOf } from '../support/state-options.js';

/** Prints every chip and line of this board. Exit code 1: the configuration names a line wrongly. */
export function listLines(options: { config?: string; json?: boolean }): void {
  const file = configFileOf(options);
  const gpio = file === null ? validateConfig({}).gpio : loadSection(file, 'gpio');
  const { chips, faults } = surveyLines(configuredLines(gpio));
  if (faults.length > 0) process.exitCode = EXIT.failed;
  if (options.json) {
    printJson({ chips, faults });
    return;
  }
  for (const chip of chips) printChip(chip);
  for (const { kind, name, code, message, remedy } of faults) {
    printNote(`${kind} "${name}": ${code}: ${message}`);
    printNote(`  what to do: ${remedy}`);
  }
}

function printChip({ path, label, lines, keepsReleasedLevel }: SurveyedChip): void {
  printLine(`${path} ${label}, ${lines.length} lines`);
  if (keepsReleasedLevel) {
    printLine(
      '  an output keeps its level when the daemon is killed: dtparam=strict_gpiod changes that',
    );
  }
  printLine(
    table(
      lines.map(({ line, name, direction, activeLow, used, consumer, configuredAs }) => [
        String(line),
        name ?? '-',
        `${direction}${activeLow ? ', active low' : ''}`,
        used ? `used by ${consumer ?? 'the kernel'}` : 'free',
        configuredAs ?? '',
      ]),
    ),
  );
}
