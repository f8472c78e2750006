/** A button or another contact. "Active" is pressed, whatever the electrical level. */
export interface InputLine {
  /** Human-readable, for logs: "gpiochip0:22 GPIO22". */
  readonly description: string;
  /**
   * Debounced changes since the last call, oldest first. Never waits.
   * @param nowMs monotonic, milliseconds; must not run backwards
   * @throws HeadlandError HL_GPIO_READ_FAILED
   */
  changes(nowMs: number): InputChange[];
  /** Releases the line. Never throws; may be called repeatedly. */
  close(): void;
}

export interface InputChange {
  active: boolean;
}
