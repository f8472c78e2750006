import { Refusal } from '../../../../page/request/refusal.js';
import { oneAtATime } from '../../../../page/state/one-at-a-time.js';
import type { FleetWords } from '../words/fleet-words.js';
import type { FleetStore } from './fleet-state.js';
import type { HubClient } from './hub-client.js';

/** Kept until the tab closes; a fragment or a cookie would outlive it. */
const TOKEN_KEY = 'headland-fleet-token';
const POLL_MS = 5_000;
/** The list of a thousand robots is large: it is read every so many polls. */
const POLLS_PER_LIST = 3;
/** What the hub takes for a token; other characters cannot stand in a header. */
const TOKEN = /^[A-Za-z0-9_-]{16,128}$/;

/** Who uses the page, and what the hub says about its fleet. */
export class FleetSession {
  #polls = 0;
  readonly #readAll = oneAtATime(() => this.#read(true));

  constructor(
    private readonly store: FleetStore,
    private readonly hub: HubClient,
    private readonly words: FleetWords,
    private readonly storage: Storage,
  ) {}

  /** Opens the page with the token of this tab, or asks for one. Then keeps up with the hub. */
  async start(): Promise<void> {
    setInterval(() => void this.#poll(), POLL_MS);
    document.addEventListener('visibilitychange', () => void this.#poll());
    const token = this.storage.getItem(TOKEN_KEY);
    if (token === null) this.lock('');
    else await this.open(token);
  }

  /** Opens a locked page. */
  async open(token: string): Promise<void> {
    if (!TOKEN.test(token)) {
      this.lock(this.words.say('shell.wrongToken'));
      return;
    }
    this.hub.use(token);
    try {
      const me = await this.hub.me();
      this.storage.setItem(TOKEN_KEY, token);
      this.store.set({ me, lock: null });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.lock(error.status === 401 ? this.words.say('shell.wrongToken') : error.message);
      return;
    }
    await this.#readAll();
  }

  /** Forgets the token in this tab. */
  leave(): void {
    this.lock('');
  }

  /** The hub does not know the token (any more), or there is none. */
  lock(problem: string): void {
    this.hub.use(null);
    this.storage.removeItem(TOKEN_KEY);
    this.store.state.confirmation?.answer(false);
    this.store.set({
      lock: { problem },
      me: null,
      overview: null,
      list: null,
      link: 'connecting',
    });
  }

  /** Reads everything again, after an order. */
  async refresh(): Promise<void> {
    await this.#readAll();
    this.store.set({ changes: this.store.state.changes + 1 });
  }

  async #poll(): Promise<void> {
    if (document.hidden || this.store.state.me === null) return;
    this.#polls += 1;
    if (this.#polls % POLLS_PER_LIST === 0) await this.#readAll();
    else await this.#read(false);
  }

  async #read(withRobots: boolean): Promise<void> {
    try {
      const [overview, list] = await Promise.all([
        this.hub.overview(),
        withRobots ? this.hub.robots() : null,
      ]);
      if (this.store.state.me === null) return;
      this.store.set({ overview, link: 'live' });
      if (list !== null) this.store.set({ list, readAtMs: Date.now() });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (this.store.state.me !== null) this.store.set({ link: 'lost' });
    }
  }
}
