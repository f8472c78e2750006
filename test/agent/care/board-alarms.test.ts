import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BoardAlarms, type BoardState } from '../../../src/agent/care/board-alarms.js';
import { Alarms } from '../../../src/base/alarms.js';
import { configSchema } from '../../../src/config/schema.js';
import { type BoardReadings, readings } from '../../../src/host/board-readings.js';

const NOTHING = readings({
  procRoot: '/nonexistent',
  sysRoot: '/nonexistent',
  runRoot: '/nonexistent',
});

function care(settings: object = {}) {
  const said: string[] = [];
  const alarms = new Alarms({
    onRaised: ({ name, error }) => said.push(`${name} ${error.code}`),
    onCleared: ({ name }) => said.push(`${name} cleared`),
  });
  const board = new BoardAlarms(configSchema.parse(settings), alarms);
  const check = (now: Partial<BoardReadings>, written: BoardState['written'] = null): string[] => {
    said.length = 0;
    board.check({ board: { ...NOTHING, ...now }, written });
    return [...said];
  };
  return { check };
}

describe('alarms of the board', () => {
  test('are silent about what it does not report', () => {
    assert.deepEqual(care().check({}), []);
  });

  test('tell that it is hot until it is cool', () => {
    const { check } = care();
    assert.deepEqual(check({ temperatureC: 77.9 }), []);
    assert.deepEqual(check({ temperatureC: 78 }), ['board-hot HL_BOARD_HOT']);
    assert.deepEqual(check({ temperatureC: 73 }), []);
    assert.deepEqual(check({ temperatureC: 71 }), ['board-hot cleared']);
  });

  test('tell that it throttles itself, at whatever temperature, unless by low voltage', () => {
    const { check } = care();
    const slowed = { underVoltage: false, slowed: true };
    assert.deepEqual(check({ throttled: slowed }), ['board-hot HL_BOARD_HOT']);
    assert.deepEqual(check({ temperatureC: 60 }), ['board-hot cleared']);
    assert.deepEqual(check({ temperatureC: 60, throttled: slowed }), ['board-hot HL_BOARD_HOT']);
    assert.deepEqual(care().check({ throttled: { underVoltage: true, slowed: true } }), [
      'board-supply HL_BOARD_UNDERVOLTAGE',
    ]);
  });

  test('tell of a weak supply until it has been steady', () => {
    const { check } = care();
    const weak = { throttled: { underVoltage: true, slowed: false } };
    assert.deepEqual(check(weak), ['board-supply HL_BOARD_UNDERVOLTAGE']);
    const said = Array.from({ length: 6 }, () => check({}));
    assert.deepEqual(said.flat(), ['board-supply cleared']);
    assert.deepEqual(said[5], ['board-supply cleared']);
  });

  test('tell of little free space until there is clearly more', () => {
    const { check } = care({ samples: { minFreeBytes: 1_000 } });
    assert.deepEqual(check({ diskFreeBytes: 1_000 }), []);
    assert.deepEqual(check({ diskFreeBytes: 999 }), ['disk-low HL_DISK_LOW']);
    assert.deepEqual(check({ diskFreeBytes: 1_050 }), []);
    assert.deepEqual(check({ diskFreeBytes: 1_100 }), ['disk-low cleared']);
  });

  test('tell of a date that nobody has set, after two minutes', () => {
    const { check } = care();
    assert.deepEqual(check({ clock: 'unset', uptimeSeconds: 119 }), []);
    assert.deepEqual(check({ clock: 'unset', uptimeSeconds: 120 }), ['clock HL_CLOCK_UNSET']);
    assert.deepEqual(check({ clock: 'synchronized', uptimeSeconds: 130 }), ['clock cleared']);
  });

  test('tell of worn storage and of errors of the file system', () => {
    const wear = { lifeUsedPercent: 80, reserve: 'normal' as const, fileSystemErrors: 0 };
    for (const change of [
      { lifeUsedPercent: 90 },
      { reserve: 'urgent' as const },
      { fileSystemErrors: 1 },
    ]) {
      const { check } = care();
      assert.deepEqual(check({ wear }), []);
      assert.deepEqual(check({ wear: { ...wear, ...change } }), ['disk-wear HL_DISK_WORN']);
    }
  });

  test('tell when more is written within a day than is wanted', () => {
    const { check } = care({ board: { maxWrittenBytesPerDay: 1_000_000 } });
    const written = (lastDayBytes: number) => ({ totalBytes: 5_000_000, lastDayBytes });
    assert.deepEqual(check({}, written(1_000_000)), []);
    assert.deepEqual(check({}, written(1_000_001)), ['disk-writes HL_DISK_WRITES']);
    assert.deepEqual(check({}, written(10)), ['disk-writes cleared']);
  });
});
