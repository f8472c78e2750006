import { Refusal } from '../../../../page/request/refusal.js';
import type { Notices } from '../../../../page/state/notices.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { Words } from '../../words/words.js';
import type { UndoStep } from '../page-state.js';
import type { PageStore } from '../page-store.js';
import type { UndoStack } from '../undo-stack.js';
import type { AnswerOutbox, Order } from './answer-outbox.js';
import type { QuestionLine } from './question-line.js';
import { takenBack } from './taken-back.js';

/** Offers the look-alikes of a labelled sample for the same label. */
export class AlikeOrders {
  /** The newest offer; the answer to an older request comes too late. */
  #latest = 0;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly line: QuestionLine,
    private readonly outbox: AnswerOutbox,
    private readonly undo: UndoStack,
    private readonly notices: Notices,
    private readonly words: Pick<Words, 'say'>,
  ) {}

  /** Shows what looks like a sample, if anything does, unless the person has gone on meanwhile. */
  async offer(sampleId: string, label: string, task: string | null): Promise<void> {
    if (task !== this.store.state.task) return;
    this.dismiss();
    const latest = this.#latest;
    try {
      const query = { sample: sampleId };
      const { samples } = await this.api.call('GET /api/look-alikes', { query }, task);
      if (latest !== this.#latest || task !== this.store.state.task || samples.length === 0) return;
      this.store.set({ alikes: { label, samples, without: [] } });
    } catch (error) {
      // The label is stored; without look-alikes there is only nothing to offer.
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /** Takes a look-alike out of the offer, or back into it. */
  toggle(sampleId: string): void {
    const { alikes } = this.store.state;
    if (alikes === null) return;
    const others = alikes.without.filter((id) => id !== sampleId);
    const without = others.length < alikes.without.length ? others : [...others, sampleId];
    this.store.set({ alikes: { ...alikes, without } });
  }

  /** Labels the look-alikes that are still in the offer. */
  accept(): void {
    const { alikes, task } = this.store.state;
    if (alikes === null) return;
    const { label, samples, without } = alikes;
    const sampleIds = samples.map(({ id }) => id).filter((id) => !without.includes(id));
    if (sampleIds.length === 0) return;
    this.dismiss();
    this.line.take(sampleIds);
    let undo: string | null | undefined;
    const body = { sampleIds, label };
    const order: Order = {
      send: async () => {
        undo = (await this.api.call('POST /api/label', { body }, task)).undo;
      },
      refused: (reason) => {
        this.undo.forget(step);
        this.line.release(sampleIds);
        this.notices.problem(reason);
      },
    };
    const step: UndoStep = {
      task,
      takeBack: async () => {
        this.line.release(sampleIds);
        if (this.outbox.drop(order)) return;
        const given = { ids: sampleIds, task, undo: () => undo };
        this.outbox.put(takenBack(this.api, given, this.notices));
      },
    };
    this.undo.remember(step);
    this.outbox.put(order);
    this.notices.say(this.words.say('teach.alikesLabelled', { count: sampleIds.length, label }));
  }

  dismiss(): void {
    this.#latest += 1;
    if (this.store.state.alikes !== null) this.store.set({ alikes: null });
  }
}
