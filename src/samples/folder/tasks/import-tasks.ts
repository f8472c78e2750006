import { join } from 'node:path';
import { HeadlandError } from '../../../base/errors.js';
import type { SampleStore } from '../../store.js';
import { tasksInTables } from '../find-pictures.js';
import { type ImportOptions, type ImportReport, importFolder } from '../import-folder.js';
import { readTasksFile } from './tasks-file.js';

/** A task of the robot that pictures can be imported for. */
export interface ImportTarget {
  samples: SampleStore;
  /** Warn of a class with fewer pictures outside the holdout: training would leave it out. */
  minLabelsPerClass: number;
}

export interface TaskChoice {
  /** Name of the task that the user wants; null: as many as the folder has labels for. */
  chosen: string | null;
  /** Whether the settings name the tasks; else there is one, and no column of a table is a task's. */
  named: boolean;
}

/**
 * Imports a folder for the tasks that it has labels for: an export of several tasks, tables with a
 * column for each task, or, where only one task is possible, whatever `importFolder` reads. A picture is
 * stored once. The folder is imported for one task after the other.
 * @param targets all tasks of the robot
 * @returns by task, in the order of the targets
 * @throws HeadlandError HL_TASK_MISSING, HL_TASK_UNKNOWN, HL_IMPORT_TASKS_INVALID and those of
 *   `importFolder`
 */
export async function importTasks(
  targets: readonly ImportTarget[],
  dir: string,
  { chosen, named }: TaskChoice,
  options: ImportOptions,
): Promise<Map<string, ImportReport>> {
  const names = targets.map(({ samples }) => samples.task);
  const listed = await readTasksFile(dir);
  const hasFolders = listed !== null && listed.length > 0;
  const wanted = hasFolders
    ? inFolders(dir, listed, names, chosen)
    : chosen !== null
      ? [chosen]
      : names.length === 1
        ? names
        : await inTables(dir, names, options);
  const reports = new Map<string, ImportReport>();
  for (const { samples, minLabelsPerClass } of targets) {
    const { task } = samples;
    if (!wanted.includes(task)) continue;
    const folder = hasFolders ? join(dir, task) : dir;
    const columns = named ? { task, tasks: names } : null;
    const own = { ...options, minLabelsPerClass, columns };
    reports.set(task, await importFolder(samples, folder, own));
  }
  return reports;
}

/** The tasks of an export of several that are imported. */
function inFolders(
  dir: string,
  listed: readonly string[],
  names: readonly string[],
  chosen: string | null,
): readonly string[] {
  if (chosen !== null && listed.includes(chosen)) return [chosen];
  const unknown = listed.filter((name) => !names.includes(name));
  if (chosen === null && unknown.length === 0) return listed;
  const [example = ''] = unknown.length > 0 ? unknown : listed;
  throw new HeadlandError(
    'HL_TASK_UNKNOWN',
    `${dir} is an export of the tasks ${listed.join(', ')}; ${chosen === null ? 'this robot has' : 'you want'} ${chosen ?? names.join(', ')}`,
    {
      remedy: `Import the folder of one task, for a task of this robot: headland import ${join(dir, example)} --task ${chosen ?? names[0]}; or name the tasks in the settings.`,
      details: { dir, listed, tasks: names },
    },
  );
}

/** The tasks that tables have labels for. */
async function inTables(
  dir: string,
  names: readonly string[],
  options: ImportOptions,
): Promise<readonly string[]> {
  const columns = { task: names[0]!, tasks: names };
  const hasTables = options.label == null;
  const { tasks, notes } = hasTables
    ? await tasksInTables(dir, columns, options)
    : { tasks: new Set<string>(), notes: [] };
  if (tasks.size > 0) return [...tasks];
  const faults = notes.filter(({ code }) => code === 'HL_IMPORT_ANNOTATION_INVALID');
  const seen = faults.map(({ message }) => `; ${message}`).join('');
  throw new HeadlandError(
    'HL_TASK_MISSING',
    `${dir} does not say for which of the tasks its labels are: ${names.join(', ')}${seen}`,
    {
      remedy:
        'Name one of them: --task NAME. In a table, name the columns of the labels as the tasks.',
      details: { dir, tasks: names },
    },
  );
}
