import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AlertEvent, AlertRules, type Observation } from '../../src/alerts/rules.js';
import type { LocalTime } from '../../src/alerts/schedule.js';
import { type AlertRuleConfig, configSchema } from '../../src/config/schema.js';

type Settings = Record<string, unknown>;

function rulesOf(...rules: Settings[]): AlertRuleConfig[] {
  return configSchema.parse({
    alerts: { rules: rules.map((each, index) => ({ name: `rule${index}`, ...each })) },
  }).alerts.rules;
}

function alertRules(rules: AlertRuleConfig[], localTime: () => LocalTime | null = () => null) {
  return new AlertRules({ rules, metersPerSecond: null, speedMaxAgeMs: 2_000 }, localTime);
}

const ONCE = { matches: 1, ofFrames: 1, holdMs: 0 };

function seen(atMs: number, label = 'x', probability = 0.9, noveltyPValue: number | null = null) {
  const decision = { label, probability, guess: false };
  const place = { task: 'main', camera: 'main', region: null };
  return { ...place, frame: decision, scene: decision, noveltyPValue, atMs } satisfies Observation;
}

const states = (events: readonly AlertEvent[]): string[] => events.map(({ state }) => state);
const robot = (condition: 'board_hot' | 'clock_unset' | 'disk_low') => {
  return { condition, camera: null, task: null } as const;
};

/** Something that changes between two states, and for how long it must stay in each. */
class Steady {
  #on = false;
  #sinceMs: number | null = null;
  changes = 0;

  constructor(
    private readonly minOnMs: number,
    private readonly minOffMs: number,
  ) {}

  follow(on: boolean, nowMs: number): void {
    if (on === this.#on) return;
    const minMs = this.#on ? this.minOnMs : this.minOffMs;
    const stayedMs = this.#sinceMs === null ? Number.POSITIVE_INFINITY : nowMs - this.#sinceMs;
    assert.ok(stayedMs >= minMs, `${this.#on ? 'on' : 'off'} for ${stayedMs} of ${minMs} ms`);
    this.#on = on;
    this.#sinceMs = nowMs;
    this.changes += 1;
  }
}

interface Step {
  waitMs: number;
  kind: string;
  label: string;
  probability: number;
  noveltyPValue: number | null;
}

const OUTPUTS = ['horn', 'lamp'] as const;
const CLOCKS: Record<string, LocalTime | null> = {
  day: { day: 1, minute: 720 },
  night: { day: 1, minute: 0 },
  unset: null,
};

/** Rules that are shown a stream, with a witness of each alert and output. */
class Watched {
  readonly #rules: AlertRules;
  readonly #alerts: ReadonlyMap<string, Steady>;
  readonly #outputs: ReadonlyMap<string, Steady>;
  #clock: LocalTime | null = null;
  #nowMs = 0;

  constructor(configs: AlertRuleConfig[]) {
    this.#rules = alertRules(configs, () => this.#clock);
    this.#alerts = new Map(configs.map((r) => [r.name, new Steady(r.minOnMs, r.minOffMs)]));
    const longest = (output: string, limit: 'minOnMs' | 'minOffMs') =>
      Math.max(0, ...configs.filter((r) => r.output === output).map((r) => r[limit]));
    this.#outputs = new Map(
      OUTPUTS.map((name) => [
        name,
        new Steady(longest(name, 'minOnMs'), longest(name, 'minOffMs')),
      ]),
    );
  }

