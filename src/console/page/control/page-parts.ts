import { RobotApi } from '../robot/robot-api.js';
import { RobotClock } from '../robot/robot-clock.js';
import { Words } from '../words/words.js';
import { Access } from './access.js';
import { Address } from './address.js';
import { AlikeOrders } from './alike-orders.js';
import { ColourTheme } from './colour-theme.js';
import { LabelOrders } from './label-orders.js';
import { Notices } from './notices.js';
import { PageStore } from './page-store.js';
import { RecordLists } from './record-lists.js';
import { Session } from './session.js';
import { TrainingOrders } from './training-orders.js';
import { UndoStack } from './undo-stack.js';
import { Viewfinder } from './viewfinder.js';

/** The state that the views show, and the actions that they offer. */
export interface PageParts {
  readonly store: PageStore;
  readonly api: RobotApi;
  readonly clock: RobotClock;
  readonly address: Address;
  readonly words: Words;
  readonly notices: Notices;
  readonly undo: UndoStack;
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
  const address = new Address(store, location, history);
  const words = new Words(store, storage);
  const api = new RobotApi(
    () => access.lock(''),
    () => store.state.task,
    (key) => words.say(key),
  );
  const access: Access = new Access(store, api, words, storage);
  const clock = new RobotClock();
  const notices = new Notices(store);
  const undo = new UndoStack(store, api, notices, words);
  const lists = new RecordLists(store, api);
  const viewfinder = new Viewfinder(store, api, notices, words);
  const alikes = new AlikeOrders(store, api, viewfinder, notices);
  const labelling = new LabelOrders(store, api, viewfinder, notices, alikes);
  const training = new TrainingOrders(store, api, lists, notices, clock);
  const session = new Session(store, api, access, clock, address, lists, viewfinder, notices);
  const theme = new ColourTheme(store, storage);
  address.restore();
  theme.restore();
  return {
    store,
    api,
    clock,
    address,
    words,
    notices,
    undo,
    theme,
    viewfinder,
    labelling,
    alikes,
    training,
    session,
  };
}
