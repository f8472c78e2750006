import type { AlarmName, AlarmSwitch } from '../../base/alarms.js';
import { HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { BoardReadings } from '../../host/board-readings.js';
import type { Written } from '../../host/written-bytes.js';
import { diskLow } from '../../samples/limit/picture-limit.js';

/** Time that a board has after its boot to fetch the date. */
const CLOCK_GRACE_SECONDS = 120;
/** Free space must be this many times the limit before the alarm is cleared. */
const FREE_AGAIN = 1.1;
/** Checks in a row without under-voltage after which its alarm is cleared: it comes and goes. */
const STEADY_CHECKS = 6;
/** From this share of its rated life a card is worn out soon. */
const WORN_PERCENT = 90;

/** What the alarms are about: the readings, and what the daemon writes. */
export interface BoardState {
  board: BoardReadings;
  written: Written | null;
}

/** Raises and clears the alarms about the board itself. Readings that it does not report raise none. */
export class BoardAlarms {
  #steadyChecks = 0;

  constructor(
    private readonly config: Pick<Config, 'board' | 'samples'>,
    private readonly alarms: AlarmSwitch & { has(name: AlarmName): boolean },
  ) {}

  check({ board, written }: BoardState): void {
    this.#heat(board);
    this.#supply(board);
    this.#freeSpace(board);
    this.#clock(board);
    this.#wear(board);
    this.#writes(written);
  }

  #heat({ temperatureC }: BoardReadings): void {
    const { slowAboveC, fasterBelowC } = this.config.board;
    const limitC = this.alarms.has('board-hot') ? fasterBelowC : slowAboveC;
    const isHot = temperatureC !== null && temperatureC >= limitC;
    this.#set('board-hot', isHot, () => {
      return new HeadlandError('HL_BOARD_HOT', `the board is at ${temperatureC?.toFixed(1)} °C`, {
        remedy: 'Improve the cooling of the board, or lower inference.maxFramesPerSecond.',
        details: { temperatureC, slowAboveC },
      });
    });
  }

  #supply({ throttled }: BoardReadings): void {
    const isWeak = throttled?.underVoltage === true;
    this.#steadyChecks = isWeak ? 0 : this.#steadyChecks + 1;
    if (!isWeak && this.#steadyChecks < STEADY_CHECKS) return;
    this.#set('board-supply', isWeak, () => {
      return new HeadlandError('HL_BOARD_UNDERVOLTAGE', 'the supply voltage of the board is low', {
        remedy: 'Use a stronger power supply and a shorter, thicker cable.',
      });
    });
  }

  #freeSpace({ diskFreeBytes }: BoardReadings): void {
    const { minFreeBytes } = this.config.samples;
    const wanted = this.alarms.has('disk-low') ? minFreeBytes * FREE_AGAIN : minFreeBytes;
    const isLow = diskFreeBytes !== null && diskFreeBytes < wanted;
    this.#set('disk-low', isLow, () => diskLow(diskFreeBytes ?? 0, minFreeBytes));
  }

  #clock({ clock, uptimeSeconds }: BoardReadings): void {
    const hadTime = uptimeSeconds === null || uptimeSeconds >= CLOCK_GRACE_SECONDS;
    this.#set('clock', clock === 'unset' && hadTime, () => {
      return new HeadlandError('HL_CLOCK_UNSET', 'the date of the board is not set', {
        remedy:
          'Connect the board to a time server (timedatectl shows its state), fit a battery to its clock, or set the date by hand. Images keep their order meanwhile, but their dates are wrong.',
        details: { date: new Date().toISOString() },
      });
    });
  }

  #wear({ wear }: BoardReadings): void {
    const { lifeUsedPercent, reserve, fileSystemErrors } = wear;
    const isWorn = (lifeUsedPercent ?? 0) >= WORN_PERCENT || (reserve ?? 'normal') !== 'normal';
    const isDamaged = (fileSystemErrors ?? 0) > 0;
    this.#set('disk-wear', isWorn || isDamaged, () => {
      const message = isDamaged
        ? `the file system has recorded ${fileSystemErrors} errors`
        : `the storage is worn: ${lifeUsedPercent ?? '?'} % of its life is used`;
      return new HeadlandError('HL_DISK_WORN', message, {
        remedy:
          'Copy paths.stateDir to a new card or drive soon. After that, e2fsck on the unmounted file system resets its errors.',
        details: { lifeUsedPercent, reserve, fileSystemErrors },
      });
    });
  }

  #writes(written: Written | null): void {
    const { maxWrittenBytesPerDay } = this.config.board;
    const lastDayBytes = written?.lastDayBytes ?? 0;
    this.#set('disk-writes', lastDayBytes > maxWrittenBytesPerDay, () => {
      return new HeadlandError(
        'HL_DISK_WRITES',
        `headland wrote ${lastDayBytes} bytes to storage within a day; board.maxWrittenBytesPerDay is ${maxWrittenBytesPerDay}`,
        {
          remedy:
            'Store fewer images (samples.askIntervalMs, samples.askMaxWaiting), or raise board.maxWrittenBytesPerDay on a drive that endures more.',
          details: { lastDayBytes, maxWrittenBytesPerDay },
        },
      );
    });
  }

  #set(name: AlarmName, isOn: boolean, error: () => HeadlandError): void {
    if (isOn) this.alarms.raise(name, error());
    else this.alarms.clear(name);
  }
}
