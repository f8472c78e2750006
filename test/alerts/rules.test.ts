import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AlertEvent, AlertRules } from '../../src/alerts/rules.js';
import { isHeadlandError } from '../../src/base/errors.js';
import { type AlertRuleConfig, configSchema } from '../../src/config/schema.js';

/** A rule with the defaults of the configuration. */
function rule(settings: Partial<AlertRuleConfig>): AlertRuleConfig {
  const { alerts } = configSchema.parse({
    alerts: { rules: [{ name: 'thistle', labels: ['thistle'], ...settings }] },
  });
  return alerts.rules[0]!;
}

function frame(atMs: number, label = 'thistle', probability = 0.9, camera = 'main', guess = false) {
  return { camera, label, probability, guess, atMs };
}

describe('AlertRules', () => {
  it('raises at the Nth match of the last M frames and clears after the hold time', () => {
    const rules = new AlertRules([
      rule({ matches: 2, ofFrames: 3, holdMs: 1_000, output: 'beacon' }),
    ]);
    assert.deepEqual(rules.observe(frame(0)), []);
    assert.deepEqual(rules.observe(frame(100, 'maize')), []);
    assert.deepEqual(rules.observe(frame(200, 'thistle', 0.8)), [
      {
        rule: 'thistle',
        state: 'raised',
        camera: 'main',
        label: 'thistle',
        probability: 0.8,
        atMs: 200,
        output: 'beacon',
      },
    ]);
    assert.deepEqual([...rules.activeOutputs()], ['beacon']);
    assert.deepEqual(rules.observe(frame(300)), [], 'raised once');
    assert.deepEqual(rules.tick(1_299), []);
    const [cleared] = rules.tick(1_300);
    assert.equal(cleared?.state, 'cleared');
    assert.equal(cleared?.atMs, 1_300);
    assert.equal(cleared?.probability, 0.9, 'of the last match');
    assert.deepEqual([...rules.activeOutputs()], []);
  });

  it('takes guesses only where the rule says so', () => {
    const always = { matches: 1, ofFrames: 1 };
    const rules = new AlertRules([
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

  it('counts each camera for itself, and only the camera of the rule', () => {
    const rules = new AlertRules([
      rule({ name: 'any', matches: 2, ofFrames: 2 }),
      rule({ name: 'front-only', camera: 'front', matches: 1, ofFrames: 1 }),
    ]);
    assert.deepEqual(rules.observe(frame(0, 'thistle', 0.9, 'rear')), []);
    const names = (events: AlertEvent[]) => events.map((e) => `${e.rule} ${e.camera}`);
    assert.deepEqual(names(rules.observe(frame(1, 'thistle', 0.9, 'front'))), ['front-only front']);
    assert.deepEqual(names(rules.observe(frame(2, 'thistle', 0.9, 'rear'))), ['any rear']);
  });

  it('asks for a label of the list with enough probability; unknown is a label', () => {
    const rules = new AlertRules([
      rule({ labels: ['thistle', 'unknown'], minProbability: 0.7, matches: 1, ofFrames: 1 }),
    ]);
    assert.deepEqual(rules.observe(frame(0, 'thistle', 0.699)), []);
    assert.deepEqual(rules.observe(frame(1, 'dock', 1)), []);
    assert.equal(rules.observe(frame(2, 'unknown', 0.7)).length, 1);
  });

  it('keeps an output on while any rule wants it', () => {
    const rules = new AlertRules([
      rule({ name: 'short', matches: 1, ofFrames: 1, holdMs: 100, output: 'horn' }),
      rule({ name: 'long', matches: 1, ofFrames: 1, holdMs: 900, output: 'horn' }),
    ]);
    rules.observe(frame(0));
    assert.equal(rules.tick(500).length, 1);
    assert.deepEqual([...rules.activeOutputs()], ['horn']);
    assert.equal(rules.tick(900).length, 1);
    assert.equal(rules.activeOutputs().size, 0);
  });

  it('an old window does not raise again without a new match', () => {
    const rules = new AlertRules([rule({ matches: 2, ofFrames: 5, holdMs: 10 })]);
    rules.observe(frame(0));
    assert.equal(rules.observe(frame(1)).length, 1);
    assert.equal(rules.tick(100).length, 1);
    assert.deepEqual(rules.observe(frame(101, 'maize')), []);
    assert.equal(rules.observe(frame(102))[0]?.state, 'raised');
  });

  it('a clock that is set back holds no output longer than the hold time', () => {
    const rules = new AlertRules([rule({ matches: 1, ofFrames: 1, holdMs: 1_000 })]);
    rules.observe(frame(3_600_000));
    assert.deepEqual(rules.tick(0), []);
    assert.equal(rules.tick(1_000).length, 1);
  });

  it('refuses a rule that could never be raised', () => {
    assert.throws(
      () => new AlertRules([rule({ matches: 4, ofFrames: 3 })]),
      (error) => isHeadlandError(error, 'HL_ALERT_RULE_IMPOSSIBLE'),
    );
  });

  it('holds what it promises for any rules and any stream', () => {
    const anyRule = fc
      .record({
        ofFrames: fc.integer({ min: 1, max: 6 }),
        more: fc.nat(5),
        holdMs: fc.integer({ min: 0, max: 50 }),
        camera: fc.constantFrom(null, 'a', 'b'),
        guesses: fc.boolean(),
        output: fc.constantFrom(null, 'horn', 'beacon'),
        labels: fc.subarray(['x', 'y'], { minLength: 1 }),
      })
      .map(({ more, ...r }) => ({ ...r, matches: 1 + (more % r.ofFrames) }));
    const anyStep = fc.record({
      waitMs: fc.integer({ min: 0, max: 30 }),
      tickOnly: fc.boolean(),
      camera: fc.constantFrom('a', 'b'),
      label: fc.constantFrom('x', 'y', 'z'),
      probability: fc.constantFrom(0.2, 0.7, 0.95),
      guess: fc.boolean(),
    });
    let raisedEvents = 0;
    fc.assert(
      fc.property(
        fc.array(anyRule, { minLength: 1, maxLength: 4 }),
        fc.array(anyStep, { maxLength: 60 }),
        (settings, steps) => {
          const configs = settings.map((s, i) => rule({ ...s, name: `rule${i}` }));
          const rules = new AlertRules(configs);
          const frames: Record<string, { matched: boolean; atMs: number }[]> = {};
          const raised = new Set<string>();
          let nowMs = 0;
          for (const { waitMs, tickOnly, ...decision } of steps) {
            nowMs += waitMs;
            const before = new Set(raised);
            const events = tickOnly
              ? rules.tick(nowMs)
              : rules.observe({ ...decision, atMs: nowMs });
            if (!tickOnly) {
              for (const config of configs) {
                if (config.camera !== null && config.camera !== decision.camera) continue;
                const matched =
                  config.labels.includes(decision.label) &&
                  decision.probability >= 0.7 &&
                  (config.guesses || !decision.guess);
                const key = `${config.name} ${decision.camera}`;
                frames[key] = [...(frames[key] ?? []), { matched, atMs: nowMs }];
              }
            }
            for (const event of events) {
              const key = `${event.rule} ${event.camera}`;
              assert.equal(event.state === 'raised', !raised.has(key), 'states alternate');
              if (event.state === 'raised') raised.add(key);
              else raised.delete(key);
              if (event.state === 'raised') raisedEvents++;
            }
            for (const config of configs) {
              for (const camera of ['a', 'b']) {
                const key = `${config.name} ${camera}`;
                const seen = frames[key] ?? [];
                const inWindow = seen.slice(-config.ofFrames).filter((f) => f.matched).length;
                const lastMatchMs = seen.filter((f) => f.matched).at(-1)?.atMs ?? -1_000;
                const justMatched =
                  !tickOnly && decision.camera === camera && seen.at(-1)?.matched === true;
                const enough = justMatched && inWindow >= config.matches;
                if (!before.has(key)) {
                  assert.equal(raised.has(key), enough, 'raised by N of M, and only so');
                }
                if (before.has(key)) {
                  const held = nowMs - lastMatchMs < config.holdMs;
                  assert.equal(raised.has(key), justMatched || held, 'held, then cleared');
                }
              }
            }
            const wanted = configs
              .filter((c) => ['a', 'b'].some((camera) => raised.has(`${c.name} ${camera}`)))
              .map((c) => c.output)
              .filter((output) => output !== null);
            assert.deepEqual(rules.activeOutputs(), new Set(wanted));
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(raisedEvents > 100, 'the streams raise alerts at all');
  });
});
