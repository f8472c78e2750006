import type { AlarmName, AlarmSwitch } from '../../base/alarms.js';
import { HeadlandError } from '../../base/errors.js';
import type { Config } from '../../config/schema.js';
import type { BoardReadings } from '../../host/board-readings.js';
import type { Written } from '../../host/written-bytes.js';
import { diskLow } from '../../samples/limit/picture-limit.js';
import { boardHot, clockUnset, slowedByHeat, storageWorn, underVoltage } from './board-faults.js';

/** Time that a board has after its boot to fetch the date. */
const CLOCK_GRACE_SECONDS = 120;
/** Free space must be this many times the limit before the alarm is cleared. */
const FREE_AGAIN = 1.1;
/** Checks in a row without under-voltage after which its alarm is cleared: it comes and goes. */
const STEADY_CHECKS = 6;

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

  #heat({ temperatureC, throttled }: BoardReadings): void {
    const { slowAboveC, fasterBelowC } = this.config.board;
    const limitC = this.alarms.has('board-hot') ? fasterBelowC : slowAboveC;
    const isHot = temperatureC !== null && temperatureC >= limitC;
    this.#set('board-hot', isHot || slowedByHeat({ throttled }), () =>
      boardHot({ temperatureC, throttled }, slowAboveC),
    );
  }

  #supply({ throttled }: BoardReadings): void {
    const isWeak = throttled?.underVoltage === true;
    this.#steadyChecks = isWeak ? 0 : this.#steadyChecks + 1;
    if (!isWeak && this.#steadyChecks < STEADY_CHECKS) return;
    this.#set('board-supply', isWeak, underVoltage);
  }

  #freeSpace({ diskFreeBytes }: BoardReadings): void {
    const { minFreeBytes } = this.config.samples;
    const wanted = this.alarms.has('disk-low') ? minFreeBytes * FREE_AGAIN : minFreeBytes;
    const isLow = diskFreeBytes !== null && diskFreeBytes < wanted;
    this.#set('disk-low', isLow, () => diskLow(diskFreeBytes ?? 0, minFreeBytes));
  }

  #clock({ clock, uptimeSeconds }: BoardReadings): void {
    const hadTime = uptimeSeconds === null || uptimeSeconds >= CLOCK_GRACE_SECONDS;
    this.#set('clock', clock === 'unset' && hadTime, clockUnset);
  }

  #wear({ wear }: BoardReadings): void {
    const worn = storageWorn(wear);
    if (worn !== null) this.alarms.raise('disk-wear', worn);
    else this.alarms.clear('disk-wear');
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
            'Store fewer images (samples.askIntervalMs, samples.askMaxWaiting) or clips (alerts.clips.minIntervalMs), or raise board.maxWrittenBytesPerDay on a drive that endures more.',
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
