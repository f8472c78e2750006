import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AlertEvent, AlertRules } from '../../src/alerts/rules.js';
import type { LocalTime } from '../../src/alerts/schedule.js';
import { type AlertRuleConfig, configSchema } from '../../src/config/schema.js';

/** A rule with the defaults of the configuration. */
function rule(settings: Partial<AlertRuleConfig>): AlertRuleConfig {
  const { alerts } = configSchema.parse({
    alerts: { rules: [{ name: 'thistle', labels: ['thistle'], ...settings }] },
  });
  return alerts.rules[0]!;
}

function alertRules(
  rules: AlertRuleConfig[],
  speed: Partial<ConstructorParameters<typeof AlertRules>[0]> = {},
  localTime: () => LocalTime | null = () => null,
): AlertRules {
  const settings = { rules, metersPerSecond: null, speedMaxAgeMs: 2_000, ...speed };
  return new AlertRules(settings, localTime);
}

function frame(atMs: number, label = 'thistle', probability = 0.9, camera = 'main', guess = false) {
  const decision = { label, probability, guess };
  return {
    task: 'main',
    camera,
    region: null,
    frame: decision,
    scene: decision,
    noveltyPValue: null,
    atMs,
  };
}

const CAMERAS = ['a', 'b'] as const;
const TASKS = ['main', 'gates'] as const;

type Decision = Omit<Parameters<AlertRules['observe']>[0], 'atMs'>;

const decisionOf = fc.record({
  label: fc.constantFrom('x', 'y', 'z'),
  probability: fc.constantFrom(0.2, 0.7, 0.95),
  guess: fc.boolean(),
});

/** Keeps every frame that rules were shown and says what they promise to do with it. */
class Witness {
  readonly #frames = new Map<string, { matched: boolean; atMs: number }[]>();
  readonly #raised = new Set<string>();
  raisedEvents = 0;

  constructor(private readonly rules: readonly AlertRuleConfig[]) {}

