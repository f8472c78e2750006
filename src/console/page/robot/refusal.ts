import type { RefusalBody } from '../../contract/contract.js';
import { capitalised } from '../words/figures.js';

/** A failed request; `message` is text for the user of the page. */
export class Refusal extends Error {
  /** The robot's error code; null: the reason does not come from the robot. */
  readonly code: string | null;

  /** @param status the HTTP status; 0 = no usable response */
  constructor(
    readonly status: number,
    { code, message, remedy }: Pick<RefusalBody['error'], 'message' | 'remedy'> & { code?: string },
  ) {
    super(`${capitalised(message)}. ${remedy}`);
    this.code = code ?? null;
  }
}
