import type { ConsoleStatus, TaskSummary } from '../../contract/live-contract.js';
import type { PageState } from '../control/page-state.js';
import type { WordKey } from './catalogue/catalogue.js';
import type { Words } from './words.js';

const TRUST_KEYS: Readonly<Record<string, WordKey>> = {
  beginner: 'shell.beginner',
  useful: 'shell.useful',
  proven: 'shell.proven',
};

/** A level of trust as people say it; '' where none is known. */
export function trustWord(words: Words, trust: string | null): string {
  const key = TRUST_KEYS[trust ?? ''];
  return key === undefined ? '' : words.say(key);
}

/** Facts about a task for somebody who chooses one. */
export function taskLine(words: Words, summary: TaskSummary): string {
  const { headVersion, learntLabels, trust, training, waiting } = summary;
  const first = words.say(learntLabels === null ? 'shell.noHead' : 'shell.firstLabels');
  const head = headVersion === null ? first : words.say('shell.head', { version: headVersion });
  return joined([
    head,
    trustWord(words, trust),
    training ? words.say('shell.training') : '',
    waiting > 0 ? words.say('shell.waiting', { count: waiting }) : '',
  ]);
}

/** Whether the status is about the task of the page: between a choice and its first status, it is not. */
export function isOfTask({ status, task }: Pick<PageState, 'status' | 'task'>): boolean {
  return status !== null && (task === null || task === status.task);
}

/** One line about the robot or, if it has named tasks, about this one. */
export function statusLine(words: Words, status: ConsoleStatus): string {
  const { head, learnt, trust, namedTasks, task } = status;
  const classes = learnt?.classes ?? head?.labels ?? [];
  const first = words.say(learnt === null ? 'shell.noHead' : 'shell.firstLabels');
  return joined([
    namedTasks ? task : '',
    head === null ? first : words.say('shell.head', { version: head.version }),
    trustWord(words, trust),
    classes.length > 0 ? words.say('shell.classes', { count: classes.length }) : '',
  ]);
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}
