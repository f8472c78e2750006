import type { OutboxClass } from '../../storage/outbox-table.js';
import type { ConnectionEnd } from '../connection/connection.js';
import type { Message } from '../contract/messages.js';

export interface OutboxStats {
  messages: number;
  bytes: number;
  oldestSeconds: number;
  /** Messages dropped because of size, age or expiry since the start, by class. */
  dropped: Record<OutboxClass, number>;
  writeFailures: number;
  /** Last error of the disk; null while it works. */
  lastError: string | null;
}

/** Statistics of telemetry itself; counters are totals since the start of the daemon. */
export interface TelemetryStats {
  connected: boolean;
  protocolVersion: 4 | 5 | null;
  /** Attempts to connect since the start. */
  sessions: number;
  /** Why there is no connection; null while connected or before the first attempt. */
  lastEnd: ConnectionEnd | null;
  predictionsSent: number;
  predictionsDropped: number;
  /** Messages that violated the contract and were dropped: defects of the caller. */
  messagesInvalid: number;
  commandsAccepted: number;
  commandsRefused: number;
  outbox: OutboxStats;
}

type OwnMetrics = Pick<
  Message<'metrics'>,
  'outbox' | 'predictions_dropped_total' | 'commands_total' | 'commands_refused_total'
>;

/** The part of the metrics that telemetry itself provides. */
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
