import type { HeadVersion } from '../../contract/brain-contract.js';
import type { RobotApi } from '../robot/robot-api.js';
import type { RobotClock } from '../robot/robot-clock.js';
import { ago } from '../words/figures.js';
import type { Notices } from './notices.js';
import type { PageStore } from './page-store.js';
import type { RecordLists } from './record-lists.js';

/** Starts trainings and switches heads. */
export class TrainingOrders {
  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly lists: RecordLists,
    private readonly notices: Notices,
    private readonly clock: RobotClock,
  ) {}

  async train(): Promise<void> {
    try {
      await this.api.call('POST /api/retrain', {});
      this.notices.say('Training started');
    } catch (error) {
      this.notices.problem(error);
    }
  }

  /** Switches to another head after the user has confirmed it. */
  async rollback({ version, labels, trainedAt }: HeadVersion): Promise<void> {
    const serving = this.store.state.status?.head?.labels ?? [];
    const lost = serving.filter((label) => !labels.includes(label));
    const warning = lost.length > 0 ? ` It does not know ${lost.join(', ')}.` : '';
    const trained = ago(new Date(trainedAt).getTime(), this.clock.nowMs());
    const yes = await this.notices.ask({
      title: `Serve version ${version}?`,
      message: `It was trained ${trained} and takes over with the next frame.${warning}`,
      yes: `Serve version ${version}`,
    });
    if (!yes) return;
    try {
      await this.api.call('POST /api/rollback', { body: { version } });
      this.notices.say(`Version ${version} serves now`);
      void this.lists.refreshTrainings();
    } catch (error) {
      this.notices.problem(error);
    }
  }
}
