import { HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { type BoardOptions, readings } from '../host/board-readings.js';
import { type Brake, brake, type RateLimit, RELEASED, rateLimit } from '../host/rate.js';

export interface SparingOptions {
  config: Pick<Config, 'board' | 'inference'>;
  /** The current frame rate. */
  framesPerSecond(): number;
  /** Called with every new limit. */
  onLimit(limit: RateLimit, temperatureC: number | null): void;
  /** Called when the board becomes hot, and when it has cooled down: at or below `fasterBelowC`. */
  onHot(isHot: boolean): void;
  /** Called when the board is cool enough for a training again. */
  onCooled(): void;
  log: Log;
  board?: BoardOptions;
}

/**
 * Reduces the load on the board: limits the frame rate while the board is hot, under-volted or low on
 * battery, and holds back trainings while it is hot.
 */
export class Sparing {
  readonly #options: SparingOptions;
  #brake: Brake = RELEASED;
  #limit: RateLimit = { framesPerSecond: null, reason: null };
  #temperatureC: number | null = null;
  #isHot = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SparingOptions) {
    this.#options = options;
  }

  /** Checks the board at once, then at the configured interval. */
  start(): void {
    this.check();
    this.#timer = setInterval(() => this.check(), this.#options.config.board.checkIntervalMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  get limit(): RateLimit {
    return this.#limit;
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
    const { config, board, framesPerSecond, onLimit, onCooled, log } = this.#options;
    const settings = {
      ...config.board,
      maxFramesPerSecond: config.inference.maxFramesPerSecond,
    };
    const now = readings(board);
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
    this.#noteHeat(now.throttled?.slowed === true);
    if (wasTooHot && this.tooHotToTrain === null) onCooled();
  }

  #noteHeat(isSlowed: boolean): void {
    const { config, onHot } = this.#options;
    const { slowAboveC, fasterBelowC } = config.board;
    const temperatureC = this.#temperatureC ?? Number.NEGATIVE_INFINITY;
    const isHot =
      isSlowed || (this.#isHot ? temperatureC > fasterBelowC : temperatureC >= slowAboveC);
    if (isHot === this.#isHot) return;
    this.#isHot = isHot;
    onHot(isHot);
  }
}
