import { redactText } from '../../../base/redact.js';

/** Stands in the place of a secret. */
export const HIDDEN = '[redacted]';
/** A shorter value protects nothing, and would be replaced within words. */
const LEAST_CHARACTERS = 3;
const LEAST_LINE_CHARACTERS = 16;
/** Names of settings, variables and fields that hold secrets, also within longer names. */
const SECRET_NAME =
  '[a-z0-9_.-]*(?:passwor[dt]|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)[a-z0-9_-]*';
/** `name=value` and `"name": "value"` in running text; the value up to white space or its quote. */
const ASSIGNMENT = new RegExp(
  `(["']?\\b${SECRET_NAME}["']?[ \\t]*[:=][ \\t]*)("(?:[^"\\\\\\n]|\\\\.)*"|'[^'\\n]*'|[^\\s"'{}\\[\\],;&]+)`,
  'gi',
);
/** Values that are no secret: references to a file or a credential have their own names. */
const NO_VALUE = /^["']?(?:null|true|false|none|missing|file|credential)?["']?$/i;
const BEARER = /\b(bearer\s+)[A-Za-z0-9._~+/=-]{6,}/gi;
const AWS_KEY = /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g;
const PEM_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g;
/** `SetCredential=name:value` of a unit. */
const SET_CREDENTIAL = /^(\s*SetCredential(?:Encrypted)?=[^:\n]*:).*$/gim;
/** `Environment=` of a unit, with the lines that a backslash continues. */
const ENVIRONMENT = /^([ \t]*Environment=)((?:[^\\\n]|\\[\s\S])*)/gim;
/** A word of it; quotes may stand around the whole or around a part, and hold white space. */
const WORD = /(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'|\\[\s\S]|[^\s\\])+/g;

/**
 * Removes secrets from texts that leave the robot: the known values, wherever and however encoded they
 * stand, and whatever looks like a secret.
 */
export class Scrubber {
  readonly #known: readonly string[];

  /** @param secrets known values */
  constructor(secrets: Iterable<string>) {
    const values = [...secrets].map((each) => each.trim());
    const encoded = values
      .filter((value) => value.length >= LEAST_CHARACTERS)
      .flatMap((value) => encodings(value));
    // The longest first: a secret may be a part of another one.
    this.#known = [...new Set(encoded)].sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    let scrubbed = text;
    for (const value of this.#known) scrubbed = scrubbed.replaceAll(value, HIDDEN);
    // First the assignments of the unit: a value may hold white space.
    scrubbed = scrubbed.replaceAll(ENVIRONMENT, (_, start: string, words: string) => {
      return start + words.replaceAll(WORD, withoutValue);
    });
    return redactText(scrubbed)
      .replaceAll(PEM_KEY, HIDDEN)
      .replaceAll(SET_CREDENTIAL, `$1${HIDDEN}`)
      .replaceAll(ASSIGNMENT, (whole, name: string, value: string) =>
        NO_VALUE.test(value) ? whole : name + HIDDEN,
      )
      .replaceAll(BEARER, `$1${HIDDEN}`)
      .replaceAll(AWS_KEY, HIDDEN);
  }
}

/** Leaves the name of an assignment. What is none may be the rest of a value. */
function withoutValue(word: string): string {
  const name = /^["']?([A-Za-z_][A-Za-z0-9_]*)=/.exec(word)?.[1];
  if (name !== undefined) return `${name}=${HIDDEN}`;
  return /^(?:\\\s)+$/.test(word) ? word : HIDDEN;
}

/** Whether the value of a setting or variable with this name is a secret. */
export function namesSecret(name: string): boolean {
  return new RegExp(`^(?:${SECRET_NAME}|(?:.*[_.-])?(?:key|auth|authorization))$`, 'i').test(name);
}

/** A value, and of several lines each, as they are and as they stand in JSON, addresses and Base64. */
function encodings(value: string): string[] {
  // Of a key in several lines, the first and the last are known to all.
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const telling = lines.filter(
    (line) => line.length >= LEAST_LINE_CHARACTERS && !/^-----/.test(line),
  );
  return [value, ...(lines.length > 1 ? telling : [])].flatMap((text) => {
    const bytes = Buffer.from(text);
    return [
      text,
      JSON.stringify(text).slice(1, -1),
      encodeURIComponent(text),
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
    ];
  });
}
