import type { ConsoleStatus, TaskSummary } from '../../contract/live-contract.js';
import type { PageState } from '../control/page-state.js';
import { headLine, trustWords } from './head-words.js';
import type { Words } from './words.js';

/** Facts about a task for somebody who chooses one. */
export function taskLine(
  { headVersion, learntLabels, trust, training, waiting }: TaskSummary,
  words: Pick<Words, 'say'>,
): string {
  const first = words.say(learntLabels === null ? 'shell.noHead' : 'shell.firstLabels');
  const head = headVersion === null ? first : words.say('shell.head', { version: headVersion });
  const parts = [head];
  if (trust !== null) parts.push(trustWords(trust, words));
  if (training) parts.push(words.say('shell.training'));
  if (waiting > 0) parts.push(words.say('shell.waiting', { count: waiting }));
  return parts.join(' · ');
}

/** Whether the status is about the task of the page: between a choice and its first status, it is not. */
export function isOfTask({ status, task }: Pick<PageState, 'status' | 'task'>): boolean {
  return status !== null && (task === null || task === status.task);
}

/** One line about the robot or, if it has named tasks, about this one. */
export function statusLine(status: ConsoleStatus, words: Words): string {
  const line = headLine(status, words);
  return status.namedTasks ? `${status.task} · ${line}` : line;
}
