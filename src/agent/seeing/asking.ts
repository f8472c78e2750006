import type { AlarmSwitch } from '../../base/alarms.js';
import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { eyeOf } from '../../base/words/eye.js';
import { type Decision, isNovel } from '../../perception/decision.js';
import type { TaskAnswer } from '../../perception/perception-protocol.js';
import type { SampleStore } from '../../samples/store.js';
import type { Labelling } from '../learning/labelling.js';
import { labelRequestedMessage } from '../reporting/agent-messages.js';
import type { TelemetryService } from '../reporting/telemetry-service.js';
import type { RecentFrame } from './recent-frames.js';

export interface AskingSettings {
  askBelowProbability: number;
  /** Below this novelty p-value a frame is doubtful, regardless of the probability of its label. */
  unknownAlpha: number;
  askIntervalMs: number;
  /** The same while `askMaxWaiting` frames wait, each of which then replaces another. */
  askWhenFullIntervalMs: number;
  askMaxWaiting: number;
}

export interface AskingParts {
  settings: AskingSettings;
  labelling: Pick<Labelling, 'keepWaiting'>;
  samples: Pick<SampleStore, 'removeOldestWaiting'>;
  telemetry: Pick<TelemetryService, 'event'>;
  alarms: AlarmSwitch;
  log: Log;
  /** Monotonic time, milliseconds. */
  nowMs?: () => number;
}

/** Selects frames that one task doubts, at a limited rate, stores them and requests labels for them. */
export class Asking {
  readonly #lastAskedMs = new Map<string, number>();
  readonly #lastKeptMs = new Map<string, number>();
  readonly #nowMs: () => number;
  #isFull = false;

  constructor(private readonly parts: AskingParts) {
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  /**
   * Stores a doubtful frame and requests its label.
   * @returns the id of its sample; null when no label is requested
   */
  consider(recent: RecentFrame, answer: TaskAnswer): string | null {
    return this.#wants(eyeOf(recent.frame), answer.decision) ? this.#store(recent, answer) : null;
  }

  /**
   * Stores a frame that an alert asks for, doubtful or not, and requests its label.
   * @returns the id of its sample; null when none is stored now
   */
  keep(recent: RecentFrame, answer: TaskAnswer): string | null {
    const isDue = this.#isDue(eyeOf(recent.frame), this.#lastKeptMs);
    return isDue ? this.#store(recent, answer) : null;
  }

  #store(recent: RecentFrame, { task, decision }: TaskAnswer): string | null {
    const { settings, labelling, samples, telemetry, alarms, log } = this.parts;
    try {
      const { id } = labelling.keepWaiting(recent);
      alarms.clear('picture-limit');
      this.#isFull = samples.removeOldestWaiting(settings.askMaxWaiting) > 0;
      telemetry.event(labelRequestedMessage(recent, { task, decision }, id));
      return id;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      // Errors of the disk have already raised an alarm.
      // The care of the board raises the alarm about free space.
      if (error.code === 'HL_STORE_LIMIT') alarms.raise('picture-limit', error);
      else log.debug({ code: error.code }, `cannot store a frame: ${error.message}`);
      return null;
    }
  }

  /** True at most once per camera, region and interval. */
  #wants(eye: string, decision: Decision): boolean {
    const { settings } = this.parts;
    const { probability, noveltyPValue } = decision;
    const novel = isNovel(noveltyPValue, settings);
    if (probability >= settings.askBelowProbability && !novel) return false;
    return this.#isDue(eye, this.#lastAskedMs);
  }

  /** @param times when frames of each camera and region were last stored */
  #isDue(eye: string, times: Map<string, number>): boolean {
    const { askMaxWaiting, askIntervalMs, askWhenFullIntervalMs } = this.parts.settings;
    const intervalMs = this.#isFull
      ? Math.max(askIntervalMs, askWhenFullIntervalMs)
      : askIntervalMs;
    const nowMs = this.#nowMs();
    const lastMs = times.get(eye) ?? Number.NEGATIVE_INFINITY;
    if (askMaxWaiting === 0 || nowMs - lastMs < intervalMs) return false;
    times.set(eye, nowMs);
    return true;
  }
}
