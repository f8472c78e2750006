import type { StepProgress, TrainingPhase } from './job-protocol.js';

/** Reports the progress of a training and records the duration of each phase. */
export class Phases {
  readonly #report: (progress: StepProgress) => void;
  readonly #nowMs: () => number;
  readonly #durationsMs: Record<string, number> = {};
  #phase: TrainingPhase | null = null;
  #startedAt = 0;

  /** @param nowMs monotonic time without pauses, milliseconds */
  constructor(report: (progress: StepProgress) => void, nowMs: () => number) {
    this.#report = report;
    this.#nowMs = nowMs;
  }

  /** Ends the phase before, if there was one, and begins this one. */
  begin(phase: TrainingPhase): void {
    this.#end();
    this.#phase = phase;
    this.#startedAt = this.#nowMs();
    this.#report({ phase, done: 0, total: 1, etaSeconds: null });
  }

  /** Reports the progress of the phase; the rest is expected to take the same time per step. */
  step(done: number, total: number): void {
    if (!this.#phase) return;
    const elapsedSeconds = (this.#nowMs() - this.#startedAt) / 1000;
    const etaSeconds = done > 0 ? (elapsedSeconds / done) * (total - done) : null;
    this.#report({ phase: this.#phase, done, total, etaSeconds });
  }

  /** Milliseconds of each phase until now. */
  durationsMs(): Record<string, number> {
    if (this.#phase) this.#durationsMs[this.#phase] = this.#nowMs() - this.#startedAt;
    return { ...this.#durationsMs };
  }

  #end(): void {
    this.durationsMs();
    this.#phase = null;
  }
}
