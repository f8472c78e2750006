import type { RobotApi } from '../robot/robot-api.js';
import { oneAtATime } from './one-at-a-time.js';
import type { PageStore } from './page-store.js';

const QUESTIONS_SHOWN = 12;

/** The lists that are not part of the status: questions, trainings, heads. */
export class RecordLists {
  readonly refreshWaiting = oneAtATime(async () => {
    const { task } = this.store.state;
    const { samples } = await this.api.get('/api/waiting', { limit: String(QUESTIONS_SHOWN) });
    if (task === this.store.state.task) this.store.set({ waiting: samples });
  });

  readonly refreshTrainings = oneAtATime(async () => {
    const { task } = this.store.state;
    const [{ reports }, { heads }] = await Promise.all([
      this.api.get('/api/reports'),
      this.api.get('/api/heads'),
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
