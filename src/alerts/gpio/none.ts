import type { OutputDriver } from '../alert-output.js';

/** For robots without outputs: alerts are events only. */
export class NoOutputs implements OutputDriver {
  readonly description = 'none';

  set(): void {}

  allOff(): void {}

  close(): void {}
}