  get changes(): number {
    return [...this.#alerts.values()].reduce((sum, { changes }) => sum + changes, 0);
  }

  take(step: Step): void {
    this.#wait(step.waitMs);
    const clock = CLOCKS[step.kind];
    if (clock !== undefined) this.#clock = clock;
    this.#hear(this.#show(step));
  }

  /** Nothing more comes: every alert and output ends. */
  end(): void {
    this.#clock = null;
    for (let turn = 0; turn < 200; turn++) {
      this.#wait(10);
      this.#hear(this.#rules.report(robot('board_hot'), false, this.#nowMs));
    }
    assert.deepEqual(this.#rules.raised, []);
    assert.deepEqual([...this.#rules.activeOutputs(this.#nowMs)], []);
  }

  #show({ kind, label, probability, noveltyPValue }: Step): AlertEvent[] {
    const nowMs = this.#nowMs;
    if (kind === 'frame')
      return this.#rules.observe(seen(nowMs, label, probability, noveltyPValue));
    if (kind === 'hot' || kind === 'cool')
      return this.#rules.report(robot('board_hot'), kind === 'hot', nowMs);
    return this.#rules.tick(nowMs);
  }

  #hear(events: readonly AlertEvent[]): void {
    for (const { rule, state, atMs } of events)
      this.#alerts.get(rule)?.follow(state === 'raised', atMs);
    this.#look();
  }

  /** As the daemon does: outputs follow at the moment that the rules name. */
  #wait(waitMs: number): void {
    const untilMs = this.#nowMs + waitMs;
    for (let next = this.#rules.nextSwitchMs; next !== null && next <= untilMs; ) {
      this.#nowMs = Math.max(this.#nowMs, next);
      this.#look();
      next = this.#rules.nextSwitchMs;
    }
    this.#nowMs = untilMs;
  }

  #look(): void {
    const on = this.#rules.activeOutputs(this.#nowMs);
    for (const [name, output] of this.#outputs) output.follow(on.has(name), this.#nowMs);
  }
}

describe('limits of alert rules', () => {
  it('keep alerts and outputs from changing faster, whatever comes', () => {
    const anyRule = fc
      .record({
        trigger: fc.constantFrom({ labels: ['x'] }, { noveltyBelow: 0.1 }, { on: ['board_hot'] }),
        ofFrames: fc.integer({ min: 1, max: 3 }),
        holdMs: fc.integer({ min: 0, max: 40 }),
        minOnMs: fc.integer({ min: 0, max: 120 }),
        minOffMs: fc.integer({ min: 0, max: 120 }),
        delayMs: fc.integer({ min: 0, max: 30 }),
        output: fc.constantFrom('horn', 'lamp'),
        schedule: fc.constantFrom([], [{ from: '06:00', to: '18:00' }]),
      })
      .map(({ trigger, ...rule }) => ({ ...rule, ...trigger, matches: 1 }));
    const anyStep = fc.record({
      waitMs: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(150, 1_000)),
      kind: fc.constantFrom('frame', 'frame', 'tick', 'hot', 'cool', 'day', 'night', 'unset'),
      label: fc.constantFrom('x', 'y'),
      probability: fc.constantFrom(0.2, 0.6, 0.9),
      noveltyPValue: fc.constantFrom(null, 0.01, 0.5),
    });
    let changes = 0;
    fc.assert(
      fc.property(
        fc.array(anyRule, { minLength: 1, maxLength: 3 }),
        fc.array(anyStep, { minLength: 20, maxLength: 80 }),
        (settings, steps) => {
          const watched = new Watched(rulesOf(...settings));
          for (const step of steps) watched.take(step);
          watched.end();
          changes += watched.changes;
        },
      ),
      { numRuns: 400 },
    );
    assert.ok(changes > 1_000, `the streams raise alerts at all: ${changes}`);
  });

  it('lets an output be on only while its alert is raised', () => {
    const anyStep = fc.record({
      waitMs: fc.integer({ min: 0, max: 60 }),
      label: fc.constantFrom('x', 'y'),
    });
    const limits = fc.record({
      minOnMs: fc.integer({ min: 0, max: 100 }),
      minOffMs: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(limits, fc.array(anyStep, { maxLength: 60 }), (limit, steps) => {
        const rules = alertRules(rulesOf({ labels: ['x'], ...ONCE, ...limit, output: 'horn' }));
        let nowMs = 0;
        for (const { waitMs, label } of steps) {
          nowMs += waitMs;
          rules.observe(seen(nowMs, label));
          assert.equal(rules.activeOutputs(nowMs).has('horn'), rules.raised.length > 0);
        }
      }),
    );
  });

  it('make an output that rules share wait for the slowest, and say until when', () => {
    const once = { ...ONCE, output: 'horn' };
    const rules = alertRules(
      rulesOf({ ...once, labels: ['x'] }, { ...once, labels: ['y'], minOffMs: 100 }),
    );
    const on = (atMs: number): boolean => rules.activeOutputs(atMs).has('horn');
    rules.observe(seen(0, 'x'));
    assert.equal(on(0), true);
    rules.observe(seen(10, 'z'));
    assert.equal(on(10), false);
    assert.equal(rules.nextSwitchMs, null);
    rules.observe(seen(20, 'x'));
    assert.deepEqual([on(20), rules.nextSwitchMs], [false, 110]);
    assert.deepEqual([on(109), on(110), rules.nextSwitchMs], [false, true, null]);
  });

  it('raise what still matches when the time off is over, and clear when the time on is', () => {
    const rules = alertRules(rulesOf({ labels: ['x'], ...ONCE, minOnMs: 100, minOffMs: 200 }));
    assert.deepEqual(states(rules.observe(seen(0))), ['raised']);
    assert.deepEqual(states(rules.tick(99)), []);
    assert.deepEqual(states(rules.tick(100)), ['cleared']);
    assert.deepEqual(states(rules.observe(seen(299))), []);
    assert.deepEqual(states(rules.observe(seen(300))), ['raised']);
  });
});

describe('the probability that keeps an alert', () => {
  it('is lower than the one that raises it', () => {
    const limits = { minProbability: 0.8, clearBelowProbability: 0.5 };
    const rules = alertRules(rulesOf({ labels: ['x'], ...ONCE, ...limits, holdMs: 100 }));
    assert.deepEqual(states(rules.observe(seen(0, 'x', 0.79))), [], 'does not raise');
    assert.deepEqual(states(rules.observe(seen(10, 'x', 0.8))), ['raised']);
    assert.deepEqual(states(rules.observe(seen(90, 'x', 0.5))), []);
    assert.deepEqual(states(rules.tick(189)), [], 'held from the frame that kept it');
    assert.deepEqual(states(rules.observe(seen(190, 'x', 0.49))), ['cleared']);
    assert.deepEqual(states(rules.observe(seen(191, 'y', 0.9))), []);
  });

  it('makes no alert shorter when it is lower, and raises none earlier', () => {
    const stream = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 30 }),
        probability: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { maxLength: 60 },
    );
    const bound = fc.double({ min: 0, max: 0.7, noNaN: true });
    fc.assert(
      fc.property(stream, bound, bound, (steps, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const make = (clearBelowProbability: number) =>
          alertRules(rulesOf({ labels: ['x'], ...ONCE, holdMs: 20, clearBelowProbability }));
        const [tough, loose] = [make(high), make(low)];
        let nowMs = 0;
        for (const { waitMs, probability } of steps) {
          nowMs += waitMs;
          for (const rules of [tough, loose]) rules.observe(seen(nowMs, 'x', probability));
          assert.ok(tough.raised.length <= loose.raised.length);
        }
      }),
    );
  });
});

