import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Allowance, type Clocks } from '../../src/sync/allowance.js';

const DAY_MS = 86_400_000;

/** Clocks and a table that a test sets. */
class World implements Clocks {
  nowMs = 0;
  dateMs = 1_700_000_000_000;
  saved: { bytes: number; savedAtMs: number } | null = null;
  monotonicMs = (): number => this.nowMs;
  wallMs = (): number => this.dateMs;
  allowance = () => this.saved;
  saveAllowance = (bytes: number, savedAtMs: number): void => {
    this.saved = { bytes, savedAtMs };
  };

  open(maxBytesPerDay: number | null): Allowance {
    return new Allowance(this, maxBytesPerDay, this);
  }
}

test('bytes accrue evenly, up to those of one day', () => {
  const world = new World();
  const allowance = world.open(24_000);
  assert.ok(allowance.take(24_000));
  assert.equal(allowance.take(1_000), false);
  world.nowMs += DAY_MS / 24;
  assert.equal(allowance.bytes, 1_000);
  assert.ok(allowance.take(1_000));
  world.nowMs += 10 * DAY_MS;
  assert.equal(allowance.bytes, 24_000);
});

test('a picture above the daily amount is sent when that is all there, and is paid off', () => {
  const world = new World();
  const allowance = world.open(10_000);
  assert.ok(allowance.take(1));
  assert.equal(allowance.take(30_000), false);
  world.nowMs += DAY_MS;
  assert.ok(allowance.take(30_000));
  world.nowMs += 2 * DAY_MS;
  assert.equal(allowance.bytes, 0);
  assert.equal(allowance.take(1), false);
});

test('a restart gives nothing back, whatever the wall clock says', () => {
  const world = new World();
  const before = world.open(10_000);
  before.take(10_000);
  before.save();
  assert.equal(world.open(10_000).bytes, 0);
  world.dateMs -= 50 * 365 * DAY_MS;
  assert.equal(world.open(10_000).bytes, 0);
  world.dateMs += 100 * 365 * DAY_MS;
  assert.equal(world.open(10_000).bytes, 10_000, 'at most one day');
});

test('what was left survives a clock that is set back, and a debt one that jumps ahead', () => {
  const world = new World();
  const before = world.open(10_000);
  before.take(4_000);
  before.save();
  world.dateMs -= 50 * 365 * DAY_MS;
  const after = world.open(10_000);
  assert.equal(after.bytes, 6_000);
  world.nowMs += DAY_MS;
  assert.ok(after.take(30_000));
  after.save();
  world.dateMs += 100 * 365 * DAY_MS;
  assert.equal(world.open(10_000).bytes, 0);
});

test('null is no limit, and saves nothing', () => {
  const world = new World();
  const allowance = world.open(null);
  assert.ok(allowance.take(Number.MAX_SAFE_INTEGER));
  allowance.save();
  assert.equal(allowance.bytes, null);
  assert.equal(world.saved, null);
});

test('n days never send more than n + 1 daily amounts, with restarts in between', () => {
  const step = fc.record({
    waitMs: fc.integer({ min: 0, max: DAY_MS }),
    bytes: fc.integer({ min: 1, max: 10_000 }),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      let allowance = world.open(10_000);
      let sent = 0;
      for (const { waitMs, bytes, restart } of steps) {
        world.nowMs += waitMs;
        world.dateMs += waitMs;
        if (restart) allowance = world.open(10_000);
        if (!allowance.take(bytes)) continue;
        allowance.save();
        sent += bytes;
        // Half a byte is lost or won at each saving.
        assert.ok(sent <= (world.nowMs / DAY_MS + 1) * 10_000 + steps.length);
      }
    }),
  );
});
