import type { AlarmSwitch } from '../../base/alarms.js';
import type { HeadlandError } from '../../base/errors.js';

/** So many pictures in a row that cannot be used are no accident: cameras send a damaged one at times. */
const IN_A_ROW = 10;

/** Raises an alarm when the pictures of a camera cannot be used any more, not for a damaged one. */
export class RefusedPictures {
  readonly #inARow = new Map<string, number>();

  constructor(private readonly alarms: AlarmSwitch) {}

  /** @returns whether it is news: not one of many in a row */
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
