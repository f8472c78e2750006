import type { RefusalBody } from '../../console-api.js';
import { capitalised } from '../words/figures.js';

/** Why the robot did not do what was asked; `message` is for the person at the page. */
export class Refusal extends Error {
  /** @param status the HTTP status; 0 = there was no answer to use */
  constructor(
    readonly status: number,
    { message, remedy }: Pick<RefusalBody['error'], 'message' | 'remedy'>,
  ) {
    super(`${capitalised(message)}. ${remedy}`);
  }
}