  /** @param decision null: only time has passed. */
  check(decision: Decision | null, events: readonly AlertEvent[], nowMs: number): void {
    const before = new Set(this.#raised);
    if (decision) this.#remember(decision, nowMs);
    for (const event of events) this.#hear(event);
    for (const config of this.rules) {
      for (const camera of CAMERAS) {
        for (const task of TASKS)
          this.#checkState(config, { task, camera }, decision, before, nowMs);
      }
    }
  }

  get outputs(): Set<string> {
    const raised = this.rules.filter(({ name }) =>
      CAMERAS.some((camera) => TASKS.some((task) => this.#raised.has(`${name} ${task} ${camera}`))),
    );
    return new Set(raised.flatMap(({ output }) => output ?? []));
  }

  #remember(decision: Decision, atMs: number): void {
    for (const { name, task, camera, labels, guesses, decision: kind } of this.rules) {
      if (task !== null && task !== decision.task) continue;
      if (camera !== null && camera !== decision.camera) continue;
      const { label, probability, guess } = kind === 'scene' ? decision.scene : decision.frame;
      const matched = labels.includes(label) && probability >= 0.7 && (guesses || !guess);
      const key = `${name} ${decision.task} ${decision.camera}`;
      this.#frames.set(key, [...(this.#frames.get(key) ?? []), { matched, atMs }]);
    }
  }

  #hear({ rule, task, camera, state }: AlertEvent): void {
    const key = `${rule} ${task} ${camera}`;
    assert.equal(state === 'raised', !this.#raised.has(key), 'states alternate');
    if (state === 'raised') {
      this.#raised.add(key);
      this.raisedEvents++;
    } else {
      this.#raised.delete(key);
    }
  }

  #checkState(
    { name, matches, ofFrames, holdMs }: AlertRuleConfig,
    { task, camera }: { task: string; camera: string },
    decision: Decision | null,
    before: ReadonlySet<string>,
    nowMs: number,
  ): void {
    const key = `${name} ${task} ${camera}`;
    const seen = this.#frames.get(key) ?? [];
    const shown = decision?.camera === camera && decision.task === task;
    const justMatched = shown && seen.at(-1)?.matched === true;
    if (before.has(key)) {
      const lastMatchMs = seen.findLast(({ matched }) => matched)?.atMs ?? -1_000;
      const held = nowMs - lastMatchMs < holdMs;
      assert.equal(this.#raised.has(key), justMatched || held, 'held, then cleared');
    } else {
      const enough = seen.slice(-ofFrames).filter(({ matched }) => matched).length >= matches;
      const due = justMatched && enough;
      assert.equal(this.#raised.has(key), due, 'raised by N of M, and only so');
    }
  }
}

describe('AlertRules', () => {
  it('switches an output when the robot has travelled the distance to it', () => {
    const rules = alertRules(
      [rule({ matches: 1, ofFrames: 1, holdMs: 100, output: 'nozzle', delayMeters: 0.5 })],
      { metersPerSecond: 1, speedMaxAgeMs: 1_000 },
    );
    rules.observe(frame(0));
    assert.equal(rules.nextSwitchMs, 500);
    assert.equal(rules.tick(100)[0]?.state, 'cleared');
    // It goes twice as fast from the middle of the way on.
    rules.reportSpeed(2, 250);
    assert.equal(rules.nextSwitchMs, 375);
    assert.deepEqual([...rules.activeOutputs(374)], []);
    assert.deepEqual([...rules.activeOutputs(375)], ['nozzle']);
    // It stands: the output stays on until the cleared place is below it.
    rules.reportSpeed(0, 400);
    assert.deepEqual([...rules.activeOutputs(1_300)], ['nozzle']);
    assert.equal(rules.nextSwitchMs, 1_400 + 50, 'the report is too old after a second');
  });

  it('raises at the Nth match of the last M frames and clears after the hold time', () => {
    const rules = alertRules([rule({ matches: 2, ofFrames: 3, holdMs: 1_000, output: 'beacon' })]);
    assert.deepEqual(rules.observe(frame(0)), []);
    assert.deepEqual(rules.observe(frame(100, 'maize')), []);
    assert.deepEqual(rules.observe(frame(200, 'thistle', 0.8)), [
      {
        rule: 'thistle',
        task: 'main',
        state: 'raised',
        camera: 'main',
        region: null,
        label: 'thistle',
        probability: 0.8,
        noveltyPValue: null,
        condition: null,
        atMs: 200,
        output: 'beacon',
      },
    ]);
    assert.deepEqual([...rules.activeOutputs(200)], ['beacon']);
    assert.deepEqual(rules.observe(frame(300)), [], 'raised once');
    assert.deepEqual(rules.tick(1_299), []);
    const [cleared] = rules.tick(1_300);
    assert.equal(cleared?.state, 'cleared');
    assert.equal(cleared?.atMs, 1_300);
    assert.equal(cleared?.probability, 0.9, 'of the last match');
    assert.deepEqual([...rules.activeOutputs(1_300)], []);
  });

  it('forgets matches that are further back than M frames', () => {
    const rules = alertRules([rule({ matches: 2, ofFrames: 3, holdMs: 1_000 })]);
    for (const [atMs, label] of ['thistle', 'maize', 'maize', 'thistle'].entries())
      assert.deepEqual(rules.observe(frame(atMs, label)), []);
    assert.equal(rules.observe(frame(4)).length, 1);
  });

  it('counts guesses only if the rule does', () => {
    const always = { matches: 1, ofFrames: 1 };
    const rules = alertRules([
      rule({ name: 'sure', ...always }),
      rule({ name: 'any', guesses: true, ...always }),
    ]);
    const guess = rules.observe(frame(0, 'thistle', 0.9, 'main', true));
    assert.deepEqual(
      guess.map((event) => event.rule),
      ['any'],
    );
    const sure = rules.observe(frame(1));
    assert.deepEqual(
      sure.map((event) => event.rule),
      ['sure'],
    );
  });

  it('counts each camera separately, and only the camera of the rule', () => {
    const rules = alertRules([
      rule({ name: 'any', matches: 2, ofFrames: 2 }),
      rule({ name: 'front-only', camera: 'front', matches: 1, ofFrames: 1 }),
    ]);
    assert.deepEqual(rules.observe(frame(0, 'thistle', 0.9, 'rear')), []);
    const names = (events: AlertEvent[]) => events.map((e) => `${e.rule} ${e.camera}`);
    assert.deepEqual(names(rules.observe(frame(1, 'thistle', 0.9, 'front'))), ['front-only front']);
    assert.deepEqual(names(rules.observe(frame(2, 'thistle', 0.9, 'rear'))), ['any rear']);
  });

  it('watches each region of a camera by itself, or one of them', () => {
    const once = { matches: 1, ofFrames: 1, holdMs: 1_000 };
    const rules = alertRules([
      rule({ ...once, name: 'left', region: 'left', output: 'nozzle-1' }),
      rule({ ...once, name: 'right', region: 'right', output: 'nozzle-2' }),
      rule({ ...once, name: 'any' }),
    ]);
    const seen = (atMs: number, region: string | null) =>
      rules.observe({ ...frame(atMs), region }).map((event) => `${event.rule} ${event.region}`);
    assert.deepEqual(seen(0, 'left'), ['left left', 'any left']);
    assert.deepEqual([...rules.activeOutputs(0)], ['nozzle-1']);
    assert.deepEqual(seen(1, 'right'), ['right right', 'any right']);
    assert.deepEqual([...rules.activeOutputs(1)].sort(), ['nozzle-1', 'nozzle-2']);
    assert.deepEqual(seen(2, null), ['any null']);
  });

  it('switches the output later, by the delay of the rule', () => {
    const rules = alertRules([
      rule({ matches: 1, ofFrames: 1, holdMs: 100, delayMs: 300, output: 'nozzle' }),
    ]);
    const on = (atMs: number) => rules.activeOutputs(atMs).has('nozzle');
    assert.equal(rules.observe(frame(0)).length, 1, 'the event comes at once');
    assert.deepEqual([on(0), on(299), rules.nextSwitchMs], [false, false, 300]);
    assert.equal(rules.tick(100).length, 1);
    assert.deepEqual([on(299), on(300), on(399), on(400)], [false, true, true, false]);
    assert.equal(rules.nextSwitchMs, null);
  });

  it('requires a listed label with enough probability; unknown is a label', () => {
    const rules = alertRules([
      rule({ labels: ['thistle', 'unknown'], minProbability: 0.7, matches: 1, ofFrames: 1 }),
    ]);
    assert.deepEqual(rules.observe(frame(0, 'thistle', 0.699)), []);
    assert.deepEqual(rules.observe(frame(1, 'dock', 1)), []);
    assert.equal(rules.observe(frame(2, 'unknown', 0.7)).length, 1);
  });

  it('keeps an output on while any rule requires it', () => {
    const rules = alertRules([
      rule({ name: 'short', matches: 1, ofFrames: 1, holdMs: 100, output: 'horn' }),
      rule({ name: 'long', matches: 1, ofFrames: 1, holdMs: 900, output: 'horn' }),
    ]);
    rules.observe(frame(0));
    assert.equal(rules.tick(500).length, 1);
    assert.deepEqual([...rules.activeOutputs(500)], ['horn']);
    assert.equal(rules.tick(900).length, 1);
    assert.equal(rules.activeOutputs(900).size, 0);
  });

  it('does not raise again from an old window without a new match', () => {
    const rules = alertRules([rule({ matches: 2, ofFrames: 5, holdMs: 10 })]);
    rules.observe(frame(0));
    assert.equal(rules.observe(frame(1)).length, 1);
    assert.equal(rules.tick(100).length, 1);
    assert.deepEqual(rules.observe(frame(101, 'maize')), []);
    assert.equal(rules.observe(frame(102))[0]?.state, 'raised');
  });

  it('satisfies its specification for any rules and any stream', () => {
    const anyRule = fc
      .record({
        ofFrames: fc.integer({ min: 1, max: 6 }),
        more: fc.nat(5),
        holdMs: fc.integer({ min: 0, max: 50 }),
        task: fc.constantFrom(null, ...TASKS),
        camera: fc.constantFrom(null, 'a', 'b'),
        guesses: fc.boolean(),
        decision: fc.constantFrom('scene' as const, 'frame' as const),
        output: fc.constantFrom(null, 'horn', 'beacon'),
        labels: fc.subarray(['x', 'y'], { minLength: 1 }),
      })
      .map(({ more, ...r }) => ({ ...r, matches: 1 + (more % r.ofFrames) }));
    const anyStep = fc.record({
      waitMs: fc.integer({ min: 0, max: 30 }),
      tickOnly: fc.boolean(),
      task: fc.constantFrom(...TASKS),
      camera: fc.constantFrom(...CAMERAS),
      region: fc.constant(null),
      frame: decisionOf,
      scene: decisionOf,
      noveltyPValue: fc.constant(null),
    });
    let raisedEvents = 0;
    fc.assert(
      fc.property(
        fc.array(anyRule, { minLength: 1, maxLength: 4 }),
        fc.array(anyStep, { maxLength: 60 }),
        (settings, steps) => {
          const configs = settings.map((s, i) => rule({ ...s, name: `rule${i}` }));
          const rules = alertRules(configs);
          const witness = new Witness(configs);
          let nowMs = 0;
          for (const { waitMs, tickOnly, ...decision } of steps) {
            nowMs += waitMs;
            const events = tickOnly
              ? rules.tick(nowMs)
              : rules.observe({ ...decision, atMs: nowMs });
            witness.check(tickOnly ? null : decision, events, nowMs);
            assert.deepEqual(rules.activeOutputs(nowMs), witness.outputs);
          }
          raisedEvents += witness.raisedEvents;
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(raisedEvents > 100, 'the streams raise alerts at all');
  });
});
