import type { AlarmSwitch } from '../../base/alarms.js';
import { isHeadlandError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { type Decision, isNovel } from '../../perception/decision.js';
import type { SampleStore } from '../../samples/store.js';
import type { Labelling } from '../learning/labelling.js';
import { labelRequestedMessage } from '../reporting/agent-messages.js';
import type { TelemetryService } from '../reporting/telemetry-service.js';
import type { RecentFrame } from './recent-frames.js';

export interface AskingSettings {
  askBelowProbability: number;
  /** Below this p-value of novelty a frame is doubtful however probable its label is. */
  unknownAlpha: number;
  askIntervalMs: number;
  askMaxWaiting: number;
}

export interface AskingParts {
  settings: AskingSettings;
  labelling: Pick<Labelling, 'keepWaiting'>;
  samples: Pick<SampleStore, 'removeOldestWaiting'>;
  telemetry: Pick<TelemetryService, 'event'>;
  alarms: AlarmSwitch;
  log: Log;
  /** Monotonic milliseconds. */
  nowMs?: () => number;
}

/** Keeps frames that are worth a person's time, doubtful ones and not too many, and asks. */
export class Asking {
  readonly #lastAskedMs = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(private readonly parts: AskingParts) {
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  /** Keeps the frame and asks for its label; the id of its sample, null when it is not asked. */
  consider(recent: RecentFrame): string | null {
    if (!this.#wants(recent.frame.camera, recent.perceived.decision)) return null;
    const { settings, labelling, samples, telemetry, alarms, log } = this.parts;
    try {
      const { id } = labelling.keepWaiting(recent);
      alarms.clear('picture-limit');
      samples.removeOldestWaiting(settings.askMaxWaiting);
      telemetry.event(labelRequestedMessage(recent, id));
      return id;
    } catch (error) {
      if (!isHeadlandError(error)) throw error;
      // What the disk refuses is an alarm already.
      if (error.code === 'HL_STORE_LIMIT') alarms.raise('picture-limit', error);
      else log.debug({ code: error.code }, `a frame could not be kept: ${error.message}`);
      return null;
    }
  }

  /** True at most once per camera and interval. */
  #wants(camera: string, decision: Decision): boolean {
    const { settings } = this.parts;
    if (settings.askMaxWaiting === 0) return false;
    const { probability, noveltyPValue } = decision;
    const novel = isNovel(noveltyPValue, settings);
    if (probability >= settings.askBelowProbability && !novel) return false;
    const nowMs = this.#nowMs();
    const lastMs = this.#lastAskedMs.get(camera) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - lastMs < settings.askIntervalMs) return false;
    this.#lastAskedMs.set(camera, nowMs);
    return true;
  }
}
