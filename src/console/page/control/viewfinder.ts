import type { WaitingSample } from '../../contract/teach-contract.js';
import { Refusal } from '../robot/refusal.js';
import type { RobotApi } from '../robot/robot-api.js';
import { isOfTask } from '../words/task-words.js';
import type { Words } from '../words/words.js';
import type { Notices } from './notices.js';
import { oneAtATime } from './one-at-a-time.js';
import type { Hold, SampleView, ScreenPicture } from './page-state.js';
import type { PageStore } from './page-store.js';

const PICTURE_INTERVAL_MS = 120;
/** A press without a resulting label holds the picture for this long. */
const PRESS_MS = 2_000;

/** Controls which picture is on the screen and when it may change. */
export class Viewfinder {
  /** Fetches the newest picture of the camera, unless the picture is held. */
  readonly pull = oneAtATime(() => this.#pull());
  #lastPullMs = Number.NEGATIVE_INFINITY;
  #release: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly notices: Notices,
    private readonly words: Words,
  ) {}

  /** Milliseconds since a picture was last requested. */
  get idleMs(): number {
    return performance.now() - this.#lastPullMs;
  }

  choose(camera: string): void {
    this.store.set({ camera, shown: null });
    this.setHold(null);
    void this.pull();
  }

  setHold(hold: Hold | null): void {
    clearTimeout(this.#release);
    if (this.store.state.hold === hold) return;
    this.store.set({ hold });
    if (hold === null) void this.pull();
  }

  toggleHold(): void {
    this.setHold(this.store.state.hold === null ? 'held' : null);
  }

  /** Holds the current live picture. The Hold button takes precedence over other reasons. */
  freeze(why: 'press' | 'typing'): void {
    const { view, shown, hold } = this.store.state;
    if (view.kind !== 'live' || shown === null || hold === 'held') return;
    this.setHold(why);
  }

  /** Holds the live picture for a press, which may not result in a label. */
  press(): void {
    this.freeze('press');
    if (this.store.state.hold === 'press') this.releaseAfter(PRESS_MS);
  }

  /** Resumes the live picture after a delay, unless its hold changes meanwhile. */
  releaseAfter(delayMs: number): void {
    clearTimeout(this.#release);
    this.#release = setTimeout(() => this.setHold(null), delayMs);
  }

  async openSample(
    sampleId: string,
    guess: WaitingSample['guess'],
    kind: SampleView['kind'],
  ): Promise<void> {
    const { task } = this.store.state;
    const description = kind === 'question' ? 'Picture that needs a label' : 'Labelled picture';
    try {
      const image = await decode(await this.api.samplePicture(sampleId), this.#undecodable());
      if (task !== this.store.state.task) {
        URL.revokeObjectURL(image.src);
        return;
      }
      clearTimeout(this.#release);
      const view = { kind, sampleId, guess };
      this.#show({ image, description }, { view, shown: { kind }, hold: null });
    } catch (error) {
      this.notices.problem(error);
      this.backToLive();
    }
  }

  /** Opens the next question in the queue, or the first one after the last. */
  nextQuestion(): void {
    const { waiting, view } = this.store.state;
    const open = view.kind === 'live' ? null : view.sampleId;
    const at = waiting.findIndex(({ id }) => id === open);
    const next = waiting[at + 1] ?? waiting[0];
    if (next !== undefined && next.id !== open) {
      void this.openSample(next.id, next.guess, 'question');
    }
  }

  backToLive(): void {
    clearTimeout(this.#release);
    this.store.set({ view: { kind: 'live' }, shown: null, hold: null });
    void this.pull();
  }

  async #pull(): Promise<void> {
    if (!this.#mayMove()) return;
    const pauseMs = PICTURE_INTERVAL_MS - this.idleMs;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const { camera, task } = this.store.state;
    if (camera === null) return;
    this.#lastPullMs = performance.now();
    const answer = await this.api.liveFrame(camera);
    if (answer === null) return;
    const { frame, picture } = answer;
    const { shown } = this.store.state;
    if (shown?.kind === 'live' && shown.frame.frameId === frame.frameId) return;
    const image = await decode(picture, this.#undecodable());
    const { state } = this.store;
    // The user may have pressed a label meanwhile: the picture they saw must stay.
    if (!this.#mayMove() || camera !== state.camera || task !== state.task) {
      URL.revokeObjectURL(image.src);
      return;
    }
    const description = `Live picture of camera ${camera}`;
    this.#show({ image, description }, { shown: { kind: 'live', frame } });
  }

  #undecodable(): string {
    return this.words.say('shell.undecodable');
  }

  #mayMove(): boolean {
    const { view, hold, camera } = this.store.state;
    const isLive = view.kind === 'live' && hold === null && camera !== null;
    return isLive && isOfTask(this.store.state) && !document.hidden;
  }

  /** Replaces picture and frame in one step, so that they always belong together. */
  #show(picture: ScreenPicture, parts: Parameters<PageStore['set']>[0]): void {
    const old = this.store.state.picture;
    this.store.set({ ...parts, picture });
    if (old !== null) URL.revokeObjectURL(old.image.src);
  }
}

async function decode(picture: Blob, undecodable: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(picture);
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw new Refusal(0, null, undecodable);
  }
  return image;
}
