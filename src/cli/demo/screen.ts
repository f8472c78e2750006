import type { Decision } from '../../perception/decision.js';
import type { TrainingProgress } from '../../training/job/job-protocol.js';
import type { TrainingReport } from '../../training/report.js';
import { textColumns, wrapText } from '../support/prose.js';

const BAR_WIDTH = 16;
const SPARKS = '▁▂▃▄▅▆▇█';
const STATUS_INTERVAL_MS = 150;
const PLAIN_INTERVAL_MS = 5_000;

export interface ScreenFacts {
  frames: number;
  rolling: { accuracy: number; scored: number } | null;
  labelsGiven: number;
  newLabels: number;
  everyNewLabels: number;
  headVersion: number | null;
  /** Labels that the instant learner has applied, on top of that version or without one. */
  learntLabels: number;
}

/**
 * Terminal output: one status line that is rewritten for every decision, and permanent lines for
 * events. If the output is no terminal, prints a status line every few seconds instead.
 */
export class Screen {
  #lastStatusMs = 0;
  #lastWidth = 0;
  #progress: TrainingProgress | null = null;
  readonly #accuracies: number[] = [];

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly facts: () => ScreenFacts,
  ) {}

  /** Prints a permanent line. */
  line(text: string): void {
    this.#clear();
    this.out.write(`${wrapText(text, textColumns(this.out, process.env))}\n`);
  }

  decision(label: string, reference: string | undefined, decision: Decision): void {
    const nowMs = performance.now();
    const interval = this.out.isTTY ? STATUS_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (nowMs - this.#lastStatusMs < interval) return;
    this.#lastStatusMs = nowMs;
    const text = this.#statusText(label, reference, decision);
    if (!this.out.isTTY) {
      this.line(text);
      return;
    }
    const cut = text.slice(0, Math.max(20, (this.out.columns ?? 100) - 1));
    this.out.write(`\r${cut.padEnd(this.#lastWidth)}`);
    this.#lastWidth = cut.length;
  }

  training(progress: TrainingProgress): void {
    const begins = progress.phase !== this.#progress?.phase;
    this.#progress = progress;
    if (begins) this.line(`  training: ${progressText(progress)}`);
  }

  trainingEnded(report: TrainingReport): void {
    this.#progress = null;
    const mark = { promoted: '✔', refused: '✘', failed: '!', cancelled: '–' }[report.outcome];
    this.line(`  ${mark} ${report.outcome}: ${report.reason}`);
  }

  close(): void {
    this.#clear();
  }

  #statusText(label: string, reference: string | undefined, decision: Decision): string {
    const { frames, rolling, labelsGiven, newLabels, everyNewLabels, headVersion, learntLabels } =
      this.facts();
    if (rolling && frames % 5 === 0) {
      this.#accuracies.push(rolling.accuracy);
      if (this.#accuracies.length > 20) this.#accuracies.shift();
    }
    const mark = reference === undefined ? ' ' : label === reference ? '✔' : '✘';
    const truth = reference === undefined || label === reference ? '' : ` (is ${reference})`;
    const parts = [
      `frame ${String(frames).padStart(5)}`,
      `${mark} ${(label + truth).padEnd(26)} ${percent(decision.probability)} ${bar(decision.probability)}`,
      rolling
        ? `accuracy on the last ${rolling.scored} unlabelled: ${percent(rolling.accuracy)} ${spark(this.#accuracies)}`
        : 'accuracy: –',
      `labels ${labelsGiven}`,
      headVersion === null
        ? learntLabels > 0
          ? 'beginner'
          : 'no head yet'
        : `head ${headVersion}${learntLabels > 0 ? ` + ${learntLabels}` : ''}`,
      this.#progress
        ? `training: ${progressText(this.#progress)}`
        : everyNewLabels > 0
          ? `next training in ${Math.max(0, everyNewLabels - newLabels)} labels`
          : '',
    ];
    return parts.filter((part) => part !== '').join(' │ ');
  }

  #clear(): void {
    if (!this.out.isTTY || this.#lastWidth === 0) return;
    this.out.write(`\r${' '.repeat(this.#lastWidth)}\r`);
    this.#lastWidth = 0;
  }
}

function progressText({ phase, done, total, etaSeconds }: TrainingProgress): string {
  const share = total > 0 ? ` ${done}/${total}` : '';
  const eta = etaSeconds === null ? '' : `, ${Math.ceil(etaSeconds)} s left`;
  return `${phase}${share}${eta}`;
}

function bar(probability: number): string {
  const full = Math.round(probability * BAR_WIDTH);
  return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
}

function spark(values: number[]): string {
  return values.map((value) => SPARKS[Math.min(7, Math.floor(value * 8))]).join('');
}

function percent(value: number): string {
  return `${String(Math.round(value * 100)).padStart(3)} %`;
}
