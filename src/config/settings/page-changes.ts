import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { codeOf, HeadlandError, messageOf } from '../../base/errors.js';
import { isRecord } from '../../base/values/is-record.js';
import { parsePath, type SettingPath, valueAt } from './setting-path.js';

const MAX_BYTES = 1_048_576;
const NAME = 'settings-changes.json';

const pageChange = z.strictObject({
  path: z.string(),
  /** In the configuration file when the change was made; absent: it was not written there. */
  before: z.unknown().optional(),
  /** Absent: the default applies. */
  value: z.unknown().optional(),
});

const pageChanges = z.strictObject({
  schema: z.literal(1),
  about: z.string(),
  changes: z.array(pageChange).max(1_000),
});

/** A change of one setting on top of the configuration file. Its path has no index. */
export type PageChange = z.infer<typeof pageChange>;

/**
 * Where changes stand that the page has made to a configuration file that the daemon may not write, as
 * under systemd. They apply on top of the file.
 */
export function pageChangesPath(stateDir: string): string {
  return join(stateDir, NAME);
}

/**
 * Reads the changes of the page.
 * @returns none where there is no file, or where this user may not read it
 * @throws HeadlandError HL_CONFIG_CHANGES
 */
export function readPageChanges(path: string): PageChange[] {
  let text: string;
  try {
    // The folder is the daemon's: root must not follow where another user points it, nor wait for a pipe.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const status = fstatSync(file);
      if (!status.isFile() || status.size > MAX_BYTES)
        throw new Error('it is no file of at most 1 MiB');
      text = readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(codeOf(cause) ?? '')) return [];
    throw unusable(path, messageOf(cause), cause);
  }
  try {
    return pageChanges.parse(JSON.parse(text)).changes;
  } catch (cause) {
    throw unusable(path, 'it is damaged', cause);
  }
}

/** The content of the file that {@link readPageChanges} reads. */
export function pageChangesText(configFile: string, changes: readonly PageChange[]): string {
  const about = `Made on the page of the robot, on top of ${configFile}. Remove this file to undo all of them.`;
  return `${JSON.stringify({ schema: 1, about, changes }, null, 2)}\n`;
}

/**
 * The settings of a file with the changes of the page on top. A setting that has been changed in the
 * file since is left as it is there: who edits the file has the last word.
 */
export function withPageChanges(
  values: unknown,
  changes: readonly PageChange[],
): { values: unknown; overtaken: string[] } {
  const overtaken: string[] = [];
  let changed = values;
  for (const { path, before, value } of changes) {
    const place = parsePath(path);
    if (isDeepStrictEqual(valueAt(values, place), before))
      changed = replaced(changed, place, value);
    else overtaken.push(path);
  }
  return { values: changed, overtaken };
}

/**
 * The changes on top of a file that lead to `wanted`: those that apply now, and one for each setting in
 * which a person has changed something.
 * @param changed paths of the settings that a person has changed
 */
export function mergedPageChanges(
  values: unknown,
  present: readonly PageChange[],
  wanted: unknown,
  changed: readonly string[],
): PageChange[] {
  const { overtaken } = withPageChanges(values, present);
  const paths = present.map(({ path }) => path).filter((path) => !overtaken.includes(path));
  for (const path of changed) {
    const place = withoutIndex(parsePath(path)).join('.');
    if (!paths.some((known) => place === known || place.startsWith(`${known}.`))) paths.push(place);
  }
  const outermost = paths.filter(
    (path) => !paths.some((other) => other !== path && path.startsWith(`${other}.`)),
  );
  return outermost.flatMap((path): PageChange[] => {
    const before = valueAt(values, parsePath(path));
    const value = valueAt(wanted, parsePath(path));
    return isDeepStrictEqual(before, value) ? [] : [{ path, before, value }];
  });
}

/** A list is changed as a whole: its entries may move in the file. */
function withoutIndex(path: SettingPath): string[] {
  const index = path.findIndex((part) => typeof part === 'number');
  return path.slice(0, index < 0 ? path.length : index).map(String);
}

function replaced(root: unknown, [key, ...rest]: SettingPath, value: unknown): unknown {
  if (key === undefined) return value;
  const { [key]: inner, ...others } = isRecord(root) ? root : {};
  const next = rest.length === 0 ? value : replaced(inner, rest, value);
  return next === undefined ? others : { ...others, [key]: next };
}

function unusable(path: string, why: string, cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_CONFIG_CHANGES',
    `the changes made on the page are not used: ${path}: ${why}`,
    {
      remedy: `Make the changes again on the page, which writes the file anew, or remove it: rm ${path}`,
      details: { path },
      cause,
    },
  );
}
