import type { ServerResponse } from 'node:http';
import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { redactedJson } from '../../base/redact.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { ConsoleEvent, ConsoleSource } from '../console-source.js';
import type { ClockedStatus, ConsoleStatus, StreamEvent } from '../contract/live-contract.js';

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

/**
 * A change of the status is sent so much later: what has changed it, such as a label, ends first, and what else
 * follows from it is sent with it.
 */
const STATUS_DELAY_MS = 20;

interface Lane {
  lastSentMs: number;
  waiting: ConsoleEvent | null;
  timer: NodeJS.Timeout | null;
}

/** Adds the robot's time, because the clock of a phone may be wrong. */
export function withClock(status: ConsoleStatus): ClockedStatus {
  return { ...status, nowMs: Date.now() };
}

/** Server-Sent Events for a bounded number of clients, each of which follows one task. */
export class EventStreams {
  private readonly channels = new Map<ConsoleSource, Channel>();
  private readonly ticker: Repetition;

  constructor(
    private readonly limits: StreamLimits,
    private readonly log: Log,
    repeats: Repeats,
  ) {
    this.ticker = repeats.every({
      name: 'page',
      what: 'tell the page the status',
      intervalMs: limits.statusIntervalMs,
      run: () => {
        for (const channel of this.channels.values()) channel.repeatStatus();
      },
    });
  }

  /**
   * Adds a stream: sends the status and the newest decision of each camera now, and events from now on.
   * @throws HeadlandError HL_CONSOLE_BUSY
   */
  add(source: ConsoleSource, response: ServerResponse): void {
    const size = [...this.channels.values()].reduce((sum, channel) => sum + channel.size, 0);
    if (size >= this.limits.maxListeners) {
      throw new HeadlandError('HL_CONSOLE_BUSY', `too many open pages: ${size} are connected`, {
        remedy: 'Close the page on another device, then try again.',
      });
    }
    const first = firstEvents(source);
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.socket?.setNoDelay(true);
    const channel = this.channels.get(source) ?? new Channel(source, this.limits, this.log);
    this.channels.set(source, channel);
    channel.add(response);
    response.once('close', () => {
      channel.remove(response);
      if (channel.size > 0 || this.channels.get(source) !== channel) return;
      channel.stop();
      this.channels.delete(source);
    });
    for (const event of first) response.write(written(event));
  }

  stop(): void {
    void this.ticker.stop();
    for (const channel of this.channels.values()) channel.stop();
    this.channels.clear();
  }
}

/** The clients that follow one task; each lane keeps only the latest waiting event. */
class Channel {
  private readonly listeners = new Set<ServerResponse>();
  private readonly lanes = new Map<string, Lane>();
  private readonly unsubscribe: () => void;

  constructor(
    private readonly source: ConsoleSource,
    private readonly limits: StreamLimits,
    private readonly log: Log,
  ) {
    this.unsubscribe = source.subscribe((event) => this.accept(event));
  }

  get size(): number {
    return this.listeners.size;
  }

  add(listener: ServerResponse): void {
    this.listeners.add(listener);
  }

  remove(listener: ServerResponse): void {
    this.listeners.delete(listener);
  }

  repeatStatus(): void {
    this.broadcast({ type: 'status' });
  }

  /** Ends all streams. */
  stop(): void {
    this.unsubscribe();
    for (const lane of this.lanes.values()) if (lane.timer !== null) clearTimeout(lane.timer);
    this.lanes.clear();
    for (const listener of this.listeners) listener.end();
    this.listeners.clear();
  }

  private accept(event: ConsoleEvent): void {
    const key = event.type === 'decision' ? `decision ${event.data.camera}` : event.type;
    const lane = this.lanes.get(key) ?? { lastSentMs: 0, waiting: null, timer: null };
    this.lanes.set(key, lane);
    const now = performance.now();
    const pauseMs =
      lane.lastSentMs === 0 ? 0 : lane.lastSentMs + this.limits.decisionIntervalMs - now;
    const dueMs = Math.max(pauseMs, event.type === 'status' ? STATUS_DELAY_MS : 0);
    if (lane.timer === null && dueMs <= 0) {
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

  /** Null: the status cannot be read. */
  private text(event: ConsoleEvent): string | null {
    try {
      return written(sentEvent(event, this.source));
    } catch (error) {
      this.log.error({ err: error }, 'console: cannot read the status');
      return null;
    }
  }

  private broadcast(event: ConsoleEvent): void {
    const text = this.text(event);
    if (text === null) return;
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

/** The status and the newest decision of each camera on which the task decides. */
function firstEvents(source: ConsoleSource): StreamEvent[] {
  const status = source.status();
  const decisions = status.cameras.flatMap(({ name, decided }): StreamEvent[] => {
    const frame = decided ? source.latest(name) : null;
    if (frame === null) return [];
    const { picture: _, ...data } = frame;
    return [{ type: 'decision', data }];
  });
  return [{ type: 'status', data: withClock(status) }, ...decisions];
}

function sentEvent(event: ConsoleEvent, source: ConsoleSource): StreamEvent {
  return event.type === 'status' ? { type: 'status', data: withClock(source.status()) } : event;
}

function written({ type, data }: StreamEvent): string {
  return `event: ${type}\ndata: ${redactedJson(data)}\n\n`;
}