describe('triggers of alert rules', () => {
  it('novelty counts frames below a p-value, whatever their label, and none without one', () => {
    const rules = alertRules(rulesOf({ noveltyBelow: 0.05, matches: 2, ofFrames: 3, holdMs: 0 }));
    assert.deepEqual(rules.observe(seen(0, 'x', 0.1, 0.049)), []);
    assert.deepEqual(rules.observe(seen(1, 'x', 0.9, 0.05)), []);
    const [event] = rules.observe(seen(2, 'y', 0.3, 0));
    assert.deepEqual(
      [event?.state, event?.label, event?.noveltyPValue, event?.condition],
      ['raised', 'y', 0, null],
    );
    assert.deepEqual(states(rules.observe(seen(3, 'x', 0.9, null))), ['cleared']);
  });

  it('a condition raises at once, lasts with it, and is held after it', () => {
    const rules = alertRules(
      rulesOf({ on: ['board_hot', 'disk_low'], holdMs: 100, output: 'lamp' }),
    );
    assert.deepEqual(rules.report(robot('clock_unset'), true, 0), [], 'not of this rule');
    const [event] = rules.report(robot('board_hot'), true, 10);
    assert.deepEqual(
      [event?.state, event?.condition, event?.label, event?.camera],
      ['raised', 'board_hot', null, null],
    );
    assert.deepEqual(rules.report(robot('board_hot'), true, 20), []);
    assert.deepEqual(rules.tick(60_000), []);
    rules.report(robot('disk_low'), true, 60_000);
    assert.deepEqual(rules.report(robot('board_hot'), false, 60_010), [], 'the disk is full still');
    assert.deepEqual(rules.tick(61_000), []);
    assert.deepEqual(rules.report(robot('disk_low'), false, 61_001), []);
    assert.deepEqual(rules.observe(seen(61_050)), []);
    assert.deepEqual([...rules.activeOutputs(61_050)], ['lamp']);
    assert.deepEqual(states(rules.tick(61_100)), ['cleared']);
    assert.deepEqual([...rules.activeOutputs(61_100)], []);
  });

  it('a condition that had to wait for its time off is raised without another report', () => {
    const rules = alertRules(rulesOf({ on: ['board_hot'], holdMs: 0, minOffMs: 100 }));
    rules.report(robot('board_hot'), true, 0);
    assert.deepEqual(rules.tick(5), [], 'it lasts');
    assert.deepEqual(states(rules.report(robot('board_hot'), false, 10)), ['cleared']);
    assert.deepEqual(states(rules.report(robot('board_hot'), true, 20)), []);
    assert.deepEqual(states(rules.tick(109)), []);
    assert.deepEqual(states(rules.tick(110)), ['raised']);
  });

  it('conditions of cameras and tasks are kept apart, and rules may name one', () => {
    const rules = alertRules(
      rulesOf(
        { on: ['camera_lost'], holdMs: 0 },
        { on: ['camera_lost'], holdMs: 0, camera: 'rear' },
        { on: ['training_failed'], holdMs: 0, task: 'gates' },
      ),
    );
    const lost = (camera: string, lasts: boolean, atMs: number) =>
      rules
        .report({ condition: 'camera_lost', camera, task: null }, lasts, atMs)
        .map((event) => `${event.rule} ${event.state} ${event.camera}`);
    assert.deepEqual(lost('front', true, 0), ['rule0 raised front']);
    assert.deepEqual(lost('rear', true, 1), ['rule0 raised rear', 'rule1 raised rear']);
    assert.deepEqual(lost('front', false, 2), ['rule0 cleared front']);
    const failed = (task: string) =>
      rules.report({ condition: 'training_failed', camera: null, task }, true, 3);
    assert.deepEqual(failed('weeds'), []);
    assert.deepEqual(
      failed('gates').map(({ task }) => task),
      ['gates'],
    );
  });

  it('a rule outside of its schedule raises nothing, and ends what was raised', () => {
    let clock: LocalTime | null = { day: 1, minute: 60 };
    const schedule = [{ from: '06:00', to: '18:00' }];
    const rules = alertRules(
      rulesOf(
        { labels: ['x'], ...ONCE, holdMs: 10_000, minOnMs: 50, schedule },
        { on: ['board_hot'], schedule },
      ),
      () => clock,
    );
    assert.deepEqual(rules.observe(seen(0)), []);
    assert.deepEqual(rules.report(robot('board_hot'), true, 1), []);
    clock = { day: 1, minute: 360 };
    const begun = [...rules.tick(2), ...rules.observe(seen(3))].map(({ rule, state }) => [
      rule,
      state,
    ]);
    assert.deepEqual(begun, [
      ['rule1', 'raised'],
      ['rule0', 'raised'],
    ]);
    clock = { day: 1, minute: 1_080 };
    assert.deepEqual(
      rules.observe(seen(52)).map(({ rule }) => rule),
      ['rule1'],
    );
    assert.deepEqual(
      rules.tick(53).map(({ rule, state }) => [rule, state]),
      [['rule0', 'cleared']],
    );
    clock = null;
    assert.equal(rules.tick(54)[0]?.rule, 'rule1', 'without a clock it applies');
  });
});

