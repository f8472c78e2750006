import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disagreementOf, outlierLimits, outliers } from '../../src/fleet/hub/lead/outliers.js';
import {
  type AskedRobots,
  nextOfRollout,
  stagesOf,
} from '../../src/fleet/hub/lead/rollout-rules.js';
import { wantedVersion } from '../../src/fleet/hub/lead/wanted-version.js';
import { policyFor } from '../../src/fleet/hub/store/tables/policy-rows.js';

const ROLLOUT = {
  stages: [0, 0.1, 1],
  stageMs: 100,
  maxRefusedShare: 0.5,
  maxRolledBackShare: 0.1,
};
const OUTLIERS = {
  flagFactor: 4,
  quarantineFactor: 12,
  minExcess: 1,
  minSamples: 20,
  automatic: true,
};

const asked = (...states: (AskedRobots['state'] | 'away')[]): AskedRobots[] =>
  states.map((state) =>
    state === 'away'
      ? { online: false, state: null, robots: 1 }
      : { online: true, state, robots: 1 },
  );

test('stages: one robot, a tenth, all; each has one more at least', () => {
  const order = Array.from({ length: 30 }, (_, i) => `r${i}`);
  const counts = [0, 1, 2].map(
    (stage) => stagesOf(order, ROLLOUT.stages).filter((one) => one.stage === stage).length,
  );
  assert.deepEqual(counts, [1, 2, 27]);
  assert.deepEqual(
    stagesOf(['a', 'b'], ROLLOUT.stages).map(({ stage }) => stage),
    [0, 1],
  );
});

test('a rollout goes on when those asked have answered, and the stage has lasted', () => {
  const at = { state: 'running', stage: 0 } as const;
  assert.equal(nextOfRollout(at, asked(null), 1_000, ROLLOUT), null);
  assert.equal(nextOfRollout(at, asked('serving', 'judging'), 1_000, ROLLOUT), null);
  assert.equal(nextOfRollout(at, asked('serving'), 99, ROLLOUT), null);
  assert.equal(nextOfRollout(at, asked('away'), 1_000, ROLLOUT), null);
  assert.equal(nextOfRollout(at, [], 1_000, ROLLOUT), null);
  assert.deepEqual(nextOfRollout(at, asked('serving', 'away', 'held'), 100, ROLLOUT), {
    state: 'running',
    stage: 1,
    reason: null,
  });
  const last = { state: 'running', stage: 2 } as const;
  assert.equal(
    nextOfRollout(last, asked('serving', 'trial', 'refused'), 100, ROLLOUT)?.state,
    'done',
  );
  assert.equal(nextOfRollout({ ...at, state: 'paused' }, asked('serving'), 100, ROLLOUT), null);
});

test('refusals and heads that robots rolled back stop a rollout', () => {
  const at = { state: 'running', stage: 1 } as const;
  // One refusal of one or two proves little.
  assert.equal(nextOfRollout(at, asked('refused', 'refused'), 0, ROLLOUT), null);
  assert.equal(
    nextOfRollout(at, asked('refused', 'refused', 'serving'), 0, ROLLOUT)?.state,
    'stopped',
  );
  assert.equal(
    nextOfRollout(at, asked('refused', 'trial', 'serving', 'refused'), 0, ROLLOUT),
    null,
  );
  assert.equal(
    nextOfRollout(at, asked('rolled_back', 'serving', null), 0, ROLLOUT)?.state,
    'stopped',
  );
});

test('which head a robot is to follow', () => {
  const scope = { settledVersion: 3, rollBack: 0 };
  const follow = { follow: 'follow', version: null } as const;
  const rollout = { version: 4, state: 'running', stage: 1 } as const;
  const version = (stage: number | null, state: 'running' | 'stopped' | 'done' | 'rolled_back') =>
    wantedVersion(scope, { ...rollout, state }, stage, 3, follow).version;
  assert.equal(version(1, 'running'), 4);
  assert.equal(version(2, 'running'), 3);
  assert.equal(version(null, 'running'), 3);
  assert.equal(version(0, 'stopped'), 4);
  assert.equal(version(2, 'stopped'), 3);
  assert.equal(version(2, 'done'), 4);
  const back = wantedVersion(
    { settledVersion: 2, rollBack: 1 },
    { ...rollout, state: 'rolled_back' },
    0,
    3,
    follow,
  );
  assert.deepEqual(back, { version: 2, rollBack: true });
  assert.equal(wantedVersion(scope, rollout, 0, 3, { follow: 'pinned', version: 1 }).version, 1);
});

