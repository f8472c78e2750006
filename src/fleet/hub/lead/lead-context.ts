import type { AlarmSwitch } from '../../../base/alarms.js';
import type { Log } from '../../../base/log.js';
import type { HubTally } from '../hub-tally.js';
import type { RoundThread } from '../round/round-thread.js';
import type { HubConfig } from '../settings/hub-schema.js';
import type { HubStore, HubTables } from '../store/hub-store.js';

/** What the steps of a leader work with. */
export interface LeadContext {
  store: HubStore;
  /** Of the leader: see {@link HubStore.lead}. */
  term: number;
  thread: RoundThread;
  config: Pick<HubConfig, 'fleet' | 'learning' | 'rollout' | 'quarantine' | 'limits' | 'onlineMs'>;
  alarms: AlarmSwitch;
  log: Log;
  tally: HubTally;
}

/** A transaction of the leader. @throws HL_FLEET_NOT_LEADER, HL_FLEET_STORE_UNAVAILABLE, HL_STORE_… */
export function leading<T>(
  { store, term }: LeadContext,
  work: (tables: HubTables) => Promise<T>,
): Promise<T> {
  return store.lead(term, work);
}
