import type { ConsoleStatus, TaskSummary } from '../../contract/live-contract.js';
import type { PageState } from '../control/page-state.js';
import { headLine } from './head-words.js';

/** Facts about a task for somebody who chooses one. */
export function taskLine({ headVersion, learntLabels, trust, training, waiting }: TaskSummary) {
  const first = learntLabels === null ? 'No head yet' : 'First labels';
  const parts = [headVersion === null ? first : `Head ${headVersion}`];
  if (trust !== null) parts.push(trust);
  if (training) parts.push('training');
  if (waiting > 0) parts.push(`${waiting} waiting`);
  return parts.join(' · ');
}

/** Whether the status is about the task of the page: between a choice and its first status, it is not. */
export function isOfTask({ status, task }: Pick<PageState, 'status' | 'task'>): boolean {
  return status !== null && (task === null || task === status.task);
}

/** One line about the robot or, if it has named tasks, about this one. */
export function statusLine(status: ConsoleStatus): string {
  return status.namedTasks ? `${status.task} · ${headLine(status)}` : headLine(status);
}
