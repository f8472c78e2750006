import { HeadlandError, messageOf } from '../../base/errors.js';

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses untrusted JSON: UTF-8 only, nesting at most `maxDepth`, no duplicate key in an object,
 * none of the keys `__proto__`, `constructor` and `prototype`. The caller has checked the size.
 * @throws HeadlandError HL_COMMAND_INVALID_JSON
 */
export function parseStrictJson(bytes: Uint8Array, maxDepth: number): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('the payload is not valid UTF-8');
  }
  if (text.trim() === '') throw invalid('the payload is empty');
  inspect(text, maxDepth);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`the payload is not valid JSON: ${messageOf(error).slice(0, 200)}`);
  }
}

/**
 * Checks nesting and keys in one pass with just enough knowledge of JSON. On text that is not JSON
 * the result may be wrong: JSON.parse, which follows, rejects it.
 */
function inspect(text: string, maxDepth: number): void {
  /** One entry per open bracket: the keys of an object, null for an array. */
  const open: (Set<string> | null)[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"': {
        const end = endOfString(text, i);
        const keys = open.at(-1);
        if (expectsKey && keys) addKey(keys, text.slice(i, end + 1));
        expectsKey = false;
        i = end;
        break;
      }
      case '{':
        open.push(new Set());
        expectsKey = true;
        break;
      case '[':
        open.push(null);
        expectsKey = false;
        break;
      case '}':
      case ']':
        open.pop();
        expectsKey = false;
        break;
      case ',':
        expectsKey = open.at(-1) instanceof Set;
        break;
    }
    if (open.length > maxDepth) throw invalid(`nested deeper than ${maxDepth} levels`);
  }
}

/** Index of the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  throw invalid('a string is not terminated');
}

function addKey(keys: Set<string>, quoted: string): void {
  let key: string;
  try {
    key = JSON.parse(quoted) as string;
  } catch {
    throw invalid('a key is not a valid JSON string');
  }
  const shown = JSON.stringify(key.slice(0, 64));
  if (FORBIDDEN_KEYS.has(key)) throw invalid(`the key ${shown} is not allowed`);
  if (keys.has(key)) throw invalid(`an object has a duplicate key ${shown}`);
  keys.add(key);
}

function invalid(message: string): HeadlandError {
  return new HeadlandError('HL_COMMAND_INVALID_JSON', message, {
    remedy:
      'Send one JSON object in UTF-8, such as {"transaction":"1"}, or {} where no field is needed.',
  });
}
