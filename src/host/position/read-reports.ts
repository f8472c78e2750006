import type { Socket } from 'node:net';
import { BoundedLines } from './bounded-lines.js';
import type { OpenSource, PositionReport, ReportReceiver } from './position-source.js';

export interface ReportLines {
  maxLineBytes: number;
  /** What a line reports; null: nothing, or not yet. */
  parse(line: string): PositionReport | null;
  /** The error to end with. @param cause null: the other side ended it */
  ended(cause: Error | null): Error;
}

/** Hands the reports that a stream carries to `receiver`, until the stream ends or is closed. */
export function readReports(
  stream: Socket,
  { maxLineBytes, parse, ended }: ReportLines,
  receiver: ReportReceiver,
): OpenSource {
  let closed = false;
  const end = (cause: Error | null): void => {
    if (closed) return;
    closed = true;
    stream.destroy();
    receiver.onEnd(ended(cause));
  };
  const lines = new BoundedLines(maxLineBytes, (line) => {
    const report = closed ? null : parse(line);
    if (report !== null) receiver.onReport(report);
  });
  stream.on('data', (chunk: Buffer) => lines.push(chunk));
  stream.on('error', end);
  stream.on('end', () => end(null));
  stream.on('close', () => end(null));
  return {
    close: () => {
      closed = true;
      stream.destroy();
    },
  };
}
