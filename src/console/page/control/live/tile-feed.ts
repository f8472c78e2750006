import { Refusal } from '../../../../page/request/refusal.js';
import type { FrameSummary } from '../../../contract/live-contract.js';
import type { RobotApi } from '../../robot/robot-api.js';
import type { PageStore } from '../page-store.js';
import { decodeImage } from './decode-image.js';

/** A camera's image as a tile shows it, with the frame that it belongs to. */
export interface Tile {
  frame: FrameSummary;
  image: HTMLImageElement;
}

interface Watcher {
  camera: string;
  widthPx: number;
  changed: () => void;
}

/** A tile gets a new image at most this often. */
const TILE_INTERVAL_MS = 1_000;
const TICK_MS = 120;
/** Browsers keep at most six connections to a robot open; the large image and the labels need some. */
const AT_ONCE = 2;
/** The robot scales to few different widths. */
const WIDTH_STEP_PX = 80;
const MAX_WIDTH_PX = 640;

/**
 * Images of many cameras at a sparing rate: only of those that a visible tile watches, only when the robot
 * has decided on a newer frame, and none while the page is in the background.
 */
export class TileFeed {
  readonly #tiles = new Map<string, Tile>();
  /** Newest frame that the robot has told of, by camera. */
  readonly #newest = new Map<string, string>();
  readonly #askedAtMs = new Map<string, number>();
  readonly #watchers = new Set<Watcher>();
  readonly #loading = new Set<string>();
  #task: string | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly store: PageStore,
    private readonly api: RobotApi,
  ) {}

  /** The newest tile of a camera; null before the first. */
  tile(camera: string): Tile | null {
    return this.#task === this.store.state.task ? (this.#tiles.get(camera) ?? null) : null;
  }

  /** A frame that the robot has decided on. */
  heard({ camera, frameId }: FrameSummary): void {
    this.#follow();
    this.#newest.set(camera, frameId);
  }

  /**
   * Keeps the tile of a camera fresh until the returned function is called.
   * @param widthPx of the tile, in pixels of the screen
   * @param changed called when there is another tile
   */
  watch(camera: string, widthPx: number, changed: () => void): () => void {
    const stepped = Math.ceil(widthPx / WIDTH_STEP_PX) * WIDTH_STEP_PX;
    const watcher = { camera, widthPx: Math.min(MAX_WIDTH_PX, stepped), changed };
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #tick(): void {
    const { link } = this.store.state;
    if (document.hidden || link !== 'live') return;
    this.#follow();
    const nowMs = performance.now();
    const due = [...this.#watchers]
      .filter((watcher) => this.#isDue(watcher, nowMs))
      .sort((a, b) => this.#askedMs(a) - this.#askedMs(b));
    for (const watcher of due.slice(0, Math.max(0, AT_ONCE - this.#loading.size))) {
      void this.#load(watcher);
    }
  }

  #askedMs({ camera }: Watcher): number {
    return this.#askedAtMs.get(camera) ?? Number.NEGATIVE_INFINITY;
  }

  #isDue(watcher: Watcher, nowMs: number): boolean {
    const { camera } = watcher;
    if (this.#loading.has(camera)) return false;
    if (nowMs - this.#askedMs(watcher) < TILE_INTERVAL_MS) return false;
    const shown = this.#tiles.get(camera)?.frame.frameId;
    return shown === undefined || shown !== this.#newest.get(camera);
  }

  async #load({ camera, widthPx }: Watcher): Promise<void> {
    const task = this.#task;
    this.#loading.add(camera);
    this.#askedAtMs.set(camera, performance.now());
    try {
      const answer = await this.api.liveFrame(camera, widthPx);
      if (answer === null) return;
      const image = await decodeImage(answer.picture, '');
      if (task !== this.store.state.task) {
        URL.revokeObjectURL(image.src);
        return;
      }
      this.#replace(camera, { frame: answer.frame, image });
    } catch (error) {
      // The next turn of this camera asks again.
      if (!(error instanceof Refusal)) throw error;
    } finally {
      this.#loading.delete(camera);
    }
  }

  #replace(camera: string, tile: Tile): void {
    const old = this.#tiles.get(camera);
    this.#tiles.set(camera, tile);
    if (!this.#newest.has(camera)) this.#newest.set(camera, tile.frame.frameId);
    for (const watcher of this.#watchers) if (watcher.camera === camera) watcher.changed();
    if (old !== undefined) URL.revokeObjectURL(old.image.src);
  }

  /** Another task decides differently: nothing of the former one stays. */
  #follow(): void {
    const { task } = this.store.state;
    if (task === this.#task) return;
    this.#task = task;
    for (const { image } of this.#tiles.values()) URL.revokeObjectURL(image.src);
    this.#tiles.clear();
    this.#newest.clear();
    this.#askedAtMs.clear();
  }
}
