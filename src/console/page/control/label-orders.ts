import type { BodyOf } from '../../contract/contract.js';
import type { RobotApi } from '../robot/robot-api.js';
import type { AlikeOrders } from './alike-orders.js';
import type { Notices } from './notices.js';
import type { PageState } from './page-state.js';
import type { PageStore } from './page-store.js';
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
    private readonly alikes: AlikeOrders,
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
        this.notices.say(`Labelled ${label} for the former task`);
        return true;
      }
      this.#confirm(label);
      const act = () => void this.viewfinder.openSample(sampleId, null, 'correction');
      this.notices.say(`Labelled ${label}`, { words: 'Change', act });
      this.#goOn(view);
      if (view.kind === 'question') void this.alikes.offer(sampleId, label);
      else this.alikes.dismiss();
      return true;
    } catch (error) {
      this.viewfinder.setHold(null);
      this.notices.problem(error);
      return false;
    } finally {
      this.#busy = false;
    }
  }

  #confirm(label: string): void {
    const others = () => this.store.state.confirmed.filter((other) => other !== label);
    this.store.set({ confirmed: [...others(), label] });
    setTimeout(() => this.store.set({ confirmed: others() }), CONFIRMED_MS);
  }

  #goOn(view: PageState['view']): void {
    if (view.kind === 'live') {
      this.viewfinder.releaseAfter(AFTERGLOW_MS);
      return;
    }
    if (view.kind === 'correction') {
      this.viewfinder.backToLive();
      return;
    }
    const { waiting } = this.store.state;
    const answered = waiting.findIndex(({ id }) => id === view.sampleId);
    const next = waiting[answered + 1] ?? waiting[answered - 1];
    this.store.set({ waiting: waiting.filter(({ id }) => id !== view.sampleId) });
    if (next === undefined) this.viewfinder.backToLive();
    else void this.viewfinder.openSample(next.id, next.guess, 'question');
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
