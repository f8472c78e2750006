import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Sparing } from '../../../src/agent/care/sparing.js';
import type { HoldReason } from '../../../src/base/words/hold-reason.js';
import { configSchema } from '../../../src/config/schema.js';
import { FirmwareFlags } from '../../../src/host/firmware-flags.js';
import type { RateLimit } from '../../../src/host/rate.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { quietScheduler, Recorder, recordedLog } from '../../recorder.js';
import { temporaryFolder } from '../../temporary-folder.js';

interface Limited extends RateLimit {
  temperatureC: number | null;
}

/** A board whose kernel files the test writes; frames go by at ten a second. */
function board(t: Parameters<typeof temporaryFolder>[0], settings: object = {}) {
  const sysRoot = temporaryFolder(t);
  const write = (path: string, text: string): void => {
    const file = join(sysRoot, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, `${text}\n`);
  };
  const { log, lines } = recordedLog();
  const limits = new Recorder<Limited>();
  let cooled = 0;
  const holds: (HoldReason | null)[] = [];
  const sparing = new Sparing({
    config: configSchema.parse(settings),
    framesPerSecond: () => 10,
    onLimit: (limit, temperatureC) => limits.add({ ...limit, temperatureC }),
    onCooled: () => {
      cooled += 1;
    },
    onHold: (reason) => holds.push(reason),
    onReadings: () => {},
    repeats: quietScheduler(),
    log,
    board: { sysRoot, procRoot: join(sysRoot, 'proc') },
    firmware: new FirmwareFlags('/nonexistent/vcgencmd'),
  });
  t.after(() => sparing.stop());
  return {
    sparing,
    limits,
    lines,
    cooled: () => cooled,
    holds,
    heat: (celsius: number) =>
      write('class/thermal/thermal_zone0/temp', String(Math.round(celsius * 1_000))),
    battery: (percent: number, status: string) => {
      write('class/power_supply/BAT0/type', 'Battery');
      write('class/power_supply/BAT0/capacity', String(percent));
      write('class/power_supply/BAT0/status', status);
    },
    undervoltage: (flags: number) =>
      write('devices/platform/soc/soc:firmware/get_throttled', flags.toString(16)),
  };
}

describe('a board', { timeout: TEST_HANG_MS }, () => {
  test('that heats up and cools gets fewer frames and no training meanwhile', (t) => {
    const { sparing, limits, lines, cooled, holds, heat } = board(t, {
      inference: { maxFramesPerSecond: 15 },
    });
    /** A function, for what it returns changes between two looks. */
    const obstacle = () => sparing.tooHotToTrain;
    heat(50);
    sparing.start();
    assert.deepEqual(limits.all, [{ framesPerSecond: 15, reason: 'configured', temperatureC: 50 }]);
    assert.equal(obstacle(), null);

    heat(75);
    sparing.check();
    assert.equal(limits.all.length, 1);
    assert.equal(obstacle()?.code, 'HL_BOARD_TOO_HOT');
    assert.match(obstacle()?.message ?? '', /75\.0 °C.*below 70 °C/);

    heat(80);
    sparing.check();
    sparing.check();
    assert.deepEqual(limits.all.slice(1), [
      { framesPerSecond: 7.5, reason: 'heat', temperatureC: 80 },
      { framesPerSecond: 5.625, reason: 'heat', temperatureC: 80 },
    ]);
    assert.equal(lines.all.length, 4, 'every change is in the log');
    assert.deepEqual(holds, ['heat']);

    heat(70);
    sparing.check();
    assert.deepEqual(holds, ['heat']);
    heat(69);
    sparing.check();
    assert.deepEqual([cooled(), obstacle()], [1, null]);
    assert.deepEqual(holds, ['heat', null], 'what may start may also go on');
    sparing.check();
    assert.deepEqual(sparing.limit, { framesPerSecond: 15, reason: 'configured' });
    sparing.check();
    assert.equal(cooled(), 1);
    assert.deepEqual(holds, ['heat', null]);
  });

  test('whose trainings start at another temperature pauses them above that', (t) => {
    const { sparing, holds, heat } = board(t, { board: { trainBelowC: 80 } });
    for (const [celsius, hold] of [
      [79, null],
      [84, null],
      [85, 'heat'],
      [80, 'heat'],
      [79, null],
    ] as const) {
      heat(celsius);
      sparing.check();
      assert.equal(sparing.tooHotToTrain === null, celsius < 80);
      assert.equal(holds.at(-1) ?? null, hold, `${celsius} °C`);
    }
  });

  test('whose supply is weak is spared as well', (t) => {
    const { sparing, undervoltage } = board(t);
    undervoltage(0);
    sparing.check();
    assert.deepEqual(sparing.limit, { framesPerSecond: null, reason: null });
    undervoltage(1);
    sparing.check();
    assert.deepEqual(sparing.limit, { framesPerSecond: 7.5, reason: 'supply' });
    assert.equal(sparing.tooHotToTrain, null);
  });

  test('whose battery is nearly empty gets few frames, until it is charged', (t) => {
    const { sparing, battery } = board(t);
    battery(15, 'Discharging');
    sparing.check();
    assert.deepEqual(sparing.limit, { framesPerSecond: 2, reason: 'battery' });
    battery(15, 'Charging');
    sparing.check();
    assert.deepEqual(sparing.limit, { framesPerSecond: null, reason: null });
  });

  test('that says nothing of itself is not spared', (t) => {
    const { sparing, limits } = board(t);
    sparing.check();
    assert.deepEqual([sparing.tooHotToTrain, limits.all], [null, []]);
  });

  test('is looked at again and again', async (t) => {
    const { sparing, limits, heat } = board(t, { board: { checkIntervalMs: 500 } });
    heat(50);
    sparing.start();
    heat(80);
    const { reason } = await limits.until(() => true);
    assert.equal(reason, 'heat');
  });
});
