import type { BodyOf } from '../../../../contract/contract.js';
import type { Message } from '../../../../contract/route-contract.js';
import type { PageParts } from '../../../control/page-parts.js';

/** As many as the robot changes at once. */
const CHANGED_TOGETHER = 1_000;

export type NewState = BodyOf<'POST /api/pictures/set'>['to'];

/** Changes of samples and classes, each with its way back. */
export class PictureOrders {
  /** @param warn is given what else the person should know */
  constructor(
    private readonly page: PageParts,
    private readonly warn: (warnings: readonly Message[]) => void,
  ) {}

  /** @returns whether the robot has changed all samples */
  async set(ids: readonly string[], to: NewState): Promise<boolean> {
    const { api, words } = this.page;
    const undos: (string | null)[] = [];
    const warnings: Message[] = [];
    let changed = 0;
    try {
      for (let from = 0; from < ids.length; from += CHANGED_TOGETHER) {
        const body = { ids: ids.slice(from, from + CHANGED_TOGETHER), to };
        const answer = await api.call('POST /api/pictures/set', { body });
        changed += answer.changed;
        undos.push(answer.undo);
        warnings.push(...answer.warnings);
      }
      return true;
    } catch (error) {
      this.page.notices.problem(error);
      return false;
    } finally {
      if (changed > 0) {
        const text =
          'label' in to
            ? words.say('pictures.labelledAs', { count: changed, label: to.label })
            : words.say(`pictures.done.${to.state}`, { count: changed });
        this.#done(text, undos, warnings);
      }
    }
  }

  /** @param merge `to` is an existing class @throws Refusal */
  async rename(from: string, to: string, merge: boolean): Promise<void> {
    const body = merge ? { from, to, merge } : { from, to };
    const { changed, undo, warnings } = await this.page.api.call('POST /api/classes/rename', {
      body,
    });
    const key = merge ? 'pictures.merged' : 'pictures.renamed';
    this.#done(this.page.words.say(key, { count: changed, from, to }), [undo], warnings);
  }

  /** @throws Refusal */
  async ignoreClass(label: string): Promise<void> {
    const { changed, undo, warnings } = await this.page.api.call('POST /api/classes/ignore', {
      body: { label },
    });
    this.#done(this.page.words.say('pictures.done.ignored', { count: changed }), [undo], warnings);
  }

  #done(text: string, undos: readonly (string | null)[], warnings: readonly Message[]): void {
    this.page.undo.done(text, undos);
    this.warn(warnings);
    this.page.store.changed();
  }
}
