import type { RobotApi } from '../robot/robot-api.js';
import { oneAtATime } from './one-at-a-time.js';
import type { PageStore } from './page-store.js';

const QUESTIONS_SHOWN = 12;

/** The lists that are not part of the status: questions, trainings, heads. */
export class RecordLists {
  readonly refreshWaiting = oneAtATime(async () => {
    const { task } = this.store.state;
    const { samples } = await this.api.call('GET /api/waiting', {
      query: { limit: String(QUESTIONS_SHOWN) },
    });
    if (task === this.store.state.task) this.store.set({ waiting: samples });
  });

  readonly refreshTrainings = oneAtATime(async () => {
    const { task } = this.store.state;
    const [{ reports }, { heads }] = await Promise.all([
      this.api.call('GET /api/reports', {}),
      this.api.call('GET /api/heads', {}),
    ]);
    if (task === this.store.state.task) this.store.set({ reports, heads });
  });

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
  ) {}

  refresh(): void {
    void this.refreshWaiting();
    void this.refreshTrainings();
  }
}