describe('acknowledging alerts', () => {
  it('switches their outputs off at once, until they rise again', () => {
    const rules = alertRules(
      rulesOf(
        { labels: ['x'], ...ONCE, minOnMs: 1_000, output: 'horn' },
        { labels: ['x'], ...ONCE, output: 'lamp' },
      ),
    );
    rules.observe(seen(0));
    assert.deepEqual([...rules.activeOutputs(0)], ['horn', 'lamp']);
    const [event, ...others] = rules.acknowledge('rule0', 10);
    assert.deepEqual(
      [event?.rule, event?.state, event?.output, others],
      ['rule0', 'acknowledged', 'horn', []],
    );
    assert.deepEqual([...rules.activeOutputs(10)], ['lamp']);
    assert.deepEqual(rules.acknowledge('rule0', 11), [], 'once');
    rules.observe(seen(900));
    assert.deepEqual([...rules.activeOutputs(900)], ['lamp'], 'it is still the same alert');
    assert.deepEqual(
      rules.raised.map(({ rule, acknowledged }) => [rule, acknowledged]),
      [
        ['rule0', true],
        ['rule1', false],
      ],
    );
    assert.deepEqual(states(rules.observe(seen(1_000, 'y'))), ['cleared', 'cleared']);
    assert.deepEqual(states(rules.observe(seen(1_001))), ['raised', 'raised']);
    assert.deepEqual([...rules.activeOutputs(1_001)], ['horn', 'lamp']);
    assert.equal(rules.acknowledge(null, 1_002).length, 2);
    assert.deepEqual([...rules.activeOutputs(1_002)], []);
  });

  it('also takes back an output that is still to come', () => {
    const rules = alertRules(rulesOf({ labels: ['x'], ...ONCE, delayMs: 500, output: 'horn' }));
    rules.observe(seen(0));
    assert.equal(rules.nextSwitchMs, 500);
    rules.acknowledge(null, 100);
    assert.equal(rules.nextSwitchMs, null);
    assert.deepEqual([...rules.activeOutputs(500)], []);
  });

  it('also switches off what a cleared alert keeps on while the robot stands', () => {
    const rules = sprayer();
    rules.observe(seen(0));
    assert.deepEqual([...rules.activeOutputs(500)], ['nozzle']);
    rules.reportSpeed(0, 500);
    assert.deepEqual(states(rules.observe(seen(600, 'y'))), ['cleared']);
    assert.deepEqual([...rules.activeOutputs(99_000)], ['nozzle'], 'off is half a metre ahead');
    assert.deepEqual(rules.acknowledge('other', 99_000), []);
    assert.deepEqual([...rules.activeOutputs(99_000)], ['nozzle'], 'of another rule');
    assert.deepEqual(rules.acknowledge('rule0', 99_001), [], 'no alert is raised');
    assert.deepEqual([...rules.activeOutputs(99_001)], []);
    assert.equal(rules.nextSwitchMs, null);
  });

  it('also ends a minimum time for which no alert wants the output, but none of a raised one', () => {
    const shared = { ...ONCE, output: 'horn' };
    const rules = alertRules(
      rulesOf(
        { labels: ['x'], ...shared },
        { labels: ['z'], ...shared },
        { labels: ['slow'], ...shared, minOnMs: 5_000 },
      ),
    );
    rules.observe(seen(0));
    rules.activeOutputs(0);
    rules.observe(seen(10, 'y'));
    assert.deepEqual([...rules.activeOutputs(10)], ['horn'], 'the limit of all rules');
    rules.acknowledge('rule0', 20);
    assert.deepEqual([...rules.activeOutputs(20)], []);
    rules.observe(seen(30, 'z'));
    rules.activeOutputs(30);
    rules.acknowledge('rule0', 40);
    rules.observe(seen(50, 'y'));
    assert.deepEqual([...rules.activeOutputs(5_029)], ['horn']);
    assert.deepEqual([...rules.activeOutputs(5_030)], []);
  });

  it('leaves the next alert its output, also while the robot stands', () => {
    const rules = sprayer();
    rules.reportSpeed(0, 0);
    rules.observe(seen(10));
    assert.equal(rules.acknowledge(null, 20).length, 1);
    assert.deepEqual(states(rules.observe(seen(30, 'y'))), ['cleared']);
    assert.deepEqual(states(rules.observe(seen(40))), ['raised']);
    rules.reportSpeed(1, 50);
    assert.equal(rules.nextSwitchMs, 550);
    assert.deepEqual([...rules.activeOutputs(550)], ['nozzle']);
  });
});

/** A nozzle half a metre behind the camera, at 1 m/s. */
function sprayer(): AlertRules {
  const rules = rulesOf({ labels: ['x'], ...ONCE, delayMeters: 0.5, output: 'nozzle' });
  const settings = { rules, metersPerSecond: 1, speedMaxAgeMs: 1_000_000 };
  return new AlertRules(settings, () => null);
}
