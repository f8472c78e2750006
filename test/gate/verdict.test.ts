import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GateDecision } from '../../src/gate/gate-decision.js';
import { type VerdictInput, verdictOf } from '../../src/gate/verdict.js';

type Check = GateDecision['checks'][number];

const check = (name: string, passed: boolean, values: Check['values'] = {}): Check => ({
  name,
  passed,
  detail: '',
  values,
});
const GAIN = check('expected-gain', true, { difference: 0.1, spread: 0.01 });
const HOPE = check('expected-gain', true, { difference: 0.1, spread: 0.09 });
const NO_GAIN = check('expected-gain', false, { difference: -0.1, spread: 0.01 });

/** Answers to samples of one class: c both right, g gained, l lost, w both wrong. */
function inputOf(pattern: string, about: Partial<VerdictInput> = {}): VerdictInput {
  const answer = (right: boolean) => {
    return { label: right ? 'crop' : 'weed', confidence: 0.9, probability: right ? 0.9 : 0.1 };
  };
  return {
    source: 'holdout',
    compared: 'heads',
    champion: { version: 3, labels: ['crop', 'weed'], learnt: 40 },
    newlyLearnt: 20,
    challengerLabels: ['crop', 'weed'],
    samples: [...pattern].map((kind, i) => ({
      id: `s${i}`,
      label: 'crop',
      group: `g${i}`,
      holdout: true,
      challenger: answer('cg'.includes(kind)),
      champion: answer('cl'.includes(kind)),
    })),
    ...about,
  };
}

function verdict(
  input: VerdictInput,
  checks: Check[],
  trust: Parameters<typeof verdictOf>[2] = null,
) {
  const promote = checks.every(({ passed }) => passed);
  const decision: GateDecision = {
    promote,
    reason: '',
    evidence: 'holdout',
    samples: input.samples.length,
    checks,
  };
  return verdictOf(input, decision, trust);
}

describe('the verdict', () => {
  it('says what is right now, and what the other way', () => {
    const { key, values, text } = verdict(inputOf('cccgggllw'), [GAIN]);
    assert.equal(key, 'verdict.better');
    assert.deepEqual(values, {
      samples: 9,
      kind: 'held-out',
      right: 6,
      version: 3,
      gained: 3,
      lost: 2,
      newLabels: 20,
      newClasses: '',
    });
    assert.equal(
      text,
      'Better: of 9 held-out pictures, 3 that the old head got wrong are right now, and 2 the other way.',
    );
  });

  it('does not call better what only may be', () => {
    const { key, text } = verdict(inputOf('cgl'), [HOPE]);
    assert.equal(key, 'verdict.trial');
    assert.match(text, /^Probably better, so it serves on trial: of 3 .*, 1 that .* is right now/);
  });

  it('names new classes', () => {
    const more = { challengerLabels: ['crop', 'oats', 'stone', 'weed'] };
    const { key, values, text } = verdict(inputOf('cg', more), [GAIN]);
    assert.deepEqual([key, values.newClasses], ['verdict.better-and-more', 'oats, stone']);
    assert.match(text, /It also knows "oats" and "stone"\.$/);
    assert.equal(verdict(inputOf('cg', more), [HOPE]).key, 'verdict.trial-and-more');
  });

  it('says in one sentence why it refuses', () => {
    const refused = (checks: Check[], about: Partial<VerdictInput> = {}) =>
      verdict(inputOf('cgll', about), checks);
    assert.deepEqual(
      [
        refused([NO_GAIN]),
        refused([NO_GAIN], { newlyLearnt: 0 }),
        refused([GAIN, check('no-class-lost', false, { lost: ['weed'] })]),
        refused([check('knows-every-class', false, { missing: ['weed', 'oats'] }), NO_GAIN]),
        refused([GAIN, check('unknowns', false)]),
        refused([check('reproduces', false), NO_GAIN]),
      ].map(({ key }) => key),
      [
        'verdict.refused-no-gain',
        'verdict.refused-nothing-new',
        'verdict.refused-class-lost',
        'verdict.refused-class-unlearnt',
        'verdict.refused-unknowns',
        'verdict.refused-damaged',
      ],
    );
    assert.equal(
      refused([NO_GAIN]).text,
      'Refused: not clearly better: of 4 held-out pictures, 1 that the old head got wrong is right now, and 2 the other way.',
    );
    const missing = check('knows-every-class', false, { missing: ['weed', 'oats'] });
    assert.deepEqual(refused([missing]).values.classes, 'weed, oats');
  });

  it('calls a first head with little evidence a beginner', () => {
    const first = { champion: null, compared: 'nothing' as const };
    const chance = check('not-worse-than-chance', true);
    assert.equal(
      verdict(inputOf('ccw', first), [chance], 'beginner').text,
      'First head, still a beginner: right on 2 of 3 pictures.',
    );
    assert.equal(verdict(inputOf('ccw', first), [chance], 'useful').key, 'verdict.first');
    assert.equal(verdict(inputOf('', first), [chance], 'beginner').key, 'verdict.first-untested');
    const useless = check('not-worse-than-chance', false);
    assert.equal(verdict(inputOf('wwc', first), [useless]).key, 'verdict.refused-useless');
    const restart = { compared: 'nothing' as const };
    assert.equal(verdict(inputOf('cw', restart), [chance], 'beginner').key, 'verdict.restart');
  });

  it('says when nothing changed, and what the pictures are', () => {
    const { text, values } = verdict(inputOf('cw', { source: 'leave-group-out' }), [HOPE]);
    assert.match(text, /the answers to all 2 pictures are as before\.$/);
    assert.equal(values.kind, 'left-out');
  });
});
