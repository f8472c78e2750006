/** A failed request; `message` is text for the user of the page. */
export class Refusal extends Error {
  /**
   * @param status the HTTP status; 0 = no usable response
   * @param code the robot's error code; null: the reason does not come from the robot
   */
  constructor(
    readonly status: number,
    readonly code: string | null,
    message: string,
  ) {
    super(message);
  }
}
