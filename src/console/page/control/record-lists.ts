import type { RobotApi } from '../robot/robot-api.js';
import { oneAtATime } from './one-at-a-time.js';
import type { PageStore } from './page-store.js';

/** The lists that are not part of the status: trainings and heads. */
export class RecordLists {
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
}
