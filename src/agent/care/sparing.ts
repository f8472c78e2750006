import { HeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Repeats, Repetition } from '../../base/timers/scheduler.js';
import type { HoldReason } from '../../base/words/hold-reason.js';
import type { Config } from '../../config/schema.js';
import { trainingTemperatures } from '../../config/training-temperatures.js';
import { type BoardOptions, type BoardReadings, readings } from '../../host/board-readings.js';
import { FirmwareFlags } from '../../host/firmware-flags.js';
import { type Brake, brake, type RateLimit, RELEASED, rateLimit } from '../../host/rate.js';
import { holdReason } from '../../host/training-hold.js';

export interface SparingOptions {
  config: Pick<Config, 'board' | 'inference'>;
  /** The current frame rate. */
  framesPerSecond(): number;
  /** Called with every new limit. */
  onLimit(limit: RateLimit, temperatureC: number | null): void;
  /** Called when the board is cool enough for a training again. */
  onCooled(): void;
  /** Called when a running training must pause, with the reason, and when it may go on, with null. */
  onHold(reason: HoldReason | null): void;
  /** Called with the readings of every check. */
  onReadings(now: BoardReadings): void;
  repeats: Repeats;
  log: Log;
  board?: BoardOptions;
  /** Default: `vcgencmd`. */
  firmware?: FirmwareFlags;
}

/**
 * Reduces the load on the board: limits the frame rate while the board is hot, under-volted or low on
 * battery; holds back trainings while it is hot, and pauses the running one while it is hotter or
 * memory is scarce.
 */
export class Sparing {
  readonly #options: SparingOptions;
  #brake: Brake = RELEASED;
  readonly #firmware: FirmwareFlags;
  #limit: RateLimit = { framesPerSecond: null, reason: null };
  #hold: HoldReason | null = null;
  #temperatureC: number | null = null;
  #sysfsShowsFlags = false;
  #repetition: Repetition | null = null;

  constructor(options: SparingOptions) {
    this.#options = options;
    this.#firmware = options.firmware ?? new FirmwareFlags();
  }

  /** Checks the board at once, then at the configured interval. */
  start(): void {
    this.check();
    this.#repetition = this.#options.repeats.every({
      name: 'board',
      what: 'check the board',
      intervalMs: this.#options.config.board.checkIntervalMs,
      run: () => this.check(),
    });
  }

  stop(): void {
    void this.#repetition?.stop();
  }

  get limit(): RateLimit {
    return this.#limit;
  }

  /** Why a running training is paused; null: it runs. */
  get hold(): HoldReason | null {
    return this.#hold;
  }

  /** Reads the sensors now; flags that only the firmware's program shows are those of its last answer. */
  readings(): BoardReadings {
    const now = readings(this.#options.board);
    this.#sysfsShowsFlags = now.throttled !== null;
    return { ...now, throttled: now.throttled ?? this.#firmware.latest };
  }

  /** Why no training may start now; null: one may start. */
  get tooHotToTrain(): HeadlandError | null {
    const { trainBelowC } = this.#options.config.board;
    const temperatureC = this.#temperatureC;
    if (temperatureC === null || temperatureC < trainBelowC) return null;
    return new HeadlandError(
      'HL_BOARD_TOO_HOT',
      `the board is at ${temperatureC.toFixed(1)} °C; trainings start below ${trainBelowC} °C`,
      {
        remedy: 'Wait until the board has cooled, improve its cooling, or raise board.trainBelowC.',
        details: { temperatureC, trainBelowC },
      },
    );
  }

  /** Reads the board once and applies the limits. */
  check(): void {
    const { config, framesPerSecond, onLimit, onCooled, onReadings, log } = this.#options;
    const settings = {
      ...config.board,
      maxFramesPerSecond: config.inference.maxFramesPerSecond,
    };
    const now = this.readings();
    if (!this.#sysfsShowsFlags) void this.#firmware.refresh();
    const wasTooHot = this.tooHotToTrain !== null;
    this.#temperatureC = now.temperatureC;
    this.#brake = brake(this.#brake, now, framesPerSecond(), settings);
    const limit = rateLimit(this.#brake, now, settings);
    const before = this.#limit;
    this.#limit = limit;
    if (limit.framesPerSecond !== before.framesPerSecond || limit.reason !== before.reason) {
      const { temperatureC, throttled, battery } = now;
      log.info({ ...limit, temperatureC, throttled, battery }, 'frame rate limit changed');
      onLimit(limit, temperatureC);
    }
    this.#holdTraining(now);
    if (wasTooHot && this.tooHotToTrain === null) onCooled();
    onReadings(now);
  }

  #holdTraining(now: BoardReadings): void {
    const { config, onHold, log } = this.#options;
    const before = this.#hold;
    this.#hold = holdReason(before, now, {
      ...config.board,
      ...trainingTemperatures(config.board),
    });
    if (this.#hold === before) return;
    const { temperatureC, throttled, pressure } = now;
    log.info(
      { reason: this.#hold, temperatureC, throttled, pressure },
      'hold on trainings changed',
    );
    onHold(this.#hold);
  }
}
