import type { PageParts } from '../../../control/page-parts.js';

/** Trains and changes which version serves, after a confirmation where answers may change. */
export class BrainOrders {
  constructor(private readonly page: PageParts) {}

  async train(): Promise<void> {
    await this.#run('brain.trainingStarted', {}, () => this.page.api.call('POST /api/retrain', {}));
  }

  /** @param lost classes that the version does not know and the serving one does */
  async rollback(version: number, lost: readonly string[]): Promise<void> {
    const { api } = this.page;
    if (!(await this.#ask('rollback', version, lost))) return;
    const call = () => api.call('POST /api/rollback', { body: { version } });
    await this.#run('brain.serves', { version }, call);
  }

  /** Of a version that the gate has refused. */
  async promote(version: number, lost: readonly string[]): Promise<void> {
    const { api } = this.page;
    if (!(await this.#ask('promote', version, lost))) return;
    const call = () => api.call('POST /api/promote', { body: { version } });
    await this.#run('brain.serves', { version }, call);
  }

  async pin(version: number): Promise<void> {
    if (!(await this.#ask('pin', version, []))) return;
    const call = () => this.page.api.call('POST /api/pin', { body: { version } });
    await this.#run('brain.pinnedNow', { version }, call);
  }

  async unpin(): Promise<void> {
    const call = () => this.page.api.call('POST /api/pin', { body: { version: null } });
    await this.#run('brain.unpinnedNow', {}, call);
  }

  #ask(what: 'rollback' | 'promote' | 'pin', version: number, lost: readonly string[]) {
    const { words, notices } = this.page;
    const message = words.say(`brain.${what}Ask`, { version });
    const warning = words.say('brain.notKnown', { classes: lost.join(', ') });
    return notices.ask({
      title: words.say(`brain.${what}Title`, { version }),
      message: lost.length > 0 ? `${message} ${warning}` : message,
      yes: words.say(`brain.${what}`, { version }),
    });
  }

  async #run(
    done: 'brain.trainingStarted' | 'brain.serves' | 'brain.pinnedNow' | 'brain.unpinnedNow',
    values: Record<string, number>,
    call: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await call();
      this.page.notices.say(this.page.words.say(done, values));
      this.page.store.changed();
    } catch (error) {
      this.page.notices.problem(error);
    }
  }
}
