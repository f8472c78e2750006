import { Refusal } from '../../../../page/request/refusal.js';
import { oneAtATime } from '../../../../page/state/one-at-a-time.js';
import type { Question } from '../../../contract/teach-contract.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { PageStore } from '../page-store.js';
import { NO_QUESTIONS, type TeachState } from './teach-state.js';

const QUESTIONS_ASKED = 24;
/** With fewer questions left, more are requested. */
const FEW_QUESTIONS = 8;
/** Images that are loaded and decoded before they are needed. */
const PRELOADED = 4;
/** Images of answered questions that stay, for a quick undo. */
const KEPT = 4;
const REFRESH_INTERVAL_MS = 2_000;
/** Ids of skipped samples that the robot is told; the oldest are forgotten. */
const MAX_SKIPPED = 200;

/** The line of questions: what is on the screen, what comes next, and their images. */
export class QuestionLine {
  /** Answered here: the robot may not know yet. */
  readonly #answered = new Set<string>();
  /** Taken back or refused: they come next, also while the robot does not know yet. */
  readonly #returned = new Set<string>();
  readonly #kept: string[] = [];
  #skipped: string[] = [];
  #task: string | null = null;
  /** Of each task its own, so that no task waits for a late answer about the former one. */
  #run = oneAtATime(() => this.#refresh());
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
  ) {}

  /** Keeps the line up to date until the returned function is called. */
  open(): () => void {
    let { changes } = this.store.state;
    this.#follow();
    void this.refresh();
    const end = this.store.subscribe(() => {
      this.#follow();
      if (changes === this.store.state.changes) return;
      changes = this.store.state.changes;
      this.#refreshSoon();
    });
    return () => {
      end();
      clearTimeout(this.#soon);
      this.#soon = undefined;
    };
  }

  /** Requests the questions and puts them behind the one on the screen. */
  async refresh(): Promise<void> {
    this.#follow();
    await this.#run();
  }

  get current(): Question | null {
    return this.store.state.teach.questions?.[0] ?? null;
  }

  /** Removes samples that have their answer. */
  take(ids: readonly string[]): void {
    for (const id of ids) {
      this.#answered.add(id);
      this.#returned.delete(id);
      this.#keep(id);
    }
    this.#leave(new Set(ids));
  }

  /** Moves the question on the screen behind all others. */
  skip(): void {
    const { current } = this;
    if (current === null) return;
    const { id } = current;
    this.#skipped = [...this.#skipped.filter((each) => each !== id), id].slice(-MAX_SKIPPED);
    this.#returned.delete(id);
    this.#keep(id);
    const others = this.store.state.teach.questions?.filter((each) => each.id !== id) ?? [];
    this.#set({ questions: [...others, current] });
    void this.refresh();
  }

  /**
   * Questions whose answers were taken back or refused.
   * @param at where the first of them stands: 0 on the screen, 1 behind the one on the screen
   */
  giveBack(questions: readonly Question[], at: 0 | 1): void {
    const ids = new Set(questions.map(({ id }) => id));
    for (const id of ids) {
      this.#answered.delete(id);
      this.#returned.add(id);
    }
    this.#skipped = this.#skipped.filter((id) => !ids.has(id));
    const others = this.store.state.teach.questions?.filter(({ id }) => !ids.has(id)) ?? [];
    this.#set({ questions: [...others.slice(0, at), ...questions, ...others.slice(at)] });
  }

  /** Samples that wait again, and that need not come next. */
  release(ids: readonly string[]): void {
    for (const id of ids) this.#answered.delete(id);
    this.#refreshSoon();
  }

  #leave(ids: ReadonlySet<string>): void {
    const questions = this.store.state.teach.questions?.filter(({ id }) => !ids.has(id)) ?? [];
    this.#set({ questions });
    if (questions.length < FEW_QUESTIONS) void this.refresh();
  }

  async #refresh(): Promise<void> {
    const task = this.#task;
    const skipped = this.#skipped.length > 0 ? { skipped: this.#skipped.join(',') } : {};
    const query = { limit: String(QUESTIONS_ASKED), ...skipped };
    try {
      const { questions, nothingLabel } = await this.api.call('GET /api/teach/questions', {
        query,
      });
      if (task !== this.store.state.task) return;
      this.#set({ questions: this.#merged(questions), nothingLabel, problem: null });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (task === this.store.state.task) this.#set({ problem: error });
    }
  }

  /** What is on the screen stays: its guess must not change below a finger. */
  #merged(fresh: readonly Question[]): Question[] {
    const before = this.store.state.teach.questions ?? [];
    const open = fresh.filter(({ id }) => !this.#answered.has(id));
    const [current] = before;
    // A skipped question stays on the screen only while there is no other.
    const passed = current !== undefined && this.#skipped.includes(current.id);
    const first = before.filter(
      ({ id }, index) => (index === 0 && !passed) || this.#returned.has(id),
    );
    const ids = new Set(first.map(({ id }) => id));
    return [...first, ...open.filter(({ id }) => !ids.has(id))];
  }

  #refreshSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.refresh();
    }, REFRESH_INTERVAL_MS);
  }

  #set(parts: Partial<TeachState>): void {
    this.store.set({ teach: { ...this.store.state.teach, ...parts } });
    this.#preload();
  }

  #keep(id: string): void {
    this.#kept.push(id);
    this.#kept.splice(0, this.#kept.length - KEPT);
  }

  /** Loads the images of the next questions, and lets go of those that are no longer needed. */
  #preload(): void {
    const { questions, pictures } = this.store.state.teach;
    const next = (questions ?? []).slice(0, PRELOADED).map(({ id }) => id);
    const wanted = new Set([...this.#kept, ...next]);
    const unwanted = Object.keys(pictures).filter((id) => !wanted.has(id));
    if (unwanted.length > 0) {
      const rest = Object.fromEntries(Object.entries(pictures).filter(([id]) => wanted.has(id)));
      this.store.set({ teach: { ...this.store.state.teach, pictures: rest } });
    }
    for (const id of next) if (pictures[id] === undefined) void this.#load(id);
  }

  readonly #loading = new Set<string>();

  async #load(id: string): Promise<void> {
    if (this.#loading.has(id)) return;
    this.#loading.add(id);
    const { task } = this.store.state;
    const image = new Image();
    let loaded: HTMLImageElement | 'gone' = image;
    try {
      image.src = this.api.address('GET /api/samples/{id}/picture', { params: { id } });
      await image.decode();
    } catch {
      loaded = 'gone';
    }
    this.#loading.delete(id);
    if (task !== this.store.state.task) return;
    const { teach } = this.store.state;
    this.store.set({ teach: { ...teach, pictures: { ...teach.pictures, [id]: loaded } } });
  }

  #follow(): void {
    const { task } = this.store.state;
    if (task === this.#task) return;
    this.#task = task;
    this.#run = oneAtATime(() => this.#refresh());
    this.#answered.clear();
    this.#returned.clear();
    this.#kept.length = 0;
    this.#skipped = [];
    this.store.set({ teach: NO_QUESTIONS });
    void this.#run();
  }
}
