import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Sparing } from '../../src/agent/sparing.js';
import { silentLog } from '../../src/base/log.js';
import { configSchema } from '../../src/config/schema.js';
import type { RateLimit } from '../../src/host/rate.js';

test('a board that heats up and cools gets fewer frames and no training meanwhile', (t) => {
  const sysRoot = mkdtempSync(join(tmpdir(), 'headland-sparing-'));
  t.after(() => rmSync(sysRoot, { recursive: true }));
  const zone = join(sysRoot, 'class/thermal/thermal_zone0');
  mkdirSync(zone, { recursive: true });
  const heat = (celsius: number) => writeFileSync(join(zone, 'temp'), `${celsius * 1_000}\n`);
  const limits: RateLimit[] = [];
  let cooled = 0;
  const sparing = new Sparing({
    config: configSchema.parse({ inference: { maxFramesPerSecond: 15 } }),
    framesPerSecond: () => 10,
    onLimit: (limit) => limits.push(limit),
    onCooled: () => {
      cooled += 1;
    },
    log: silentLog(),
    board: { sysRoot },
  });
  t.after(() => sparing.stop());

  const obstacle = () => sparing.tooHotToTrain;

  heat(50);
  sparing.start();
  assert.deepEqual(limits, [{ framesPerSecond: 15, reason: 'configured' }]);
  assert.equal(obstacle(), null);

  heat(75);
  sparing.look();
  assert.equal(limits.length, 1);
  assert.equal(obstacle()?.code, 'HL_BOARD_TOO_HOT');
  assert.match(obstacle()?.message ?? '', /75\.0 °C, trainings start below 70 °C/);

  heat(80);
  sparing.look();
  sparing.look();
  assert.deepEqual(limits.slice(1), [
    { framesPerSecond: 7.5, reason: 'heat' },
    { framesPerSecond: 5.625, reason: 'heat' },
  ]);

  heat(69);
  sparing.look();
  assert.equal(cooled, 1);
  assert.equal(obstacle(), null);
  sparing.look();
  assert.deepEqual(sparing.limit, { framesPerSecond: 15, reason: 'configured' });
  sparing.look();
  assert.equal(cooled, 1);
});
