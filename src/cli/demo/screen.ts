import type { Decision } from '../../perception/decision.js';
import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import { textColumns, wrapText } from '../support/prose.js';

const STATUS_INTERVAL_MS = 150;
const PLAIN_INTERVAL_MS = 5_000;
const SPARKS = '▁▂▃▄▅▆▇█';
/** Values of the accuracy shown, and frames between two of them. */
const MAX_SPARKS = 20;
const FRAMES_PER_SPARK = 5;
/** Columns of a decision: `unknown (is blocked)`. */
const DECISION_COLUMNS = 20;
/** Widest status line, where no terminal says how wide it is. */
const MAX_COLUMNS = 100;

/** State of a task that is not part of a decision. */
export interface TaskFacts {
  name: string;
  /** Accuracy on the last unlabelled frames, 0..1; null before the first. */
  accuracy: number | null;
  labelsGiven: number;
  /** Labels until the next training; null: none is due by itself. */
  labelsToTraining: number | null;
  headVersion: number | null;
  /** Labels that the instant learner has applied, on top of that version or without one. */
  learntLabels: number;
}

/** Where the screen writes: standard output. */
export type Terminal = Pick<NodeJS.WriteStream, 'write'> &
  Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

interface Shown {
  sequence: number;
  decision: Decision;
  /** The true label; undefined: not known. */
  reference: string | undefined;
  accuracies: number[];
}

/**
 * Terminal output: a status of one line for all tasks and one for each, which is rewritten for every
 * decision, and permanent lines for events. If the output is no terminal, the status is printed every
 * few seconds instead.
 */
export class Screen {
  readonly #shown = new Map<string, Shown>();
  #lastStatusMs = Number.NEGATIVE_INFINITY;
  /** Lines of the status on the terminal. */
  #height = 0;
  #training: { task: string; progress: TrainingProgress } | null = null;

  /** @param isNamed whether the tasks have names that a user knows */
  constructor(
    private readonly out: Terminal,
    private readonly isNamed: boolean,
    private readonly facts: () => readonly TaskFacts[],
  ) {}

  /** Prints a permanent line. */
  line(text: string): void {
    this.#clear();
    this.out.write(`${wrapText(text, textColumns(this.out, process.env))}\n`);
  }

