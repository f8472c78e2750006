import type { RobotApi } from '../robot/robot-api.js';
import type { Words } from '../words/words.js';
import type { Notices } from './notices.js';
import type { PageStore } from './page-store.js';

/** Changes that this page has made, the newest last: each can be taken back, without limit. */
export class UndoStack {
  readonly #handles: { task: string | null; undo: string }[] = [];

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly notices: Notices,
    private readonly words: Pick<Words, 'say'>,
  ) {}

  /**
   * Remembers a change and says it, with a button that takes it back.
   * @param undo handle of the robot; null: nothing has changed
   */
  done(message: string, undo: string | null): void {
    if (undo === null) {
      this.notices.say(message);
      return;
    }
    this.#handles.push({ task: this.store.state.task, undo });
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
    try {
      const body = { undo: handle.undo };
      const { changed, kept } = await this.api.call('POST /api/undo', { body });
      const key = kept > 0 ? 'shell.undoneKept' : 'shell.undone';
      this.notices.say(this.words.say(key, { count: changed }));
      this.store.changed();
    } catch (error) {
      this.#handles.splice(at, 0, handle);
      this.notices.problem(error);
    }
  }
}
