import { HeadlandError } from '../../base/errors.js';

/** Keys of maps and indices of lists, from the top of the file. */
export type SettingPath = readonly (string | number)[];

/** Writes a path as errors do: `cameras[0].widthPixels`; empty: the whole file. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number'
        ? `${text}[${part}]`
        : text
          ? `${text}.${String(part)}`
          : `${String(part)}`,
    '',
  );
}

/**
 * Reads a path as {@link pathText} writes it.
 * @throws HeadlandError HL_SETTINGS_PATH
 */
export function parsePath(text: string): SettingPath {
  const parts: (string | number)[] = [];
  const part = /(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,6})\]/y;
  while (part.lastIndex < text.length) {
    const found = part.exec(text);
    if (!found || (found.index === 0 && found[1] === undefined)) throw unreadable(text);
    const [, key, index] = found;
    if (key === '__proto__') throw unreadable(text);
    parts.push(key ?? Number(index));
  }
  if (parts.length === 0) throw unreadable(text);
  return parts;
}

/** The value at a path; undefined: there is none. */
export function valueAt(root: unknown, path: SettingPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part))
      return undefined;
    return (value as Record<string | number, unknown>)[part];
  }, root);
}

function unreadable(text: string): HeadlandError {
  const shown = JSON.stringify(text.slice(0, 80));
  return new HeadlandError('HL_SETTINGS_PATH', `${shown} is no path of a setting`, {
    remedy: 'Name the setting as `headland config schema` does: cameras[0].widthPixels.',
  });
}
