/** A sample on its way out. Names are relative to the folder of the robot in the target. */
export interface Outgoing {
  /** Null: the target already has it. */
  picture: { name: string; bytes: Uint8Array } | null;
  /** Names its picture, so it must never be visible before it. */
  sidecar: { name: string; text: string };
}

/** A place outside the robot that keeps copies of samples. */
export interface SyncTarget {
  /** Bounds of one call of {@link send}. */
  readonly maxBatch: { samples: number; bytes: number };
  /**
   * Resolves when the target has durably accepted every sample. Sending a sample again replaces it
   * by the same content. Takes samples one at a time, so that one picture at a time is in memory.
   * @throws HeadlandError HL_SYNC_…; HL_SYNC_REFUSED: the target never accepts this sample, but may
   *   accept others. Any part of the batch may have been accepted.
   */
  send(samples: Iterable<Outgoing>, signal: AbortSignal): Promise<void>;
  close(): void;
}
