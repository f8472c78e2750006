import { redactText } from './redact.js';
import { isRecord } from './values/is-record.js';

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
  const entry = parsed(json);
  if (entry === null) return [printable(redactText(json.trimEnd()))];
  const { msg, code, remedy, err, ...rest } = entry;
  const error = isRecord(err) ? err : {};
  const message = typeof msg === 'string' ? msg : '';
  const because =
    typeof error.message === 'string' && !message.includes(error.message) ? error.message : '';
  const words = [
    printable([message, because].filter((part) => part !== '').join(': ')),
    ...facts({ code: code ?? error.code }),
    ...facts(Object.fromEntries(Object.entries(rest).filter(([name]) => !LEFT_OUT.has(name)))),
    ...(typeof err === 'string' ? facts({ err }) : []),
    ...facts({ remedy: remedy ?? error.remedy }),
  ];
  return [words.join(' '), ...stackOf(error)];
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

function parsed(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}
