import { readFileSync, statSync } from 'node:fs';
import { parseDocument, stringify } from 'yaml';
import { messageOf } from '../../../base/errors.js';
import { decodeText } from '../../../base/words/text.js';
import { ARGUMENTS } from './known-secrets.js';
import { HIDDEN, namesSecret } from './scrubber.js';

const MAX_BYTES = 1_048_576;

/** The settings of a file, valid or not, without comments, which may hold anything. */
export interface WrittenSettings {
  /** Null: the file cannot be read, or is no YAML. */
  settings: unknown;
  /** Why there are none; null: there are. */
  fault: string | null;
}

export function readSettings(path: string): WrittenSettings {
  try {
    const entry = statSync(path);
    if (!entry.isFile() || entry.size > MAX_BYTES) throw new Error('it is no file of settings');
    const { text } = decodeText(readFileSync(path));
    if (text === null) throw new Error('it is no text');
    const document = parseDocument(text);
    if (document.errors.length > 0) throw new Error('it is no YAML');
    return { settings: document.toJS({ maxAliasCount: 100 }) ?? {}, fault: null };
  } catch (error) {
    return { settings: null, fault: messageOf(error) };
  }
}

/**
 * YAML of settings; values under the name of a secret and arguments of commands are left out, references
 * to files are kept.
 */
export function settingsText(settings: unknown): string {
  return stringify(withoutSecrets(settings, ''));
}

function withoutSecrets(value: unknown, name: string): unknown {
  if (value !== null && name === ARGUMENTS) return [HIDDEN];
  if (Array.isArray(value)) return value.map((each) => withoutSecrets(each, name));
  if (typeof value === 'object' && value !== null) {
    const isReference = 'file' in value || 'credential' in value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        isReference && typeof inner === 'string' ? inner : withoutSecrets(inner, key),
      ]),
    );
  }
  const isPlain = value === null || typeof value === 'boolean';
  return !isPlain && namesSecret(name) ? HIDDEN : value;
}
