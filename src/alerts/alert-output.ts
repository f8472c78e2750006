/** A set of named outputs that alerts switch. "On" is the active level, whatever the wiring. */
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
   * Switches every output off, synchronously, so that it may run in `process.on('exit')`. Tries
   * all of them even if one fails; failures are logged, never thrown. May be called any time and
   * again, also after close.
   */
  allOff(): void;
  /** All off, then gives the lines back. Never throws; may be called again. */
  close(): void;
}
