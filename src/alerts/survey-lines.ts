import { type ErrorCode, isHeadlandError } from '../base/errors.js';
import type { Config } from '../config/schema.js';
import { listCharacterChips } from './gpio/character-chips.js';
import { chooseLine, type LineChoice } from './gpio/choose-line.js';
import { type Kernel, libcKernel } from './gpio/kernel.js';
import type { LineInfo } from './gpio/line-abi.js';
import { keepsReleasedLevel } from './gpio/released-level.js';

/** An output or input of the configuration. */
export interface ConfiguredLine {
  kind: 'output' | 'input';
  name: string;
  choice: LineChoice;
}

/** The outputs and inputs of the section gpio. */
export function configuredLines({
  outputs,
  inputs,
}: Pick<Config['gpio'], 'outputs' | 'inputs'>): ConfiguredLine[] {
  return [
    ...outputs.map((output) => ({ kind: 'output' as const, choice: output, name: output.name })),
    ...inputs.map((input) => ({ kind: 'input' as const, choice: input, name: input.name })),
  ];
}

interface SurveyedLine extends LineInfo {
  line: number;
  /** "output horn"; null: the configuration does not name it. */
  configuredAs: string | null;
}

export interface SurveyedChip {
  path: string;
  label: string;
  /** Null: the kernel does not tell. */
  keepsReleasedLevel: boolean | null;
  lines: SurveyedLine[];
}

/** A line of the configuration that this board does not have, or has twice. */
interface LineFault {
  kind: ConfiguredLine['kind'];
  name: string;
  code: ErrorCode;
  message: string;
  remedy: string;
}

/**
 * Every GPIO line of this board, and which of them the configuration names. Changes nothing.
 * @throws HeadlandError HL_GPIO_UNAVAILABLE
 */
export function surveyLines(
  configured: readonly ConfiguredLine[],
  kernel: Kernel = libcKernel(),
): { chips: SurveyedChip[]; faults: LineFault[] } {
  const chips = listCharacterChips(kernel);
  const faults: LineFault[] = [];
  const uses = new Map<string, string>();
  for (const { kind, name, choice } of configured) {
    try {
      const { chip, line } = chooseLine(choice, chips);
      const key = `${chip.path} ${line}`;
      const before = uses.get(key);
      uses.set(key, `${before === undefined ? '' : `${before}, `}${kind} ${name}`);
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      const { code, message, remedy } = error;
      faults.push({ kind, name, code, message, remedy });
    }
  }
  return {
    chips: chips.map(({ path, label, infos }) => ({
      path,
      label,
      keepsReleasedLevel: keepsReleasedLevel(label),
      lines: infos.map(({ name, consumer, used, direction, activeLow }, line) => ({
        line,
        name,
        consumer,
        used,
        direction,
        activeLow,
        configuredAs: uses.get(`${path} ${line}`) ?? null,
      })),
    })),
    faults,
  };
}
