import type { TaskAnswer } from '../../perception/perception-protocol.js';

/** Series of one task; a monitoring server keeps each of them for months. */
const MAX_LABELS = 100;
/** Label of the decisions for which no further series is opened. No class can have this name. */
const FURTHER_LABELS = '';

export interface LabelCount {
  task: string;
  /** Empty: all labels beyond the first hundred of the task. */
  label: string;
  total: number;
}

/** Counts the decisions of heads since the start of the daemon, by task and label. */
export class DecisionCounts {
  readonly #labels = new Map<string, Map<string, number>>();
  readonly #guesses = new Map<string, number>();

  add({ task, decision: { label, guess, top } }: Pick<TaskAnswer, 'task' | 'decision'>): void {
    // Nothing has been decided while no head serves.
    if (top.length === 0) return;
    const labels = this.#labels.get(task) ?? new Map<string, number>();
    this.#labels.set(task, labels);
    const counted = labels.has(label) || labels.size < MAX_LABELS ? label : FURTHER_LABELS;
    labels.set(counted, (labels.get(counted) ?? 0) + 1);
    if (guess) this.#guesses.set(task, this.guesses(task) + 1);
  }

  labels(): LabelCount[] {
    return [...this.#labels].flatMap(([task, labels]) =>
      [...labels].map(([label, total]) => ({ task, label, total })),
    );
  }

  guesses(task: string): number {
    return this.#guesses.get(task) ?? 0;
  }
}
