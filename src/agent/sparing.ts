import { HeadlandError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { type BoardOptions, readings } from '../host/board-readings.js';
import { type Brake, brake, type RateLimit, RELEASED, rateLimit } from '../host/rate.js';

export interface SparingOptions {
  config: Pick<Config, 'board' | 'inference'>;
  /** How fast frames go by now. */
  framesPerSecond(): number;
  /** Called with every new limit. */
  onLimit(limit: RateLimit, temperatureC: number | null): void;
  /** The board is cool enough for a training again. */
  onCooled(): void;
  log: Log;
  board?: BoardOptions;
}

/** Looks after the board: fewer frames and no training while it is hot, weak or nearly empty. */
export class Sparing {
  readonly #options: SparingOptions;
  #brake: Brake = RELEASED;
  #limit: RateLimit = { framesPerSecond: null, reason: null };
  #temperatureC: number | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SparingOptions) {
    this.#options = options;
  }

  /** Looks at once, then again and again. */
  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), this.#options.config.board.checkIntervalMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  get limit(): RateLimit {
    return this.#limit;
  }

  /** Why no training may start now; null: one may. */
  get tooHotToTrain(): HeadlandError | null {
    const { trainBelowC } = this.#options.config.board;
    const temperatureC = this.#temperatureC;
    if (temperatureC === null || temperatureC < trainBelowC) return null;
    return new HeadlandError(
      'HL_BOARD_TOO_HOT',
      `the board is at ${temperatureC.toFixed(1)} °C; a training starts below ${trainBelowC} °C`,
      {
        remedy: 'Wait until the board has cooled, improve its cooling, or raise board.trainBelowC.',
        details: { temperatureC, trainBelowC },
      },
    );
  }

  /** One look at the board. */
  look(): void {
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
      log.info({ ...limit, temperatureC, throttled, battery }, 'the limit of frames has changed');
      onLimit(limit, temperatureC);
    }
    if (wasTooHot && this.tooHotToTrain === null) onCooled();
  }
}
