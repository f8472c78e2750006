import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHeadlandError } from '../../src/errors.js';
import {
  bootstrapMacroF1Delta,
  mcnemarPValue,
  type PairedPredictions,
  RollbackMonitor,
  spentAlpha,
} from '../../src/head/compare.js';
import { classificationMetrics } from '../../src/head/metrics.js';
import { seededRandom } from '../../src/head/random.js';
import { Draw } from './synthetic.js';

test('exact McNemar equals the binomial tail', () => {
  for (const [wins, losses, p] of [
    [5, 0, 0.031],
    [8, 1, 0.02],
    [10, 2, 0.019],
    [12, 4, 0.038],
    [15, 5, 0.021],
  ] as const) {
    assert.equal(Math.round(mcnemarPValue(wins, losses) * 1000) / 1000, p);
  }
  assert.ok(Math.abs(mcnemarPValue(5, 0) - 1 / 32) < 1e-15);
  assert.ok(Math.abs(mcnemarPValue(8, 1) - 10 / 512) < 1e-15);
  assert.equal(mcnemarPValue(0, 0), 1);
  assert.ok(Math.abs(mcnemarPValue(0, 7) - 1) < 1e-12);
});

test('both tails overlap in the observed count alone, also for thousands', () => {
  for (const [b, c] of [
    [3, 4],
    [50, 31],
    [2_500, 2_400],
  ] as const) {
    const n = b + c;
    let log = n * Math.log(0.5);
    for (let k = 1; k <= b; k++) log += Math.log(n - k + 1) - Math.log(k);
    const both = mcnemarPValue(b, c) + mcnemarPValue(c, b);
    assert.ok(Math.abs(both - 1 - Math.exp(log)) < 1e-9, `${b}:${c}`);
  }
});

/** Groups of twenty frames that are right or wrong together. */
function exam(
  groups: number,
  championRight: number,
  challengerRight: number,
  seed: number,
): PairedPredictions {
  const draw = new Draw(seed);
  const rows = {
    labels: [] as number[],
    groups: [] as number[],
    champion: [] as number[],
    challenger: [] as number[],
  };
  for (let g = 0; g < groups; g++) {
    const label = g % 3;
    const answer = (right: number) => (draw.uniform() < right ? label : (label + 1) % 3);
    const [a, b] = [answer(championRight), answer(challengerRight)];
    for (let i = 0; i < 20; i++) {
      rows.labels.push(label);
      rows.groups.push(100 - g);
      rows.champion.push(a);
      rows.challenger.push(b);
    }
  }
  return {
    labels: Int32Array.from(rows.labels),
    groups: Int32Array.from(rows.groups),
    champion: Int32Array.from(rows.champion),
    challenger: Int32Array.from(rows.challenger),
    classCount: 3,
  };
}

test('the point difference is that of the metrics', () => {
  const paired = exam(40, 0.6, 0.8, 1);
  const { labels, champion, challenger } = paired;
  const f1 = (head: Int32Array) => {
    const p = new Float64Array(labels.length * 3);
    for (const [i, c] of head.entries()) p[3 * i + c] = 1;
    return classificationMetrics(p, labels, 3).macroF1;
  };
  const { delta, lower, upper, groups } = bootstrapMacroF1Delta(paired, { seed: 1 });
  assert.ok(Math.abs(delta - (f1(challenger) - f1(champion))) < 1e-12);
  assert.ok(lower < delta && delta < upper);
  assert.equal(groups, 40);
});

test('the same seed gives the same interval, another one another', () => {
  const paired = exam(30, 0.6, 0.7, 2);
  const a = bootstrapMacroF1Delta(paired, { seed: 5 });
  assert.deepEqual(bootstrapMacroF1Delta(paired, { seed: 5 }), a);
  assert.notDeepEqual(bootstrapMacroF1Delta(paired, { seed: 6 }), a);
});

