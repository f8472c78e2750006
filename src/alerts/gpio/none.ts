import type { OutputDriver } from '../alert-output.js';

/** Driver for robots without outputs, where alerts are only events. */
export class NoOutputs implements OutputDriver {
  readonly description = 'none';

  set(): void {}

  allOff(): void {}

  close(): void {}
}
