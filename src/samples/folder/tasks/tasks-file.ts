import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HeadlandError } from '../../../base/errors.js';
import { fileProblem, isFileError } from '../../../base/files/file-problem.js';
import { TASK_NAME } from '../../../base/words/task.js';

/** File of an export of several tasks; each has a folder of its name beside it. */
export const TASKS_FILE = 'headland-tasks.json';

const schema = z.object({ schema: z.literal(1), tasks: z.array(z.string().regex(TASK_NAME)) });

export function tasksText(tasks: readonly string[]): string {
  const content: z.infer<typeof schema> = { schema: 1, tasks: [...tasks] };
  return `${JSON.stringify(content)}\n`;
}

/**
 * The tasks of an export of several; null: the folder is none.
 * @throws HeadlandError HL_IMPORT_TASKS_INVALID
 */
export async function readTasksFile(dir: string): Promise<string[] | null> {
  try {
    return schema.parse(JSON.parse(await readFile(join(dir, TASKS_FILE), 'utf8'))).tasks;
  } catch (error) {
    if (isFileError(error) && ['ENOENT', 'ENOTDIR'].includes(error.code ?? '')) return null;
    const problem = isFileError(error) ? fileProblem(error) : 'it is not what an export writes';
    throw new HeadlandError('HL_IMPORT_TASKS_INVALID', `${TASKS_FILE} cannot be read: ${problem}`, {
      remedy: 'Import the folder of each task by itself: headland import DIR/NAME --task NAME.',
      details: { dir },
      cause: error,
    });
  }
}
