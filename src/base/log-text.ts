import { redactText } from './redact.js';
import { isRecord } from './values/is-record.js';
import { parseRecord } from './values/parse-record.js';

/** Fields that the journal shows itself, or that every line would repeat. */
const LEFT_OUT = new Set(['level', 'time', 'msg', 'robot', 'pid', 'hostname', 'err']);

/**
 * Converts a log entry to text for people: the message, the error code, the other facts as
 * `name=value` words, and the remedy. The stack of a defect follows, each line indented. Control
 * characters are escaped, so that no value can imitate a line of its own.
 * @param json one entry as a line of JSON; other text is returned as one line
 * @returns one or more lines without line ends
 */
export function logText(json: string): string[] {
  const entry = parseRecord(json);
  if (entry === null) return [printable(redactText(json.trimEnd()))];
  const { message, code, remedy, facts: rest } = factsOf(entry);
  const words = [message, ...facts({ code }), ...(rest === '' ? [] : [rest]), ...facts({ remedy })];
  return [words.join(' '), ...stackOf(isRecord(entry.err) ? entry.err : {})];
}

/** The parts of a log entry for people; control characters are escaped. */
export function factsOf({ msg, code, remedy, err, ...rest }: Record<string, unknown>): {
  message: string;
  code: string | null;
  remedy: string | null;
  /** The other facts, as `name=value` words. */
  facts: string;
} {
  const error = isRecord(err) ? err : {};
  const said = typeof msg === 'string' ? msg : '';
  const because =
    typeof error.message === 'string' && !said.includes(error.message) ? error.message : '';
  const words = [
    ...facts(Object.fromEntries(Object.entries(rest).filter(([name]) => !LEFT_OUT.has(name)))),
    ...(typeof err === 'string' ? facts({ err }) : []),
  ];
  return {
    message: printable([said, because].filter((part) => part !== '').join(': ')),
    code: textOrNull(code ?? error.code),
    remedy: textOrNull(remedy ?? error.remedy),
    facts: words.join(' '),
  };
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** Only a defect has a stack that is worth reading: errors with a code name their cause. */
function stackOf(error: Record<string, unknown>): string[] {
  if (typeof error.stack !== 'string' || error.code !== undefined) return [];
  return error.stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `    ${printable(line.trim())}`);
}

/** Nested objects become dotted names. Null and absent values are left out. */
function facts(values: Record<string, unknown>, prefix = ''): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = `${prefix}${name}`;
    if (value === null || value === undefined) return [];
    if (isRecord(value)) return facts(value, `${path}.`);
    return [`${path}=${word(typeof value === 'string' ? value : JSON.stringify(value))}`];
  });
}

function word(text: string): string {
  return /^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : printable(JSON.stringify(text));
}

function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
