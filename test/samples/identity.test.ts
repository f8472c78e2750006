import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hammingBits, splitHash } from '../../src/base/hamming.js';
import { normaliseLabel } from '../../src/base/words/label.js';
import { isHoldoutGroup } from '../../src/samples/holdout.js';
import { createIds } from '../../src/samples/uuid.js';
import { hasCode } from '../errors.js';

test('ids are UUIDv7 and carry the time', () => {
  const id = createIds(null, () => 0x0190_0000_abcd)();
  assert.match(id, /^01900000-abcd-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('ids only ever grow, whatever the clock does and wherever they go on', () => {
  const clock = fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(clock, fc.integer({ min: 1, max: 300 }), (times, perTime) => {
      let now = 0;
      let next = createIds(null, () => now);
      let last = '';
      for (const time of times) {
        now = time;
        for (let i = 0; i < perTime; i++) {
          const id = next();
          assert.ok(id > last, `${id} after ${last}`);
          last = id;
        }
        next = createIds(last, () => now);
      }
    }),
    { numRuns: 30 },
  );
});

test('more ids than a millisecond holds go on in the next', () => {
  const next = createIds(null, () => 5);
  const ids = Array.from({ length: 20_000 }, next);
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
});

test('the holdout takes its share of the groups', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.05, max: 0.5, noNaN: true }),
      fc.string({ maxLength: 20 }),
      (share, prefix) => {
        const groups = 4_000;
        let holdout = 0;
        for (let i = 0; i < groups; i++) if (isHoldoutGroup(`${prefix}${i}`, share)) holdout++;
        // Six standard deviations of a binomial: a fair hash fails once in a billion.
        const tolerance = 6 * Math.sqrt((share * (1 - share)) / groups);
        assert.ok(
          Math.abs(holdout / groups - share) < tolerance,
          `${holdout / groups} for ${share}`,
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('a greater share keeps every holdout group; the side is fixed by the name alone', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (group, a, b) => {
        const [small, large] = a < b ? [a, b] : [b, a];
        assert.ok(!isHoldoutGroup(group, small) || isHoldoutGroup(group, large));
        assert.equal(isHoldoutGroup(group, 0), false);
        assert.equal(isHoldoutGroup(group, 1), true);
      },
    ),
  );
  // Golden: SHA-256("abc") begins ba7816bf8f01, 0.72839… of 2^48.
  assert.equal(isHoldoutGroup('abc', 0.7283), false);
  assert.equal(isHoldoutGroup('abc', 0.7284), true);
});

test('labels have one spelling', () => {
  assert.equal(normaliseLabel('  cafe\u0301 '), 'caf\u00e9');
  assert.equal(normaliseLabel('sugar beet'), 'sugar beet');
  assert.equal(normaliseLabel('🥕'.repeat(63)).length, 126);
  for (const bad of [
    '',
    '   ',
    'a/b',
    'a\nb',
    'a\0b',
    '..',
    '.hidden',
    'unknown',
    'UNKNOWN ',
    'x'.repeat(65),
    '\ud800',
    '🥕'.repeat(64),
  ]) {
    assert.throws(() => normaliseLabel(bad), hasCode('HL_LABEL_INVALID'), JSON.stringify(bad));
  }
});

test('a normalised label normalises to itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
      let label: string;
      try {
        label = normaliseLabel(text);
      } catch {
        return;
      }
      assert.equal(normaliseLabel(label), label);
    }),
  );
});

test('bits of difference are those of BigInt', () => {
  const hash = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  fc.assert(
    fc.property(hash, hash, (a, b) => {
      const expected = (a ^ b).toString(2).replaceAll('0', '').length;
      const hex = (n: bigint) => splitHash(n.toString(16).padStart(16, '0'));
      assert.equal(hammingBits(...hex(a), ...hex(b)), expected);
    }),
  );
});
