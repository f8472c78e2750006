import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { GuideStep } from './guide-steps.js';

export interface StepResult {
  title: string;
  /** On the machine outside, which emulates: nothing about the speed of a board. */
  seconds: number;
  notes: string[];
  /** Null: none. */
  failure: string | null;
}

export interface BoardResults {
  steps: StepResult[];
  /** Titles. */
  failed: string[];
  /** Blocks of the guide that need what the board has not. */
  notRun: Extract<GuideStep, { kind: 'not run' }>[];
  acknowledged: number;
  lost: number;
  exposure: number | null;
  kernel: string;
  buildSeconds: number;
  seconds: number;
}

const COMMAND = 'npm run test:board -- --json';
/** Longer lines say nothing more to a reader. */
const MAX_NOTE_CHARACTERS = 400;
const MAX_NOTE_LINES = 12;

/** Writes bench/results/board.json, board.md and the transcript below `folder`. */
export function writeResults(folder: string, results: BoardResults): void {
  const write = (directory: string, file: string, text: string): void => {
    mkdirSync(join(folder, directory), { recursive: true });
    writeFileSync(join(folder, directory, file), text);
  };
  write('bench/results', 'board.json', `${JSON.stringify(results, null, 2)}\n`);
  write('bench/results', 'board.md', table(results));
  write('docs/explanation', 'board-transcript.md', transcript(results));
}

function machine({ kernel }: BoardResults): string {
  return `Debian 13 arm64, Linux ${kernel}, qemu-system-aarch64 -M virt -cpu cortex-a72 -icount shift=1,sleep=on, on ${cpus()[0]?.model ?? 'an unknown processor'}`;
}

function table(results: BoardResults): string {
  const { steps, failed, acknowledged, lost, exposure, buildSeconds, seconds } = results;
  const rows = steps.map(
    (step) =>
      `| ${step.title} | ${step.failure === null ? 'ok' : '**failed**'} | ${step.seconds} |`,
  );
  return `# The emulated board

\`${COMMAND}\` (${machine(results)})

${steps.length} steps, ${failed.length} failed; ${acknowledged} labels acknowledged, ${lost} lost; exposure ${exposure ?? 'unknown'}; ${buildSeconds} s to build what was not kept, ${seconds} s in all. The seconds are those of the machine outside and say nothing about a board.

| step | | s |
| --- | --- | --- |
${rows.join('\n')}
`;
}

function transcript(results: BoardResults): string {
  const parts = results.steps.map(({ title, notes, failure }) => {
    const said = notes.map((note) => shorten(note)).filter((note) => note !== '');
    const block = said.length > 0 ? `\n\`\`\`text\n${said.join('\n')}\n\`\`\`\n` : '';
    return `## ${title}\n${block}${failure === null ? '' : `\n**Failed.**\n`}`;
  });
  const notRun = results.notRun.map(({ heading, reason }) => `- ${heading}: ${reason}`);
  return `# A run on the emulated board

Written by \`${COMMAND}\`: ${machine(results)}. Long output is shortened.

${parts.join('\n')}
## Not run

Blocks of [the guide](../guides/raspberry-pi.md) that the emulated board cannot follow:

${notRun.join('\n')}
`;
}

function shorten(note: string): string {
  // What a terminal would have overwritten, and debconf's search for one, is no news.
  const lines = note
    .trim()
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
    .filter((line) => !line.startsWith('debconf: '));
  return lines
    .slice(0, MAX_NOTE_LINES)
    .map((line) =>
      line.length > MAX_NOTE_CHARACTERS ? `${line.slice(0, MAX_NOTE_CHARACTERS)}…` : line,
    )
    .join('\n')
    .concat(lines.length > MAX_NOTE_LINES ? '\n…' : '');
}
