import { Refusal } from '../../../../page/request/refusal.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { PageStore } from '../page-store.js';

/** Asks for the class that a typed name means, so that a slip does not become a class of its own. */
export class ClassNames {
  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
  ) {}

  /**
   * @param known labels of the task
   * @returns the label; null: the person wants to change the text
   */
  async meant(typed: string, known: readonly string[]): Promise<string | null> {
    const label = typed.trim();
    if (label === '' || known.includes(label)) return label === '' ? null : label;
    const { task } = this.store.state;
    try {
      const { alike, near } = await this.api.call('GET /api/teach/near', { query: { label } });
      if (task !== this.store.state.task) return null;
      if (alike === null && near.length === 0) return label;
      return await this.#ask(label, alike, near);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // The robot checks the label again when it stores it, and says why it refuses one.
      return label;
    }
  }

  #ask(typed: string, alike: string | null, near: readonly string[]): Promise<string | null> {
    return new Promise((resolve) => {
      const answer = (label: string | null) => {
        this.store.set({ nearChoice: null });
        resolve(label);
      };
      this.store.set({ nearChoice: { typed, alike, near, answer } });
    });
  }
}
