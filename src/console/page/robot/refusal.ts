import type { RefusalBody } from '../../console-api.js';
import { capitalised } from '../words/figures.js';

/** A failed request; `message` is text for the user of the page. */
export class Refusal extends Error {
  /** @param status the HTTP status; 0 = no usable response */
  constructor(
    readonly status: number,
    { message, remedy }: Pick<RefusalBody['error'], 'message' | 'remedy'>,
  ) {
    super(`${capitalised(message)}. ${remedy}`);
  }
}
