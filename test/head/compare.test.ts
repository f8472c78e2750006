import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/base/random.js';
import { RollbackMonitor } from '../../src/head/compare.js';
import { Draw } from './synthetic.js';

test('rollback: the wealth is the root of the likelihood ratio, a fifth of it spread', () => {
  const monitor = new RollbackMonitor({ classes: 4 });
  assert.equal(monitor.observe(0.9, 0.9, 'a'), false);
  assert.equal(monitor.wealth, 1);
  monitor.observe(0.9, 0.1, 'b');
  assert.ok(Math.abs(monitor.wealth - Math.sqrt(0.77 / 0.13)) < 1e-12);
  monitor.observe(0, 1, 'c');
  assert.ok(Math.abs(monitor.wealth - Math.sqrt((0.77 / 0.13) * (0.05 / 0.85))) < 1e-12);
});

test('rollback: four labels that only the old head expected call it back, three do not', () => {
  const monitor = new RollbackMonitor({ classes: 4 });
  for (let i = 0; i < 3; i++) assert.equal(monitor.observe(0.9, 0.1, `${i}`), false);
  assert.equal(monitor.observe(0.9, 0.1, '3'), true);
  assert.equal(new RollbackMonitor({ classes: 2 }).observe(0, 1, 'a'), false);
  assert.throws(() => new RollbackMonitor({ classes: 1 }), /1 classes/);
  assert.throws(() => new RollbackMonitor({ classes: 2, alarmAt: 1 }), /alarm at 1/);
});

test('rollback: labels of one pass weigh as the root of their number', () => {
  const wealth = (groups: string[]): number => {
    const monitor = new RollbackMonitor({ classes: 4 });
    for (const group of groups) monitor.observe(0.9, 0.1, group);
    return Math.log(monitor.wealth);
  };
  const one = wealth(['a']);
  assert.ok(Math.abs(wealth(['a', 'a', 'a', 'a']) - 2 * one) < 1e-12);
  assert.ok(Math.abs(wealth(['a', 'b', 'a', 'b']) - 2 * Math.SQRT2 * one) < 1e-12);
  assert.ok(Math.abs(wealth(['a', 'b', 'c', 'd']) - 4 * one) < 1e-12);
});

test('rollback: a head that says how labels come about is called back in at most 5 % of long watches', () => {
  const draw = new Draw(9);
  for (const difference of [0.05, 0.2, 0.5]) {
    let alarms = 0;
    for (let run = 0; run < 2_000; run++) {
      const monitor = new RollbackMonitor({ classes: 2 });
      for (let i = 0; i < 200 && !monitor.alarm; i++) {
        const first = 0.25 + 0.5 * draw.uniform();
        // The old head is off by so much, now here, now there.
        const off = Math.min(1, Math.max(0, first + (draw.uniform() < 0.5 ? 1 : -1) * difference));
        if (draw.uniform() < first) monitor.observe(off, first, `${i}`);
        else monitor.observe(1 - off, 1 - first, `${i}`);
      }
      if (monitor.alarm) alarms++;
    }
    assert.ok(alarms <= 2_000 * 0.05, `${alarms} of 2000 at ${difference}`);
  }
});

test('rollback: a head that takes each class for the other is gone within 50 labels', () => {
  const draw = new Draw(11);
  for (let run = 0; run < 500; run++) {
    const monitor = new RollbackMonitor({ classes: 2 });
    let labels = 0;
    while (labels < 50 && !monitor.alarm) {
      labels++;
      // One label in five is wrong.
      const right = draw.uniform() < 0.8;
      monitor.observe(right ? 0.8 : 0.2, right ? 0.2 : 0.8, `${labels >> 2}`);
    }
    assert.ok(monitor.alarm, `run ${run}`);
  }
});

test('the random source is even and repeats only with its seed', () => {
  const counts = new Array<number>(10).fill(0);
  const random = createRandom(7);
  for (let i = 0; i < 100_000; i++) counts[random.int(10)]!++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400);
  const [a, b, c] = [createRandom(1), createRandom(1), createRandom(2)];
  assert.equal(a.next(), b.next());
  assert.notEqual(a.next(), c.next());
});
