import { Refusal } from '../../../../page/request/refusal.js';
import type { Notices } from '../../../../page/state/notices.js';
import type { HubCommandPath, HubCommands } from '../../../contract/hub-api.js';
import type { FleetWordKey } from '../words/fleet-catalogue.js';
import type { FleetWords } from '../words/fleet-words.js';
import type { FleetSession } from './fleet-session.js';
import type { CommandAnswer, HubClient } from './hub-client.js';

/** What the page asks before an order. */
export interface OrderQuestion {
  title: FleetWordKey;
  message: FleetWordKey;
  /** The button that agrees. */
  yes: FleetWordKey;
  values?: Record<string, string | number>;
}

/** What operators order; every order is confirmed first. */
export class FleetOrders {
  constructor(
    private readonly hub: HubClient,
    private readonly session: FleetSession,
    private readonly notices: Notices,
    private readonly words: FleetWords,
  ) {}

  /** @returns the answer; null: the user has not agreed, or the hub refused and the page says why */
  async give<Path extends HubCommandPath>(
    path: Path,
    body: HubCommands[Path],
    { title, message, yes, values = {} }: OrderQuestion,
  ): Promise<CommandAnswer<Path> | null> {
    const agreed = await this.notices.ask({
      title: this.words.say(title, values),
      message: this.words.say(message, values),
      yes: this.words.say(yes),
    });
    if (!agreed) return null;
    try {
      const answer = await this.hub.command(path, body);
      this.notices.say(this.words.say('fleet.done'));
      await this.session.refresh();
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.notices.problem(error);
      return null;
    }
  }
}
