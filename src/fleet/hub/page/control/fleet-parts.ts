import { ColourTheme } from '../../../../page/state/colour-theme.js';
import { Notices } from '../../../../page/state/notices.js';
import { FleetWords } from '../words/fleet-words.js';
import { FleetAddress } from './fleet-address.js';
import { FleetOrders } from './fleet-orders.js';
import { FleetSession } from './fleet-session.js';
import { type FleetStore, newFleetStore } from './fleet-state.js';
import { HubClient } from './hub-client.js';

/** The state that the views show, and the actions that they offer. */
export interface FleetParts {
  readonly store: FleetStore;
  readonly hub: HubClient;
  readonly address: FleetAddress;
  readonly words: FleetWords;
  readonly notices: Notices;
  readonly theme: ColourTheme;
  readonly session: FleetSession;
  readonly orders: FleetOrders;
}

/**
 * @param storage keeps language and colours
 * @param tabStorage keeps the token until the tab closes
 */
export function buildFleetPage(storage: Storage, tabStorage: Storage): FleetParts {
  const store = newFleetStore();
  const words = new FleetWords(store, storage);
  const address = new FleetAddress(store, location, history);
  const hub = new HubClient(
    () => session.lock(words.say('shell.wrongToken')),
    (key) => words.say(key),
  );
  const session: FleetSession = new FleetSession(store, hub, words, tabStorage);
  const notices = new Notices(store);
  const theme = new ColourTheme(store, storage);
  const orders = new FleetOrders(hub, session, notices, words);
  address.restore();
  theme.restore();
  addEventListener('hashchange', () => address.restore());
  return { store, hub, address, words, notices, theme, session, orders };
}
