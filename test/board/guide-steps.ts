/** What a guide tells to do, as the board test does it. */
export type GuideStep =
  | { kind: 'commands'; heading: string; commands: string }
  | { kind: 'file'; heading: string; path: string; content: string; isAppended: boolean }
  | { kind: 'not run'; heading: string; commands: string; reason: string };

const HEADING = /^#{1,6} (?<text>.+)$/;
const FENCE = /^```(?<language>[a-z]*)$/;
const MARK = /^<!-- board: (?<text>.+) -->$/;
const NOT_RUN = /^not run, (?<reason>.+)$/;
const WRITE = /^(?<how>write|append to) (?<path>\/\S+)$/;

/**
 * The steps of a guide, in its order. Every block of `sh` is a step. A comment in the line before a
 * block can mark it:
 *
 *     <!-- board: not run, REASON -->    the test reports the block as not run
 *     <!-- board: write /PATH -->        the block is the content of a file, and a step too
 *     <!-- board: append to /PATH -->    the block comes to the end of that file
 *
 * Other blocks show output and are no steps.
 *
 * @throws Error on a mark that it does not understand, on a mark without a block, and on a block
 *   without an end
 */
export function guideSteps(markdown: string): GuideStep[] {
  const lines = markdown.split('\n');
  const steps: GuideStep[] = [];
  let heading = '';
  let mark: string | null = null;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const language = FENCE.exec(line)?.groups?.language;
    if (language !== undefined) {
      const end = lines.indexOf('```', at + 1);
      if (end < 0) throw new Error(`line ${at + 1}: the block has no end`);
      const step = stepOf(heading, language, lines.slice(at + 1, end).join('\n'), mark);
      if (step !== null) steps.push(step);
      mark = null;
      at = end;
      continue;
    }
    if (mark !== null) throw new Error(`line ${at + 1}: no block follows the mark "${mark}"`);
    mark = MARK.exec(line)?.groups?.text ?? null;
    heading = HEADING.exec(line)?.groups?.text ?? heading;
  }
  if (mark !== null) throw new Error(`no block follows the mark "${mark}"`);
  return steps;
}

function stepOf(
  heading: string,
  language: string,
  text: string,
  mark: string | null,
): GuideStep | null {
  if (mark === null) {
    return language === 'sh' ? { kind: 'commands', heading, commands: text } : null;
  }
  const { how, path } = WRITE.exec(mark)?.groups ?? {};
  if (path !== undefined) {
    return { kind: 'file', heading, path, content: `${text}\n`, isAppended: how !== 'write' };
  }
  const reason = NOT_RUN.exec(mark)?.groups?.reason;
  if (reason === undefined) throw new Error(`the mark "${mark}" has no meaning`);
  return { kind: 'not run', heading, commands: text, reason };
}
