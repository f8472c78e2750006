import { distanceWithin } from '../unknown/novelty.js';
import type { NoveltyModel } from '../unknown/novelty-model.js';

/** Where a frame lies in the subspace of the novelty model of the head that answered. */
export interface FramePlace {
  model: NoveltyModel;
  /** r coordinates. */
  point: Float64Array;
}

/** The mean point of the frames of a scene, and how far other frames lie from it. */
export class SceneCentre {
  #model: NoveltyModel | null = null;
  #point = new Float64Array(0);
  #frames = 0;

  /** Another model than that of the frames before begins anew, null ends the mean. */
  add(place: FramePlace | null): void {
    if (!place || place.model !== this.#model) {
      this.#model = place?.model ?? null;
      this.#point = new Float64Array(place?.point.length ?? 0);
      this.#frames = 0;
    }
    if (!place) return;
    this.#frames += 1;
    for (const [i, value] of place.point.entries()) {
      this.#point[i]! += (value - this.#point[i]!) / this.#frames;
    }
  }

  /**
   * Squared distance of a frame from the mean in the covariance of class `k`: about 1 for an
   * independent sample of the class, less for a frame of the same scene. Null where the two cannot
   * be compared: without a novelty model, or when another one located the mean.
   */
  distanceOf(place: FramePlace | null, k: number): number | null {
    if (!place || place.model !== this.#model) return null;
    const squared = distanceWithin(place.model, k, place.point, this.#point);
    // Of two independent samples, the mean of `frames` and one more.
    const distance = squared / (1 + 1 / this.#frames);
    return Number.isFinite(distance) ? distance : null;
  }
}
