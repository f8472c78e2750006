/** A set of named outputs that alerts switch. "On" is the active level, high or low. */
export interface OutputDriver {
  /** Human-readable, for logs: "onoff beacon=gpio529". */
  readonly description: string;
  /**
   * Switches one output, synchronously.
   *
   * @throws HeadlandError HL_GPIO_WRITE_FAILED
   */
  set(name: string, on: boolean): void;
  /**
   * Switches every output off, synchronously, so that it can run in `process.on('exit')`. Tries all
   * of them even if one fails; logs failures and never throws. May be called repeatedly, also after
   * close.
   */
  allOff(): void;
  /** Switches all outputs off, then releases the lines. Never throws; may be called repeatedly. */
  close(): void;
}
