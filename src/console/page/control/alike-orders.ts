import { Refusal } from '../robot/refusal.js';
import type { RobotApi } from '../robot/robot-api.js';
import type { Notices } from './notices.js';
import type { PageStore } from './page-store.js';
import type { Viewfinder } from './viewfinder.js';

/** Offers the look-alikes of a labelled sample for the same label. */
export class AlikeOrders {
  /** The newest offer; the answer to an older request comes too late. */
  #latest = 0;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly viewfinder: Viewfinder,
    private readonly notices: Notices,
  ) {}

  /** Shows what looks like a sample, if anything does. */
  async offer(sampleId: string, label: string): Promise<void> {
    this.dismiss();
    const latest = this.#latest;
    const { task } = this.store.state;
    try {
      const { samples } = await this.api.call('GET /api/look-alikes', {
        query: { sample: sampleId },
      });
      if (latest !== this.#latest || task !== this.store.state.task) return;
      if (samples.length > 0) {
        this.store.set({ alikes: { label, samples, without: [], busy: false } });
      }
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
  async accept(): Promise<void> {
    const { alikes, task } = this.store.state;
    if (alikes === null || alikes.busy) return;
    const { label, samples, without } = alikes;
    const sampleIds = samples.map(({ id }) => id).filter((id) => !without.includes(id));
    if (sampleIds.length === 0) return;
    const latest = this.#latest;
    this.store.set({ alikes: { ...alikes, busy: true } });
    try {
      await this.api.call('POST /api/label', { body: { sampleIds, label } });
    } catch (error) {
      if (latest === this.#latest) this.store.set({ alikes });
      this.notices.problem(error);
      return;
    }
    const words = `Labelled ${sampleIds.length} more as ${label}`;
    if (task !== this.store.state.task) {
      this.notices.say(`${words} for the former task`);
      return;
    }
    if (latest === this.#latest) this.dismiss();
    this.notices.say(words);
    this.#leaveQueue(new Set(sampleIds));
  }

  dismiss(): void {
    this.#latest += 1;
    this.store.set({ alikes: null });
  }

  /** Questions that have their answer leave the queue, also the one on the screen. */
  #leaveQueue(labelled: ReadonlySet<string>): void {
    const { view } = this.store.state;
    const waiting = this.store.state.waiting.filter(({ id }) => !labelled.has(id));
    this.store.set({ waiting });
    if (view.kind !== 'question' || !labelled.has(view.sampleId)) return;
    const [next] = waiting;
    if (next === undefined) this.viewfinder.backToLive();
    else void this.viewfinder.openSample(next.id, next.guess, 'question');
  }
}
