import type { RobotApi } from '../robot/robot-api.js';
import type { Words } from '../words/words.js';
import type { Notices } from './notices.js';
import type { PageStore } from './page-store.js';

/** Changes that this page has made, the newest last: each can be taken back, without limit. */
export class UndoStack {
  readonly #handles: { task: string | null; undos: readonly string[] }[] = [];

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
    this.#handles.push({ task: this.store.state.task, undos });
    this.notices.say(message, { words: this.words.say('shell.undo'), act: () => void this.undo() });
  }

  /** Takes the newest change of the task back. */
  async undo(): Promise<void> {
    const { task } = this.store.state;
    const at = this.#handles.findLastIndex((handle) => handle.task === task);
    const [handle] = at < 0 ? [] : this.#handles.splice(at, 1);
    if (handle === undefined) {
      this.notices.say(this.words.say('shell.nothingToUndo'));
      return;
    }
    const left = [...handle.undos];
    let changed = 0;
    let kept = 0;
    try {
      for (let undo = left.at(-1); undo !== undefined; undo = left.at(-1)) {
        const answer = await this.api.call('POST /api/undo', { body: { undo } });
        changed += answer.changed;
        kept += answer.kept;
        left.pop();
      }
      const key = kept > 0 ? 'shell.undoneKept' : 'shell.undone';
      this.notices.say(this.words.say(key, { count: changed }));
    } catch (error) {
      this.#handles.splice(at, 0, { task, undos: left });
      this.notices.problem(error);
    }
    this.store.changed();
  }
}
