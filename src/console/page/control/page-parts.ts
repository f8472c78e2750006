import { ColourTheme } from '../../../page/state/colour-theme.js';
import { Notices } from '../../../page/state/notices.js';
import { RobotApi } from '../robot/robot-api.js';
import { RobotClock } from '../robot/robot-clock.js';
import { Words } from '../words/words.js';
import { Access } from './access.js';
import { Address } from './address.js';
import { LabelOrders } from './live/label-orders.js';
import { TileFeed } from './live/tile-feed.js';
import { Viewfinder } from './live/viewfinder.js';
import { PageStore } from './page-store.js';
import { Session } from './session.js';
import { AlikeOrders } from './teach/alike-orders.js';
import { AnswerOutbox } from './teach/answer-outbox.js';
import { ClassNames } from './teach/meant-class.js';
import { QuestionLine } from './teach/question-line.js';
import { TeachOrders } from './teach/teach-orders.js';
import { UndoStack } from './undo-stack.js';

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
  readonly tiles: TileFeed;
  readonly questions: QuestionLine;
  readonly teaching: TeachOrders;
  readonly alikes: AlikeOrders;
  readonly classNames: ClassNames;
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
  const viewfinder = new Viewfinder(store, api, notices, words);
  const tiles = new TileFeed(store, api);
  const labelling = new LabelOrders(store, api, viewfinder, notices, undo, words);
  const questions = new QuestionLine(store, api);
  const outbox = new AnswerOutbox(store);
  const alikes = new AlikeOrders(store, api, questions, outbox, undo, notices, words);
  const teaching = new TeachOrders(store, api, questions, outbox, alikes, undo, notices, words);
  const classNames = new ClassNames(store, api);
  const session = new Session(store, api, access, clock, address, viewfinder, tiles, notices);
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
    tiles,
    questions,
    teaching,
    alikes,
    classNames,
    session,
  };
}
