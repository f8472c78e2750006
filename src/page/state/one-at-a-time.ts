import { Refusal } from '../request/refusal.js';

/**
 * Runs `work` at most once at a time; calls during a run lead to one more run. Ignores Refusals,
 * because all callers repeat their requests soon.
 */
export function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running = false;
  let again = false;
  return async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        await ignoringRefusals(work);
      } while (again);
    } finally {
      running = false;
    }
  };
}

async function ignoringRefusals(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}
