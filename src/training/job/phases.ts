import type { TrainingPhase, TrainingProgress } from './job-protocol.js';

/** Reports the progress of a training and records the duration of each phase. */
export class Phases {
  readonly #report: (progress: TrainingProgress) => void;
  readonly #durationsMs: Record<string, number> = {};
  #phase: TrainingPhase | null = null;
  #startedAt = 0;

  constructor(report: (progress: TrainingProgress) => void) {
    this.#report = report;
  }

  /** Ends the phase before, if there was one, and begins this one. */
  begin(phase: TrainingPhase): void {
    this.#end();
    this.#phase = phase;
    this.#startedAt = performance.now();
    this.#report({ phase, done: 0, total: 1, etaSeconds: null });
  }

  /** Reports the progress of the phase; the rest is expected to take the same time per step. */
  step(done: number, total: number): void {
    if (!this.#phase) return;
    const elapsedSeconds = (performance.now() - this.#startedAt) / 1000;
    const etaSeconds = done > 0 ? (elapsedSeconds / done) * (total - done) : null;
    this.#report({ phase: this.#phase, done, total, etaSeconds });
  }

  /** Milliseconds of each phase until now. */
  durationsMs(): Record<string, number> {
    if (this.#phase) this.#durationsMs[this.#phase] = performance.now() - this.#startedAt;
    return { ...this.#durationsMs };
  }

  #end(): void {
    this.durationsMs();
    this.#phase = null;
  }
}
