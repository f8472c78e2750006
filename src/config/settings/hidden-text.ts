import { HeadlandError } from '../../base/errors.js';
import { redactValue } from '../../base/redact.js';
import { isRecord } from '../../base/values/is-record.js';
import type { SettingChange } from './setting-change.js';
import { parsePath, valueAt } from './setting-path.js';

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
  const shown = redactValue(present);
  const elsewhere = hiddenAddresses(present, shown);
  const path = parsePath(change.path);
  const here = { text: valueAt(present, path), shown: valueAt(shown, path) };
  return { path: change.path, value: restored(change.value, here, elsewhere, change.path) };
}

/** Addresses with secrets, by how they are shown. Entries of lists move. */
function hiddenAddresses(
  value: unknown,
  shown: unknown,
  found = new Map<string, Set<string>>(),
): typeof found {
  if (typeof value === 'string' && typeof shown === 'string') {
    // A text that is hidden as a whole could be read by moving it into another setting.
    if (shown !== value && shown.includes('://')) {
      found.set(shown, (found.get(shown) ?? new Set()).add(value));
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      hiddenAddresses(inner, valueAt(shown, [key]), found);
    }
  }
  return found;
}

/** What stands at the same place of the present settings, and how it is shown. */
interface Here {
  text: unknown;
  shown: unknown;
}

function restored(
  value: unknown,
  here: Here,
  elsewhere: Map<string, Set<string>>,
  path: string,
): unknown {
  const inside = (key: string | number, inner: unknown): unknown => {
    const there = { text: valueAt(here.text, [key]), shown: valueAt(here.shown, [key]) };
    return restored(inner, there, elsewhere, path);
  };
  if (Array.isArray(value)) return value.map((inner, index) => inside(index, inner));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, inside(key, inner)]),
    );
  }
  if (typeof value !== 'string' || !value.includes(HIDDEN)) return value;
  if (value === here.shown) return here.text;
  const [original, ...others] = elsewhere.get(value) ?? [];
  if (original !== undefined && others.length === 0) return original;
  throw new HeadlandError('HL_SETTINGS_HIDDEN', `${path}: the secret in the setting is hidden`, {
    remedy: `Write the whole value, with the secret in the place of ${HIDDEN}.`,
    details: { path },
  });
}
