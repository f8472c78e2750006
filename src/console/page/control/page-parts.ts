import { RobotApi } from '../robot/robot-api.js';
import { RobotClock } from '../robot/robot-clock.js';
import { AlikeOrders } from './alike-orders.js';
import { ColourTheme } from './colour-theme.js';
import { LabelOrders } from './label-orders.js';
import { Notices } from './notices.js';
import { PageStore } from './page-store.js';
import { RecordLists } from './record-lists.js';
import { Session } from './session.js';
import { TaskChoice } from './task-choice.js';
import { TokenLock } from './token-lock.js';
import { TrainingOrders } from './training-orders.js';
import { Viewfinder } from './viewfinder.js';

/** The state that the views show, and the actions that they offer. */
export interface PageParts {
  readonly store: PageStore;
  readonly api: RobotApi;
  readonly clock: RobotClock;
  readonly notices: Notices;
  readonly theme: ColourTheme;
  readonly viewfinder: Viewfinder;
  readonly labelling: LabelOrders;
  readonly alikes: AlikeOrders;
  readonly training: TrainingOrders;
  readonly session: Session;
}

/** Builds the parts of a page and restores the token, the task and the theme. */
export function buildPage(storage: Storage): PageParts {
  const store = new PageStore();
  const lock = new TokenLock(store, storage);
  const tasks = new TaskChoice(store, location, history);
  const api = new RobotApi(lock, () => store.state.task);
  const clock = new RobotClock();
  const notices = new Notices(store);
  const lists = new RecordLists(store, api);
  const viewfinder = new Viewfinder(store, api, notices);
  const alikes = new AlikeOrders(store, api, viewfinder, notices);
  const labelling = new LabelOrders(store, api, viewfinder, notices, alikes);
  const training = new TrainingOrders(store, api, lists, notices, clock);
  const session = new Session(store, api, lock, clock, tasks, lists, viewfinder, notices);
  const theme = new ColourTheme(store, storage);
  lock.restore(location, history);
  tasks.restore();
  theme.restore();
  return { store, api, clock, notices, theme, viewfinder, labelling, alikes, training, session };
}