  /** Shows a decision of a task on frame number `sequence`. */
  decision(
    sequence: number,
    task: string,
    decision: Decision,
    reference: string | undefined,
  ): void {
    const facts = this.facts();
    const accuracies = this.#shown.get(task)?.accuracies ?? [];
    this.#shown.set(task, { sequence, decision, reference, accuracies });
    const accuracy = facts.find(({ name }) => name === task)?.accuracy ?? null;
    if (accuracy !== null && sequence % FRAMES_PER_SPARK === 0) {
      accuracies.push(accuracy);
      if (accuracies.length > MAX_SPARKS) accuracies.shift();
    }
    // A status shows the decisions of all tasks on one picture.
    const isComplete = facts.every(({ name }) => this.#shown.get(name)?.sequence === sequence);
    if (isComplete) this.#draw(sequence, facts);
  }

  training(task: string, progress: TrainingProgress): void {
    const before = this.#training;
    this.#training = { task, progress };
    if (before?.task === task && before.progress.phase === progress.phase) return;
    this.line(`  ${this.#trainingText(task, progress)}`);
  }

  trainingEnded({ task, outcome, reason }: TrainingReport): void {
    this.#training = null;
    const mark = { promoted: '✔', refused: '✘', failed: '!', cancelled: '–' }[outcome];
    this.line(`  ${mark} ${this.#prefix(task)}${outcome}: ${reason}`);
  }

  serving(task: string, version: number): void {
    this.line(`  ${this.#prefix(task)}head ${version} decides from the next frame on`);
  }

  close(): void {
    this.#clear();
  }

  #draw(sequence: number, facts: readonly TaskFacts[]): void {
    const nowMs = performance.now();
    const interval = this.out.isTTY ? STATUS_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (nowMs - this.#lastStatusMs < interval) return;
    this.#lastStatusMs = nowMs;
    const columns = Math.min(MAX_COLUMNS, textColumns(this.out, process.env)) - 1;
    const nameColumns = Math.max(...facts.map(({ name }) => name.length));
    const lines = [
      this.#commonText(sequence, facts),
      ...facts.map((task) => this.#taskText(task, nameColumns, columns)),
    ].map((line) => [...line].slice(0, columns).join('').trimEnd());
    if (!this.out.isTTY) {
      this.out.write(`${lines.join('\n')}\n`);
      return;
    }
    this.out.write(`${this.#home()}${lines.map((line) => `${line}\x1b[K`).join('\n')}`);
    this.#height = lines.length;
  }

  #commonText(sequence: number, facts: readonly TaskFacts[]): string {
    const labels = facts.reduce((sum, { labelsGiven }) => sum + labelsGiven, 0);
    return `frame ${String(sequence).padStart(5)} │ ${labels} labels │ ${this.#nextText(facts)}`;
  }

  #nextText(facts: readonly TaskFacts[]): string {
    if (this.#training) {
      return this.#trainingText(this.#training.task, this.#training.progress);
    }
    const next = facts.flatMap(({ name, labelsToTraining: labels }) =>
      labels === null ? [] : [this.#prefix(name) + (labels > 0 ? `in ${labels} labels` : 'now')],
    );
    return next.length === 0 ? 'a training follows each step' : `next training: ${next.join(', ')}`;
  }

  #taskText(facts: TaskFacts, nameColumns: number, columns: number): string {
    const { name, accuracy, headVersion, learntLabels } = facts;
    const shown = this.#shown.get(name);
    const head = headVersion === null ? (learntLabels > 0 ? 'first labels' : 'no head') : null;
    const learnt = learntLabels > 0 ? ` + ${learntLabels}` : '';
    const begin = [
      `${this.isNamed ? `${name.padEnd(nameColumns)} ` : ''}${shown ? decisionText(shown) : ''}`,
      `right ${accuracy === null ? '    –' : percent(accuracy)}`,
    ].join(' │ ');
    const end = ` │ ${(head ?? `head ${headVersion}${learnt}`).padEnd('head 10 + 24'.length)}`;
    const room = Math.min(MAX_SPARKS, Math.max(0, columns - begin.length - end.length - 1));
    const trend = spark(shown?.accuracies.slice(-room) ?? []);
    return `${begin} ${room > 0 ? trend.padEnd(room) : ''}${end}`;
  }

  #trainingText(
    task: string,
    { phase, done, total, etaSeconds, paused }: TrainingProgress,
  ): string {
    const share = total > 0 ? ` ${done}/${total}` : '';
    const left = etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`;
    const eta = paused === null ? left : `, paused: ${paused}`;
    return `training${this.isNamed ? ` ${task}` : ''}: ${phase}${share}${eta}`;
  }

  #prefix(task: string): string {
    return this.isNamed ? `${task} ` : '';
  }

  /** Moves the cursor to the beginning of the status. */
  #home(): string {
    return this.#height > 1 ? `\r\x1b[${this.#height - 1}A` : '\r';
  }

  #clear(): void {
    if (this.#height === 0) return;
    this.out.write(`${this.#home()}\x1b[J`);
    this.#height = 0;
  }
}

function decisionText({ decision, reference }: Shown): string {
  const { label, probability, guess } = decision;
  const isWrong = reference !== undefined && label !== reference;
  const mark = reference === undefined ? ' ' : isWrong ? '✘' : '✔';
  const text = label + (isWrong ? ` (is ${reference})` : '');
  const cut = text.length > DECISION_COLUMNS ? `${text.slice(0, DECISION_COLUMNS - 1)}…` : text;
  return `${mark} ${cut.padEnd(DECISION_COLUMNS)} ${guess ? 'guess' : percent(probability)}`;
}

function spark(values: number[]): string {
  return values.map((value) => SPARKS[Math.min(7, Math.floor(value * 8))]).join('');
}

function percent(value: number): string {
  return `${String(Math.round(value * 100)).padStart(3)} %`;
}
