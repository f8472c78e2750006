import type { Notices } from '../../../page/state/notices.js';
import type { RobotApi } from '../robot/robot-api.js';
import type { Words } from '../words/words.js';
import type { UndoStep } from './page-state.js';
import type { PageStore } from './page-store.js';

/** Changes that this page has made, the newest last: each can be taken back, without limit. */
export class UndoStack {
  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly notices: Notices,
    private readonly words: Pick<Words, 'say'>,
  ) {}

  /**
   * Remembers a change and says it, with a button that takes it back.
   * @param undo handle of the robot, or several in the order of the changes; null: nothing has changed
   */
  done(message: string, undo: string | null | readonly (string | null)[]): void {
    const undos = (Array.isArray(undo) ? undo : [undo]).filter((each) => each !== null);
    if (undos.length === 0) {
      this.notices.say(message);
      return;
    }
    this.#rememberHandles(undos);
    this.notices.say(message, { words: this.words.say('shell.undo'), act: () => void this.undo() });
  }

  /** Remembers a change of the robot by its handle; null: nothing has changed. */
  rememberHandle(undo: string | null): void {
    if (undo !== null) this.#rememberHandles([undo]);
  }

  remember(step: UndoStep): void {
    this.store.set({ undoSteps: [...this.store.state.undoSteps, step] });
  }

  /** A change that did not come about. */
  forget(step: UndoStep): void {
    this.store.set({ undoSteps: this.store.state.undoSteps.filter((each) => each !== step) });
  }

  /** Takes the newest change of the task back. */
  async undo(): Promise<void> {
    const { task, undoSteps } = this.store.state;
    const step = undoSteps.findLast((each) => each.task === task);
    if (step === undefined) {
      this.notices.say(this.words.say('shell.nothingToUndo'));
      return;
    }
    this.forget(step);
    try {
      await step.takeBack();
    } catch (error) {
      this.remember(step);
      this.notices.problem(error);
    }
  }

  #rememberHandles(undos: readonly string[]): void {
    const { task } = this.store.state;
    const left = [...undos];
    this.remember({ task, takeBack: () => this.#takeBack(left) });
  }

  /** @param left handles, the newest last; one that is taken back leaves it */
  async #takeBack(left: string[]): Promise<void> {
    const sum = { changed: 0, kept: 0 };
    try {
      for (let undo = left.at(-1); undo !== undefined; undo = left.at(-1)) {
        const { changed, kept } = await this.api.call('POST /api/undo', { body: { undo } });
        sum.changed += changed;
        sum.kept += kept;
        left.pop();
      }
      const key = sum.kept > 0 ? 'shell.undoneKept' : 'shell.undone';
      this.notices.say(this.words.say(key, { count: sum.changed }));
    } finally {
      this.store.changed();
    }
  }
}
