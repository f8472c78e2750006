import type { FrameState, Notice } from './frame-state.js';
import type { Store } from './state-store.js';

const WORD_MS = 5_000;
const PROBLEM_MS = 9_000;

/** Notices and confirmations for the user. */
export class Notices {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly store: Store<FrameState>) {}

  say(message: string, action: Notice['action'] = null): void {
    this.#show({ message, problem: false, action }, WORD_MS);
  }

  problem(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#show({ message, problem: true, action: null }, PROBLEM_MS);
  }

  dismiss(): void {
    clearTimeout(this.#timer);
    this.store.set({ notice: null });
  }

  /** Asks for a confirmation; resolves with whether the user agrees. */
  ask(question: { title: string; message: string; yes: string }): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (yes: boolean) => {
        this.store.set({ confirmation: null });
        resolve(yes);
      };
      this.store.set({ confirmation: { ...question, answer } });
    });
  }

  #show(notice: Notice, durationMs: number): void {
    clearTimeout(this.#timer);
    this.store.set({ notice });
    this.#timer = setTimeout(() => this.store.set({ notice: null }), durationMs);
  }
}
