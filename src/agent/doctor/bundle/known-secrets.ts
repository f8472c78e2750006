import { readFileSync, statSync } from 'node:fs';
import { decodeText } from '../../../base/words/text.js';
import { namesSecret } from './scrubber.js';

const MAX_FILE_BYTES = 1_048_576;
/** User and password of an address. */
const LOGIN = /\b[a-z][a-z0-9+.-]*:\/\/([^\s"'<>]*)@/gi;
/** `name=value` in a query or a path. */
const PARAMETER = /([a-z][a-z0-9_.-]*)=([^\s"'<>&;#/]+)/gi;
/** Cameras take a password under such short names, too. */
const SHORT_NAME = /^(?:.*[_.-])?(?:pass|pw|psw|pwd|key|auth|sig|signature|sid|session|code)$/i;

/** The setting with the arguments of a command: tokens and passwords of programs that nobody knows here. */
export const ARGUMENTS = 'arguments';
/** A shorter argument is a number or a word that stands in many places. */
const LEAST_ARGUMENT_CHARACTERS = 6;
/** Letters and a digit: no word, and no number. */
const TOKEN = /^(?=.*\d)(?=.*[a-z]).{8,}$/i;

/**
 * Secrets in the files that settings, valid or not, refer to; those that cannot be read are left out.
 * @param credentials files of credentials, by their names
 */
export function secretsInFiles(
  settings: unknown,
  credentials: ReadonlyMap<string, string>,
): string[] {
  if (typeof settings !== 'object' || settings === null) return [];
  const inside = Object.values(settings).flatMap((value) => secretsInFiles(value, credentials));
  const file = 'file' in settings ? settings.file : null;
  const credential = 'credential' in settings ? settings.credential : null;
  const path = typeof credential === 'string' ? credentials.get(credential) : file;
  return typeof path === 'string' ? [...textOf(path), ...inside] : inside;
}

/**
 * Secrets in settings, valid or not: values under the name of a secret, arguments of commands, and logins
 * in addresses.
 */
export function secretsInSettings(settings: unknown, name = ''): string[] {
  if (typeof settings === 'string') {
    if (name === ARGUMENTS) return [...secretsInArgument(settings), ...secretsInText(settings)];
    return namesSecret(name) ? [settings, ...secretsInText(settings)] : secretsInText(settings);
  }
  if (typeof settings === 'number') return namesSecret(name) ? [String(settings)] : [];
  if (typeof settings !== 'object' || settings === null) return [];
  return Object.entries(settings).flatMap(([key, value]) =>
    // A list under the name of a secret holds secrets.
    secretsInSettings(value, Array.isArray(settings) ? name : key),
  );
}

/** An argument, and what looks like a token in it; the name of an option alone is none. */
function secretsInArgument(argument: string): string[] {
  if (/^--?[a-z]+(?:-[a-z]+)*$/.test(argument)) return [];
  const value = /^--?[\w-]+=(.*)$/s.exec(argument)?.[1] ?? argument;
  const tokens = value.split(/[\s"':=/?&;,]+/).filter((part) => TOKEN.test(part));
  return [argument, value, ...tokens].filter(({ length }) => length >= LEAST_ARGUMENT_CHARACTERS);
}

/** Secrets in the environment of this process, and in the file that the unit reads. */
export function secretsInEnvironment(environment: NodeJS.ProcessEnv, file: string): string[] {
  const lines = textOf(file).flatMap((text) => text.split('\n'));
  const pairs = lines.flatMap((line): [string, string][] => {
    const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined
      ? []
      : [[name, value.trim().replace(/^(["'])(.*)\1$/, '$2')]];
  });
  const all = [...Object.entries(environment), ...pairs];
  return all.flatMap(([name, value]) => {
    if (value === undefined) return [];
    const isSecret = namesSecret(name) && !value.startsWith('/');
    return isSecret ? [value, ...secretsInText(value)] : secretsInText(value);
  });
}

/** Passwords of addresses, and values whose name is that of a secret. */
function secretsInText(text: string): string[] {
  const logins = [...text.matchAll(LOGIN)].flatMap(([, login = '']) => {
    const password = login.slice(login.indexOf(':') + 1);
    // A user without a password may be a token.
    return forms(login.includes(':') ? password : login);
  });
  const parameters = [...text.matchAll(PARAMETER)].flatMap(([, name = '', value = '']) =>
    namesSecret(name) || SHORT_NAME.test(name) ? forms(value) : [],
  );
  return [...logins, ...parameters];
}

/** A value as written in an address, and what it means. */
function forms(value: string): string[] {
  try {
    return [value, decodeURIComponent(value)];
  } catch {
    return [value];
  }
}

function textOf(path: string): string[] {
  try {
    if (!isPlainFile(path)) return [];
    return [decodeText(readFileSync(path)).text ?? ''];
  } catch {
    return [];
  }
}

function isPlainFile(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size <= MAX_FILE_BYTES;
}
