import type { OutboxClass } from '../../storage/outbox-table.js';
import type { ConnectionEnd } from '../connection/connection.js';
import type { Message } from '../contract/messages.js';

export interface OutboxStats {
  messages: number;
  bytes: number;
  oldestSeconds: number;
  /** Given up because of the bounds (bytes, age, expiry), by class, since the start. */
  dropped: Record<OutboxClass, number>;
  writeFailures: number;
  /** Why the disk refused last; null in good order. */
  lastError: string | null;
}

/** How telemetry itself is doing; counters count from the start of the daemon. */
export interface TelemetryStats {
  connected: boolean;
  protocolVersion: 4 | 5 | null;
  /** Attempts to connect since the start. */
  sessions: number;
  /** Why there is no connection; null while there is one or none was tried. */
  lastEnd: ConnectionEnd | null;
  predictionsSent: number;
  predictionsDropped: number;
  /** Messages that broke the contract and were not sent: defects of the caller. */
  messagesInvalid: number;
  commandsAccepted: number;
  commandsRefused: number;
  outbox: OutboxStats;
}

type OwnMetrics = Pick<
  Message<'metrics'>,
  'outbox' | 'predictions_dropped_total' | 'commands_total' | 'commands_refused_total'
>;

/** The part of the metrics that telemetry knows itself. */
export function ownMetrics(stats: TelemetryStats): OwnMetrics {
  return {
    outbox: {
      messages: stats.outbox.messages,
      bytes: stats.outbox.bytes,
      oldest_seconds: stats.outbox.oldestSeconds,
      dropped_total: stats.outbox.dropped,
    },
    predictions_dropped_total: stats.predictionsDropped,
    commands_total: stats.commandsAccepted,
    commands_refused_total: stats.commandsRefused,
  };
}
