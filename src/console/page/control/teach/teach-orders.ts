import type { Refusal } from '../../../../page/request/refusal.js';
import type { Notices } from '../../../../page/state/notices.js';
import type { Question } from '../../../contract/teach-contract.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { Words } from '../../words/words.js';
import type { UndoStep } from '../page-state.js';
import type { PageStore } from '../page-store.js';
import type { UndoStack } from '../undo-stack.js';
import type { AlikeOrders } from './alike-orders.js';
import type { AnswerOutbox, Order } from './answer-outbox.js';
import type { QuestionLine } from './question-line.js';
import { takenBack } from './taken-back.js';
import type { Said } from './teach-state.js';

/** What a person can answer to a question. */
export type Answer = { kind: 'label'; label: string } | { kind: 'cannot_tell' | 'bad_image' };

/** A person needs longer to look at an image: what comes earlier was meant for the one before. */
const TOO_EARLY_MS = 180;

/** Answers to the question on the screen. The next one follows at once; the answer is sent meanwhile. */
export class TeachOrders {
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly line: QuestionLine,
    private readonly outbox: AnswerOutbox,
    private readonly alikes: AlikeOrders,
    private readonly undo: UndoStack,
    private readonly notices: Notices,
    private readonly words: Pick<Words, 'say'>,
  ) {}

  /** @returns whether the question was on the screen long enough to be meant */
  answer(answer: Answer): boolean {
    const question = this.#meant(answer.kind === 'label');
    if (question === null) return false;
    const { task } = this.store.state;
    this.alikes.dismiss();
    this.line.take([question.id]);
    this.#say(answer);
    let undo: string | null | undefined;
    const order: Order = {
      send: async () => {
        undo = await this.#store(question, answer, task);
        if (answer.kind === 'label') void this.alikes.offer(question.id, answer.label, task);
      },
      refused: (reason) => {
        this.undo.forget(step);
        this.#comeBack(question, answer, reason, task);
      },
    };
    const step: UndoStep = {
      task,
      takeBack: async () => {
        this.alikes.dismiss();
        if (task === this.store.state.task) {
          this.line.giveBack([question], 0);
          this.#say({ kind: 'undone' });
        }
        if (this.outbox.drop(order)) return;
        const ids = [question.id];
        this.outbox.put(takenBack(this.api, { ids, task, undo: () => undo }, this.notices));
      },
    };
    this.undo.remember(step);
    this.outbox.put(order);
    return true;
  }

  /** Leaves the question for later. */
  skip(): boolean {
    const question = this.#meant(false);
    if (question === null) return false;
    const { task } = this.store.state;
    this.alikes.dismiss();
    this.line.skip();
    this.#say({ kind: 'skip' });
    this.undo.remember({
      task,
      takeBack: async () => {
        if (task !== this.store.state.task) return;
        this.line.giveBack([question], 0);
        this.#say({ kind: 'undone' });
      },
    });
    return true;
  }

  /** The question that an answer means; null: its image is not on the screen, or only just. */
  #meant(mustShow: boolean): Question | null {
    const { current } = this.line;
    const { pictures } = this.store.state.teach;
    const nowMs = performance.now();
    if (current === null) return null;
    const picture = pictures[current.id];
    if (picture === undefined || (mustShow && picture === 'gone')) return null;
    if (nowMs - this.#answeredAtMs < TOO_EARLY_MS) return null;
    this.#answeredAtMs = nowMs;
    return current;
  }

  /** @returns what takes it back; null: nothing has changed */
  async #store({ id }: Question, answer: Answer, task: string | null): Promise<string | null> {
    if (answer.kind === 'label') {
      const body = { sampleId: id, label: answer.label };
      return (await this.api.call('POST /api/label', { body }, task)).undo;
    }
    const body = { ids: [id], to: { state: answer.kind } };
    return (await this.api.call('POST /api/pictures/set', { body }, task)).undo;
  }

  #comeBack(question: Question, answer: Answer, reason: Refusal, task: string | null): void {
    const given = answer.kind === 'label' ? answer.label : this.words.say(`teach.${answer.kind}`);
    const isGone = reason.status === 404 && reason.code !== 'HTTP';
    const key = isGone ? 'teach.lostAnswer' : 'teach.refusedAnswer';
    this.notices.problem(new Error(this.words.say(key, { given, reason: reason.message })));
    if (!isGone && task === this.store.state.task) this.line.giveBack([question], 1);
  }

  #say(said: Said): void {
    this.store.set({ teach: { ...this.store.state.teach, said } });
  }
}