test('frames that go together widen the interval; taken as single they would flatter', () => {
  const paired = exam(30, 0.6, 0.7, 3);
  const width = (p: PairedPredictions) => {
    const { lower, upper } = bootstrapMacroF1Delta(p, { seed: 1 });
    return upper - lower;
  };
  const single = { ...paired, groups: Int32Array.from(paired.groups.keys()) };
  assert.ok(width(paired) > 3 * width(single));
});

test('the lower bound is wrong in few of many repeated exams of equal heads', () => {
  let alarms = 0;
  for (let seed = 0; seed < 200; seed++) {
    const { lower } = bootstrapMacroF1Delta(exam(40, 0.7, 0.7, 1000 + seed), { seed, draws: 300 });
    if (lower > 0) alarms++;
  }
  // Nominal 2.5 %: 5 of 200. The percentile interval of 40 groups may be a little short.
  assert.ok(alarms <= 14, `${alarms} of 200`);
});

test('equal heads differ by nothing, and a class nobody has is no matter', () => {
  const paired = exam(9, 0.5, 0.5, 4);
  const same = { ...paired, challenger: paired.champion, classCount: 7 };
  const { delta, lower, upper } = bootstrapMacroF1Delta(same, { seed: 1 });
  assert.deepEqual([delta, lower, upper], [0, 0, 0]);
});

test('comparisons that do not fit are refused', () => {
  const paired = exam(3, 0.5, 0.5, 5);
  for (const change of [
    { labels: new Int32Array(0) },
    { champion: new Int32Array(3) },
    { challenger: paired.champion.map(() => 3) },
  ]) {
    assert.throws(
      () => bootstrapMacroF1Delta({ ...paired, ...change }, { seed: 1 }),
      (e) => isHeadlandError(e, 'HL_COMPARISON_INVALID'),
    );
  }
});

test('rollback: the wealth is the root of the likelihood ratio, a fifth of it spread', () => {
  const monitor = new RollbackMonitor({ classes: 4 });
  assert.equal(monitor.observe(0.9, 0.9), false);
  assert.equal(monitor.wealth, 1);
  monitor.observe(0.9, 0.1);
  assert.ok(Math.abs(monitor.wealth - Math.sqrt(0.77 / 0.13)) < 1e-12);
  monitor.observe(0, 1);
  assert.ok(Math.abs(monitor.wealth - Math.sqrt((0.77 / 0.13) * (0.05 / 0.85))) < 1e-12);
});

test('rollback: four labels that only the old head expected call it back, three do not', () => {
  const monitor = new RollbackMonitor({ classes: 4 });
  for (let i = 0; i < 3; i++) assert.equal(monitor.observe(0.9, 0.1), false);
  assert.equal(monitor.observe(0.9, 0.1), true);
  assert.equal(new RollbackMonitor({ classes: 2 }).observe(0, 1), false);
  assert.throws(() => new RollbackMonitor({ classes: 1 }), /1 classes/);
  assert.throws(() => new RollbackMonitor({ classes: 2, alarmAt: 1 }), /alarm at 1/);
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
        if (draw.uniform() < first) monitor.observe(off, first);
        else monitor.observe(1 - off, 1 - first);
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
      monitor.observe(right ? 0.8 : 0.2, right ? 0.2 : 0.8);
    }
    assert.ok(monitor.alarm, `run ${run}`);
  }
});

test('all errors spent together stay below the total', () => {
  assert.ok(Math.abs(spentAlpha(1) - 0.0303963550927) < 1e-12);
  let sum = 0;
  for (let t = 1; t <= 100_000; t++) sum += spentAlpha(t, 0.1);
  assert.ok(sum < 0.1 && sum > 0.0999);
});

test('the random source is even and repeats only with its seed', () => {
  const counts = new Array<number>(10).fill(0);
  const random = seededRandom(7);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400);
  const [a, b, c] = [seededRandom(1), seededRandom(1), seededRandom(2)];
  assert.equal(a.next(), b.next());
  assert.notEqual(a.next(), c.next());
});