test('the policy of a robot goes before that of its group, that of a task before that of all', () => {
  const policies = [
    { subject: 'group:north', scope: 0, follow: 'paused', version: null },
    { subject: 'group:north', scope: 2, follow: 'pinned', version: 4 },
    { subject: 'robot:a', scope: 0, follow: 'follow', version: null },
  ] as const;
  assert.equal(policyFor(policies, 'b', 'north', 1).follow, 'paused');
  assert.equal(policyFor(policies, 'b', 'north', 2).version, 4);
  assert.equal(policyFor(policies, 'a', 'north', 2).follow, 'follow');
  assert.equal(policyFor(policies, 'c', null, 2).follow, 'follow');
});

test('a robot on whose samples all other heads fail is an outlier', () => {
  const usual = [0.3, 0.4, 0.35, 0.5].map((logLoss, i) => {
    return { robot: `r${i}`, samples: 50, accuracy: 0.9, logLoss };
  });
  const contrary = { robot: 'x', samples: 50, accuracy: 0.1, logLoss: 6 };
  assert.deepEqual(outliers(usual, OUTLIERS), []);
  const [found, ...others] = outliers([...usual, contrary], OUTLIERS);
  assert.deepEqual(others, []);
  assert.equal(found?.robot, 'x');
  assert.equal(found?.state, 'quarantined');
  // Hard, not contrary: an operator looks.
  const hard = { ...contrary, accuracy: 0.6 };
  assert.equal(outliers([...usual, hard], OUTLIERS)[0]?.state, 'flagged');
  assert.equal(
    outliers([...usual, contrary], { ...OUTLIERS, automatic: false })[0]?.state,
    'flagged',
  );
  // Too few robots, or samples, tell nothing.
  assert.deepEqual(outliers([usual[0]!, contrary], OUTLIERS), []);
  assert.deepEqual(outliers([...usual, { ...contrary, samples: 5 }], OUTLIERS), []);
  // How far it is above the median, and from where it is flagged and quarantined.
  const judged = [...usual, contrary];
  const far = disagreementOf({ ...contrary, round: 3 }, outlierLimits(judged, OUTLIERS), OUTLIERS)!;
  assert.equal(far.round, 3);
  for (const [value, wanted] of [
    [far.excess, 5.6],
    [far.flagAt, 1],
    [far.quarantineAt, 2],
  ] as const) {
    assert.ok(Math.abs((value ?? 0) - wanted) < 1e-9, `${value}`);
  }
  const near = disagreementOf(
    { ...usual[0]!, round: 3 },
    outlierLimits(judged, OUTLIERS),
    OUTLIERS,
  )!;
  assert.ok(Math.abs(near.excess + 0.1) < 1e-9, `${near.excess}`);
  const manual = { ...OUTLIERS, automatic: false };
  assert.equal(
    disagreementOf({ ...contrary, round: 3 }, outlierLimits(judged, manual), manual)?.quarantineAt,
    null,
  );
  assert.equal(
    disagreementOf({ ...contrary, round: 3 }, outlierLimits([contrary], OUTLIERS), OUTLIERS),
    null,
  );
  assert.equal(
    disagreementOf(
      { ...contrary, samples: 5, round: 3 },
      outlierLimits(judged, OUTLIERS),
      OUTLIERS,
    ),
    null,
  );
  // Close to each other: a small difference is none.
  const close = [0.3, 0.3, 0.3, 0.9].map((logLoss, i) => ({ ...usual[i]!, logLoss }));
  assert.deepEqual(outliers(close, OUTLIERS), []);
});
