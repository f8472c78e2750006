import { HeadlandError } from '../../base/errors.js';
import type { BoardReadings, StorageWear } from '../../host/board-readings.js';

/** What is wrong with the board itself, for the alarms of the daemon and for `doctor`. */

type Heat = Pick<BoardReadings, 'temperatureC' | 'throttled'>;

/** Whether the board has slowed itself down by heat: low voltage slows it down, too. */
export function slowedByHeat({ throttled }: Pick<Heat, 'throttled'>): boolean {
  return throttled?.slowed === true && !throttled.underVoltage;
}

/** The board has reached `slowAboveC`, or has slowed itself down. */
export function boardHot({ temperatureC, throttled }: Heat, slowAboveC: number): HeadlandError {
  const problems = [
    ...(slowedByHeat({ throttled }) ? ['the processor of the board is throttled'] : []),
    ...(temperatureC === null ? [] : [`the board is at ${temperatureC.toFixed(1)} °C`]),
  ];
  const message = problems.join(', ');
  return new HeadlandError('HL_BOARD_HOT', message, {
    remedy: 'Improve the cooling of the board, or lower inference.maxFramesPerSecond.',
    details: { temperatureC, slowAboveC },
  });
}

export function underVoltage(): HeadlandError {
  return new HeadlandError('HL_BOARD_UNDERVOLTAGE', 'the supply voltage of the board is low', {
    remedy: 'Use a stronger power supply and a shorter, thicker cable.',
  });
}

export function clockUnset(): HeadlandError {
  return new HeadlandError('HL_CLOCK_UNSET', 'the date of the board is not set', {
    remedy:
      'Connect the board to a time server (timedatectl shows its state), fit a battery to its clock, or set the date by hand. Images keep their order meanwhile, but their dates are wrong.',
    details: { date: new Date().toISOString() },
  });
}

/** From this share of its rated life a card is worn out soon. */
const WORN_PERCENT = 90;

/** Null: the storage is neither worn nor damaged, or reports nothing. */
export function storageWorn(wear: StorageWear): HeadlandError | null {
  const { lifeUsedPercent, reserve, fileSystemErrors } = wear;
  const isWorn = (lifeUsedPercent ?? 0) >= WORN_PERCENT || (reserve ?? 'normal') !== 'normal';
  const isDamaged = (fileSystemErrors ?? 0) > 0;
  if (!isWorn && !isDamaged) return null;
  const message = isDamaged
    ? `the file system has recorded ${fileSystemErrors} errors`
    : `the storage is worn: ${lifeUsedPercent ?? '?'} % of its life is used`;
  return new HeadlandError('HL_DISK_WORN', message, {
    remedy:
      'Copy paths.stateDir to a new card or drive soon. After that, e2fsck on the unmounted file system resets its errors.',
    details: { lifeUsedPercent, reserve, fileSystemErrors },
  });
}
