import type { SampleStore } from '../../store.js';
import {
  type ExportOptions,
  type ExportReport,
  writeSamples,
  writeWhole,
} from '../export-folder.js';
import { TASKS_FILE, tasksText } from './tasks-file.js';

/**
 * Exports the samples of several tasks: each in a folder of its name, which is an export of its own, with
 * a file that names them. `importTasks` restores all of it. The export is atomic.
 * @param dir must be missing or empty
 * @returns by task, in the order of the stores
 * @throws HeadlandError as `exportFolder`
 */
export function exportTasks(
  stores: readonly SampleStore[],
  dir: string,
  options: ExportOptions = {},
): Promise<Map<string, ExportReport>> {
  return writeWhole(dir, async (writer) => {
    const reports = new Map<string, ExportReport>();
    for (const store of stores) {
      const folder = await writer.below(store.task);
      reports.set(store.task, await writeSamples(store, folder, options));
      await folder.sync();
    }
    const tasks = [...reports].filter(([, { samples }]) => samples > 0).map(([task]) => task);
    await writer.write(TASKS_FILE, Buffer.from(tasksText(tasks)));
    return reports;
  });
}
