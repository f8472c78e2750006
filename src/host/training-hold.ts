import type { HoldReason } from '../base/words/hold-reason.js';
import type { BoardReadings } from './board-readings.js';

export interface HoldSettings {
  /** At or above this temperature a training pauses. */
  pauseTrainingAboveC: number;
  /** Below this temperature it goes on. */
  resumeTrainingBelowC: number;
  /** Pressure at which it pauses, percent; it goes on below half of it. Null: never. */
  pauseTrainingAboveMemoryPressurePercent: number | null;
  pauseTrainingAboveCpuPressurePercent: number | null;
}

/** A resource is scarce until its pressure has fallen to this share of the limit. */
const RESUME_SHARE = 0.5;

type Readings = Pick<BoardReadings, 'temperatureC' | 'throttled' | 'pressure'>;

/**
 * Decides whether a running training pauses. Each reason has a hysteresis: what paused the training
 * must be well below its limit before it goes on. A reading that the board does not report never
 * pauses, and ends a pause of its kind. Pure.
 * @param before the reason of the current pause; null: the training runs
 */
export function holdReason(
  before: HoldReason | null,
  { temperatureC, throttled, pressure }: Readings,
  settings: HoldSettings,
): HoldReason | null {
  const hotAtC = before === 'heat' ? settings.resumeTrainingBelowC : settings.pauseTrainingAboveC;
  if (temperatureC !== null && temperatureC >= hotAtC) return 'heat';
  if (throttled?.underVoltage) return 'supply';
  const scarce = (
    reason: 'memory' | 'cpu',
    percent: number | null,
    limit: number | null,
  ): boolean => {
    if (percent === null || limit === null) return false;
    return percent >= (before === reason ? limit * RESUME_SHARE : limit);
  };
  const { pauseTrainingAboveMemoryPressurePercent, pauseTrainingAboveCpuPressurePercent } =
    settings;
  if (scarce('memory', pressure.memoryPercent, pauseTrainingAboveMemoryPressurePercent)) {
    return 'memory';
  }
  return scarce('cpu', pressure.cpuPercent, pauseTrainingAboveCpuPressurePercent) ? 'cpu' : null;
}
