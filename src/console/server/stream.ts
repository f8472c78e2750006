import type { ServerResponse } from 'node:http';
import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { redactedJson } from '../../base/redact.js';
import type { ClockedStatus, StreamEvent } from '../console-api.js';
import type { ConsoleEvent, ConsoleSource, ConsoleStatus } from '../console-source.js';

export interface StreamLimits {
  /** Maximum number of concurrent streams. */
  maxListeners: number;
  /** Minimum interval between two events of one kind; for decisions, of one kind and camera. */
  decisionIntervalMs: number;
  /** Interval of status events, so that clients can detect a lost connection. */
  statusIntervalMs: number;
  /** Backlog above which a slow client is disconnected; the page then reconnects. */
  maxBacklogBytes: number;
}

interface Lane {
  lastSentMs: number;
  waiting: ConsoleEvent | null;
  timer: NodeJS.Timeout | null;
}

/** Adds the robot's time, because the clock of a phone may be wrong. */
export function withClock(status: ConsoleStatus): ClockedStatus {
  return { ...status, nowMs: Date.now() };
}

/** Server-Sent Events for a bounded number of clients; each lane keeps only the latest waiting event. */
export class EventStreams {
  private readonly listeners = new Set<ServerResponse>();
  private readonly lanes = new Map<string, Lane>();
  private readonly ticker: NodeJS.Timeout;
  private readonly unsubscribe: () => void;

  constructor(
    private readonly source: ConsoleSource,
    private readonly limits: StreamLimits,
    private readonly log: Log,
  ) {
    this.unsubscribe = source.subscribe((event) => this.accept(event));
    this.ticker = setInterval(() => {
      if (this.listeners.size === 0) return;
      try {
        this.broadcast({ type: 'status', data: source.status() });
      } catch (error) {
        this.log.error({ err: error }, 'console: cannot read the status');
      }
    }, limits.statusIntervalMs);
    this.ticker.unref();
  }

  /**
   * Adds a stream: sends the status and the newest decision of each camera now, and events from now on.
   * @throws HeadlandError HL_CONSOLE_BUSY
   */
  add(response: ServerResponse): void {
    if (this.listeners.size >= this.limits.maxListeners) {
      throw new HeadlandError(
        'HL_CONSOLE_BUSY',
        `too many open pages: ${this.listeners.size} are connected`,
        { remedy: 'Close the page on another device, then try again.' },
      );
    }
    const status = this.source.status();
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.socket?.setNoDelay(true);
    this.listeners.add(response);
    response.once('close', () => this.listeners.delete(response));
    response.write(serialise({ type: 'status', data: status }));
    for (const camera of status.cameras) {
      const frame = this.source.latest(camera.name);
      if (frame === null) continue;
      const { picture: _, ...summary } = frame;
      response.write(serialise({ type: 'decision', data: summary }));
    }
  }

  get size(): number {
    return this.listeners.size;
  }

  stop(): void {
    this.unsubscribe();
    clearInterval(this.ticker);
    for (const lane of this.lanes.values()) if (lane.timer !== null) clearTimeout(lane.timer);
    this.lanes.clear();
    for (const listener of this.listeners) listener.end();
    this.listeners.clear();
  }

  private accept(event: ConsoleEvent): void {
    if (this.listeners.size === 0) return;
    const key = event.type === 'decision' ? `decision ${event.data.camera}` : event.type;
    const lane = this.lanes.get(key) ?? { lastSentMs: 0, waiting: null, timer: null };
    this.lanes.set(key, lane);
    const now = performance.now();
    const dueMs = lane.lastSentMs + this.limits.decisionIntervalMs - now;
    if (lane.timer === null && (dueMs <= 0 || lane.lastSentMs === 0)) {
      lane.lastSentMs = now;
      this.broadcast(event);
      return;
    }
    lane.waiting = event;
    lane.timer ??= setTimeout(() => this.flush(lane), dueMs).unref();
  }

  private flush(lane: Lane): void {
    lane.timer = null;
    if (lane.waiting === null) return;
    const event = lane.waiting;
    lane.waiting = null;
    lane.lastSentMs = performance.now();
    this.broadcast(event);
  }

  private broadcast(event: ConsoleEvent): void {
    const text = serialise(event);
    for (const listener of this.listeners) {
      if (listener.writableLength > this.limits.maxBacklogBytes) {
        this.listeners.delete(listener);
        listener.destroy();
        this.log.warn('console: dropped slow SSE client');
      } else if (!listener.writableNeedDrain || event.type !== 'decision') {
        listener.write(text);
      }
    }
  }
}

function serialise(event: ConsoleEvent): string {
  const sent: StreamEvent =
    event.type === 'status' ? { type: 'status', data: withClock(event.data) } : event;
  return `event: ${sent.type}\ndata: ${redactedJson(sent.data)}\n\n`;
}
