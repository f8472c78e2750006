import { type Decision, isNovel } from '../perception/decision.js';

export interface AskingSettings {
  askBelowProbability: number;
  /** Below this p-value of novelty a frame is doubtful however probable its label is. */
  unknownAlpha: number;
  askIntervalMs: number;
  askMaxWaiting: number;
}

/** Decides which frames are worth a person's time: doubtful ones, and not too many of them. */
export class Asking {
  readonly #lastAskedAtMs = new Map<string, number>();

  constructor(private readonly settings: AskingSettings) {}

  /** True at most once per camera and interval; the caller then keeps the frame. */
  wants(camera: string, decision: Decision, atMs: number): boolean {
    if (this.settings.askMaxWaiting === 0) return false;
    const { probability, noveltyPValue } = decision;
    const novel = isNovel(noveltyPValue, this.settings);
    if (probability >= this.settings.askBelowProbability && !novel) return false;
    const lastMs = this.#lastAskedAtMs.get(camera) ?? Number.NEGATIVE_INFINITY;
    if (atMs - lastMs < this.settings.askIntervalMs) return false;
    this.#lastAskedAtMs.set(camera, atMs);
    return true;
  }
}
