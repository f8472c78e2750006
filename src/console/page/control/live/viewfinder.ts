import type { Notices } from '../../../../page/state/notices.js';
import { oneAtATime } from '../../../../page/state/one-at-a-time.js';
import type { RobotApi } from '../../robot/robot-api.js';
import { isOfTask } from '../../words/task-words.js';
import type { Words } from '../../words/words.js';
import type { Hold, PageState } from '../page-state.js';
import type { PageStore } from '../page-store.js';
import { decodeImage } from './decode-image.js';

const PICTURE_INTERVAL_MS = 120;
/** A press without a resulting label holds the picture for this long. */
const PRESS_MS = 2_000;

/** Controls which picture is on the screen and when it may change. */
export class Viewfinder {
  /** Fetches the newest picture of the camera, unless the picture is held. */
  readonly pull = oneAtATime(() => this.#pull());
  #lastPullMs = Number.NEGATIVE_INFINITY;
  #release: ReturnType<typeof setTimeout> | undefined;
  #watchers = 0;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
    private readonly notices: Notices,
    private readonly words: Pick<Words, 'say'>,
  ) {}

  /** Milliseconds since a picture was last requested. */
  get idleMs(): number {
    return performance.now() - this.#lastPullMs;
  }

  /** Follows the camera until the returned function is called: without a viewer no picture is fetched. */
  watch(): () => void {
    this.#watchers += 1;
    void this.pull();
    return () => {
      this.#watchers -= 1;
    };
  }

  choose(camera: string): void {
    if (camera === this.store.state.camera) return;
    this.store.set({ camera, shown: null, view: { kind: 'live' } });
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

  /** Shows a labelled sample, to be labelled differently. */
  async correct(sampleId: string): Promise<void> {
    const { task } = this.store.state;
    try {
      const image = await this.#decode(await this.api.samplePicture(sampleId));
      if (task !== this.store.state.task) {
        URL.revokeObjectURL(image.src);
        return;
      }
      clearTimeout(this.#release);
      const view = { kind: 'correction', sampleId } as const;
      this.#show(image, { view, shown: { kind: 'correction' }, hold: null });
    } catch (error) {
      this.notices.problem(error);
      this.backToLive();
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
    const image = await this.#decode(picture);
    const { state } = this.store;
    // The user may have pressed a label meanwhile: the picture they saw must stay.
    if (!this.#mayMove() || camera !== state.camera || task !== state.task) {
      URL.revokeObjectURL(image.src);
      return;
    }
    this.#show(image, { shown: { kind: 'live', frame } });
  }

  #decode(bytes: Blob): Promise<HTMLImageElement> {
    return decodeImage(bytes, this.words.say('shell.undecodable'));
  }

  #mayMove(): boolean {
    const { view, hold, camera } = this.store.state;
    const isLive = view.kind === 'live' && hold === null && camera !== null;
    return this.#watchers > 0 && isLive && isOfTask(this.store.state) && !document.hidden;
  }

  /** Replaces picture and frame in one step, so that they always belong together. */
  #show(image: HTMLImageElement, parts: Partial<PageState>): void {
    const old = this.store.state.picture;
    this.store.set({ ...parts, picture: { image } });
    if (old !== null) URL.revokeObjectURL(old.image.src);
  }
}
