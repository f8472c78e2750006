import type { Notices } from '../../../../page/state/notices.js';
import type { BodyOf } from '../../../contract/contract.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { Words } from '../../words/words.js';
import type { PageState } from '../page-state.js';
import type { PageStore } from '../page-store.js';
import type { UndoStack } from '../undo-stack.js';
import type { Viewfinder } from './viewfinder.js';

/** The button of a label shows for this long that the label was stored. */
const CONFIRMED_MS = 700;
/** The labelled picture stays on the screen for this long. */
const AFTERGLOW_MS = 350;

/** Labels the picture on the screen, one label at a time. */
export class LabelOrders {
  #busy = false;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly viewfinder: Viewfinder,
    private readonly notices: Notices,
    private readonly undo: UndoStack,
    private readonly words: Pick<Words, 'say'>,
  ) {}

  /** Called when a label button is pressed down: the picture visible at that moment is labelled. */
  press(): void {
    if (!this.#busy) this.viewfinder.press();
  }

  /** @returns whether the robot has stored the label */
  async submit(label: string): Promise<boolean> {
    const { view, shown, task } = this.store.state;
    if (this.#busy || label === '' || shown === null) return false;
    const body = orderOf(view, shown, label);
    if (body === null) return false;
    this.viewfinder.freeze('press');
    this.#busy = true;
    try {
      const answer = await this.api.call('POST /api/label', { body });
      const sampleId = answer.sampleIds[0]!;
      if (task !== this.store.state.task) {
        this.notices.say(this.words.say('live.labelledFormer', { label }));
        return true;
      }
      this.#confirm(label);
      this.undo.rememberHandle(answer.undo);
      const act = () => void this.viewfinder.correct(sampleId);
      const change = this.words.say('live.change');
      this.notices.say(this.words.say('live.labelled', { label }), { words: change, act });
      if (view.kind === 'live') this.viewfinder.releaseAfter(AFTERGLOW_MS);
      else this.viewfinder.backToLive();
      return true;
    } catch (error) {
      this.viewfinder.setHold(null);
      this.notices.problem(error);
      return false;
    } finally {
      this.#busy = false;
    }
  }

  /** Stores the picture on the screen as a question for later. */
  async askLater(): Promise<void> {
    const { shown, view } = this.store.state;
    if (shown?.kind !== 'live' || view.kind !== 'live') return;
    const { frameId, camera } = shown.frame;
    try {
      await this.api.call('POST /api/snapshot', { body: { camera, frameId } });
      this.notices.say(this.words.say('live.asksLater'));
    } catch (error) {
      this.notices.problem(error);
    }
  }

  #confirm(label: string): void {
    const others = () => this.store.state.confirmed.filter((other) => other !== label);
    this.store.set({ confirmed: [...others(), label] });
    setTimeout(() => this.store.set({ confirmed: others() }), CONFIRMED_MS);
  }
}

/** The request body; null while the picture on the screen does not belong to the view. */
function orderOf(
  view: PageState['view'],
  shown: NonNullable<PageState['shown']>,
  label: string,
): BodyOf<'POST /api/label'> | null {
  if (view.kind !== 'live') return { sampleId: view.sampleId, label };
  return shown.kind === 'live' ? { frameId: shown.frame.frameId, label } : null;
}
