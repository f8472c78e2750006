import type { AlarmSwitch } from '../../base/alarms.js';
import { messageOf } from '../../base/errors.js';
import type { Located, Position } from '../../base/geo/position.js';
import type { Log } from '../../base/log.js';
import { SideService } from '../../base/side-service.js';
import type { Config } from '../../config/schema.js';
import { CurrentPosition } from '../../host/position/current-position.js';
import { GpsdSource } from '../../host/position/gpsd-source.js';
import type {
  OpenSource,
  PositionReport,
  PositionSource,
} from '../../host/position/position-source.js';
import { SerialSource } from '../../host/position/serial-source.js';

export interface PositionStatus {
  /** For people: "gpsd on 127.0.0.1:2947". */
  source: string;
  /** `fix`: the position is known; `no_fix`: the receiver reports, but sees too few satellites. */
  state: 'fix' | 'no_fix' | 'silent';
  position: Position | null;
  /** The last position that was known, however long ago; null: none was. */
  last: { position: Position; ageMs: number } | null;
}

export interface PositionParts {
  settings: Config['position'];
  alarms: AlarmSwitch;
  log: Log;
  /** The receiver has reported a position. */
  onPosition(located: Located): void;
  /** Monotonic time, milliseconds. */
  nowMs?: () => number;
}

/**
 * Knows where the robot is. A receiver that is lost or silent raises the alarm `position`, and
 * headland reconnects; everything else goes on without positions.
 */
export class PositionService {
  readonly #source: PositionSource | null;
  readonly #current: CurrentPosition;
  readonly #service: SideService;
  readonly #end = new AbortController();
  #open: OpenSource | null = null;
  #silence: NodeJS.Timeout | null = null;
  readonly #nowMs: () => number;
  #reports = false;
  #first: { reported(): void; failed(error: Error): void } | null = null;

  constructor(private readonly parts: PositionParts) {
    const { settings, alarms, nowMs = () => performance.now() } = parts;
    this.#nowMs = nowMs;
    this.#source = sourceOf(settings);
    this.#current = new CurrentPosition(settings.maxAgeMs, nowMs);
    this.#service = new SideService({ alarm: 'position', alarms, open: () => this.#connect() });
  }

  /** Begins to connect, and does not wait for it. */
  start(): void {
    if (this.#source !== null) void this.#service.start();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#first?.failed(new Error('headland ends'));
    await this.#service.stop();
    this.#close();
  }

  /** Null: not known now. */
  current(): Position | null {
    return this.#current.get();
  }

  /** Null: the settings name no source. */
  status(): PositionStatus | null {
    if (this.#source === null) return null;
    const position = this.current();
    const state = position !== null ? 'fix' : this.#reports ? 'no_fix' : 'silent';
    const { last } = this.#current;
    return { source: this.#source.description, state, position, last };
  }

  /** Resolves with the first report, so that an open line on which nothing arrives is no success. */
  async #connect(): Promise<void> {
    const source = this.#source;
    if (source === null) return;
    this.#close();
    const first = new Promise<void>((reported, failed) => {
      this.#first = { reported, failed };
    });
    // It may fail before it is awaited.
    first.catch(() => {});
    try {
      this.#open = await source.open(
        {
          onReport: (report) => this.#reported(report),
          onEnd: (error) => this.#ended(error),
        },
        this.#end.signal,
      );
      this.#awaitReport(source);
      await first;
      this.parts.log.info({ source: source.description }, 'positions arrive');
    } catch (error) {
      this.#close();
      throw error;
    } finally {
      this.#first = null;
    }
  }

  #reported({ position }: PositionReport): void {
    this.#reports = true;
    this.#current.set(position);
    this.#first?.reported();
    this.#silence?.refresh();
    if (position !== null) this.parts.onPosition({ position, atMs: this.#nowMs() });
  }

  #awaitReport(source: PositionSource): void {
    const { maxSilenceMs } = this.parts.settings;
    const silent = (): void => this.#ended(source.silent(maxSilenceMs / 1_000));
    this.#silence = setTimeout(silent, maxSilenceMs).unref();
  }

  #ended(error: Error): void {
    if (this.#end.signal.aborted) return;
    this.parts.log.debug({ reason: messageOf(error) }, 'positions end');
    this.#close();
    if (this.#first) this.#first.failed(error);
    else this.#service.failed(error);
  }

  #close(): void {
    if (this.#silence) clearTimeout(this.#silence);
    this.#silence = null;
    this.#reports = false;
    this.#open?.close();
    this.#open = null;
  }
}

function sourceOf({ source, gpsd, serial }: Config['position']): PositionSource | null {
  switch (source) {
    case 'none':
      return null;
    case 'gpsd':
      return new GpsdSource(gpsd);
    case 'serial':
      return new SerialSource(serial);
  }
}
