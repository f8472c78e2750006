import { HeadlandError } from '../../base/errors.js';
import { redactText } from '../../base/redact.js';
import { isRecord } from '../../base/values/is-record.js';
import type { SettingChange } from './setting-change.js';

/** How a hidden part of a text is shown. */
const HIDDEN = '[redacted]';

/**
 * Puts back what was hidden in the settings that somebody has read: a text that is still as it was shown
 * keeps its secret.
 * @param present the settings as they are
 * @throws HeadlandError HL_SETTINGS_HIDDEN for a text that was changed and whose secret is hidden
 */
export function withHiddenText(change: SettingChange, present: unknown): SettingChange {
  if (change.value === undefined) return change;
  const originals = hiddenTexts(present);
  return { path: change.path, value: restored(change.value, originals, change.path) };
}

/** The texts with secrets, by how they are shown. */
function hiddenTexts(value: unknown, found = new Map<string, Set<string>>()): typeof found {
  if (typeof value === 'string') {
    const shown = redactText(value);
    if (shown !== value) found.set(shown, (found.get(shown) ?? new Set()).add(value));
  } else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) hiddenTexts(inner, found);
  }
  return found;
}

function restored(value: unknown, originals: Map<string, Set<string>>, path: string): unknown {
  if (Array.isArray(value)) return value.map((inner) => restored(inner, originals, path));
  if (isRecord(value)) {
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, inner]) => [key, restored(inner, originals, path)]),
    );
  }
  if (typeof value !== 'string' || !value.includes(HIDDEN)) return value;
  const [original, ...others] = originals.get(value) ?? [];
  if (original !== undefined && others.length === 0) return original;
  throw new HeadlandError('HL_SETTINGS_HIDDEN', `${path}: the secret in the address is hidden`, {
    remedy: `Write the whole address, with the secret in the place of ${HIDDEN}.`,
    details: { path },
  });
}
