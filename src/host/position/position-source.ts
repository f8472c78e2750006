import type { Position } from '../../base/geo/position.js';

/** What a receiver reports; `position` is null while it has no fix. */
export interface PositionReport {
  position: Position | null;
}

export interface ReportReceiver {
  onReport(report: PositionReport): void;
  /** The open source has ended; it frees what it holds. Called at most once. */
  onEnd(error: Error): void;
}

export interface OpenSource {
  close(): void;
}

/** A receiver of positions: gpsd, or one on a serial line. */
export interface PositionSource {
  /** For people: "gpsd on 127.0.0.1:2947". */
  readonly description: string;
  /**
   * Resolves when reports may arrive.
   * @param signal aborts the attempt
   * @throws HeadlandError HL_GPSD_UNREACHABLE, HL_SERIAL_UNREADABLE, after undoing what it began
   */
  open(receiver: ReportReceiver, signal: AbortSignal): Promise<OpenSource>;
  /** The error for a source that is open and reports nothing. */
  silent(seconds: number): Error;
}
