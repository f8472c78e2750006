import type { z } from 'zod';

/**
 * Describes what is wrong with a value ("must be a number, not a string") where a schema has no
 * message of its own. For the option `error` of `safeParse`.
 * @returns undefined: use zod's own text
 */
export function issueText(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is missing'
        : `must be ${kindOf(issue.expected)}, not ${kindOfValue(issue.input)}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small': {
      const bound = issue.inclusive === false ? 'more than' : 'at least';
      return `must ${have(issue.origin)} ${bound} ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`;
    }
    case 'too_big': {
      const bound = issue.inclusive === false ? 'less than' : 'at most';
      return `must ${have(issue.origin)} ${bound} ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    }
    case 'unrecognized_keys':
      return `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    default:
      return undefined;
  }
}

function kindOf(expected: string): string {
  const words: Record<string, string> = {
    int: 'a whole number',
    array: 'a list',
    object: 'a map of names and values',
    record: 'a map of names and values',
    boolean: 'true or false',
    null: 'null',
  };
  return words[expected] ?? `a ${expected}`;
}

function kindOfValue(input: unknown): string {
  if (input === null) return 'null';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number' || typeof input === 'boolean') return String(input);
  if (typeof input === 'object') return 'a map';
  return `a ${typeof input}`;
}

function have(origin: string): string {
  return unitOf(origin, 0) === '' ? 'be' : 'have';
}

function unitOf(origin: string, count: number | bigint): string {
  const plural = Number(count) === 1 ? '' : 's';
  if (origin === 'string') return ` character${plural}`;
  return origin === 'array' || origin === 'set' ? ` ${plural === '' ? 'entry' : 'entries'}` : '';
}
