import type { Refusal } from '../../../page/request/refusal.js';
import type { Notices } from '../../../page/state/notices.js';
import type { ClockedStatus, StreamEvent } from '../../contract/live-contract.js';
import { EventFeed } from '../robot/event-feed.js';
import type { RobotApi } from '../robot/robot-api.js';
import type { RobotClock } from '../robot/robot-clock.js';
import type { Access } from './access.js';
import type { Address } from './address.js';
import type { TileFeed } from './live/tile-feed.js';
import type { Viewfinder } from './live/viewfinder.js';
import type { PageStore } from './page-store.js';

const FIRST_CONTACT_PAUSE_MS = 2_000;
const CHECK_INTERVAL_MS = 1_000;
/** Each decision triggers a new picture; without decisions, one is requested after this time. */
const PICTURE_IDLE_MS = 900;

/** The connection to the robot: writes its events into the store. */
export class Session {
  readonly #feed: EventFeed;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly access: Access,
    private readonly clock: RobotClock,
    private readonly address: Address,
    private readonly viewfinder: Viewfinder,
    private readonly tiles: TileFeed,
    private readonly notices: Notices,
  ) {
    this.#feed = new EventFeed(api, {
      received: (event) => this.#received(event),
      lost: () => this.store.set({ link: 'lost' }),
      busy: (refusal: Refusal) => this.notices.problem(refusal),
      unknownTask: (refusal: Refusal) => {
        this.choose(null);
        this.notices.problem(refusal);
      },
    });
  }

  /** Waits until the robot responds; then starts the feed, unless the robot asks who this is. */
  async start(): Promise<void> {
    this.store.subscribe(() => {
      if (this.store.state.lock !== null) this.#feed.stop();
    });
    addEventListener('hashchange', () => {
      if (this.address.restore()) this.#follow();
    });
    setInterval(() => {
      const { link } = this.store.state;
      if (link === 'live' && this.viewfinder.idleMs > PICTURE_IDLE_MS) void this.viewfinder.pull();
    }, CHECK_INTERVAL_MS);
    for (;;) {
      try {
        // The robot may not have the task of the address.
        await this.api.call('GET /healthz', {}, null);
        await this.access.restore(location, history);
        if (this.store.state.lock === null) this.#feed.start();
        return;
      } catch {
        this.store.set({ link: 'lost' });
        await new Promise((resolve) => setTimeout(resolve, FIRST_CONTACT_PAUSE_MS));
      }
    }
  }

  /** Opens a locked page. */
  async open(token: string): Promise<void> {
    if (await this.access.enter(token)) this.#feed.start();
  }

  /** Makes the page about another task. @param task null: the first one of the robot */
  choose(task: string | null): void {
    if (this.address.choose(task)) this.#follow();
  }

  #follow(): void {
    if (this.store.state.lock === null) this.#feed.start();
  }

  #received(event: StreamEvent): void {
    const { status, camera } = this.store.state;
    switch (event.type) {
      case 'status':
        this.clock.set(event.data.nowMs);
        this.#setStatus(event.data);
        break;
      case 'training':
        if (status !== null) this.#setStatus({ ...status, training: event.data });
        break;
      case 'decision':
        this.tiles.heard(event.data);
        if (event.data.camera === camera) void this.viewfinder.pull();
    }
  }

  #setStatus(status: ClockedStatus): void {
    const { status: before, camera, link } = this.store.state;
    const offered = status.cameras.filter(({ decided }) => decided);
    const { name } = offered.find((each) => each.name === camera) ?? offered[0] ?? { name: null };
    this.store.set({ status, camera: name, link: 'live' });
    if (link !== 'live' || before?.task !== status.task) {
      this.store.changed();
      return;
    }
    const queueChanged = queueMark(before) !== queueMark(status);
    const headChanged = headMark(before) !== headMark(status);
    if (queueChanged || headChanged) this.store.changed();
  }
}

/** Changes when a question arrives or is answered, and when labels change. */
function queueMark({ samples: { total, waiting, classes } }: ClockedStatus): string {
  return JSON.stringify([total, waiting, classes]);
}

/** Changes when another head serves or is pinned, and when a training begins or ends. */
function headMark({ head, pinned, training }: ClockedStatus): string {
  return `${head?.version} ${pinned} ${training?.running}`;
}
