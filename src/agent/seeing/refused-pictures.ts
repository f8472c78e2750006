import type { AlarmSwitch } from '../../base/alarms.js';
import type { HeadlandError } from '../../base/errors.js';

/** Consecutive unusable pictures that raise an alarm; cameras occasionally send a single damaged one. */
const IN_A_ROW = 10;

/** Raises an alarm when many consecutive pictures of a camera are unusable. */
export class RefusedPictures {
  readonly #inARow = new Map<string, number>();

  constructor(private readonly alarms: AlarmSwitch) {}

  /** @returns whether the run of unusable pictures is still too short for an alarm */
  refused(camera: string, error: HeadlandError): boolean {
    const count = (this.#inARow.get(camera) ?? 0) + 1;
    this.#inARow.set(camera, count);
    if (count >= IN_A_ROW) this.alarms.raise(`pictures-${camera}`, error, 'critical');
    return count < IN_A_ROW;
  }

  used(camera: string): void {
    if (this.#inARow.delete(camera)) this.alarms.clear(`pictures-${camera}`);
  }
}
