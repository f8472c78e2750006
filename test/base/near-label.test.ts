import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { alikeLabel, normaliseLabel } from '../../src/base/words/label.js';
import { suggestLabels } from '../../src/base/words/near-label.js';
import { hasCode } from '../errors.js';

const nearOf = (label: string, ...known: string[]): string[] => suggestLabels(label, known).near;

describe('suggestLabels', () => {
  it('asks about what people mistype', () => {
    const slips: [given: string, meant: string][] = [
      ['Aple', 'Apple'],
      ['Appple', 'Apple'],
      ['Appel', 'Apple'],
      ['Apples', 'Apple'],
      ['Apple', 'Apples'],
      ['tomatos', 'Tomato'],
      ['tomatoes', 'Tomato'],
      ['berries', 'Berry'],
      ['oat', 'oats'],
      ['pears', 'Pear'],
      ['Kartofel', 'Kartoffel'],
      ['Karotten', 'Karotte'],
      ['Mohre', 'Möhre'],
      ['Moehre', 'Möhre'],
      ['Suessgras', 'Süßgras'],
      ['creme', 'crème'],
      ['straw berry', 'Strawberry'],
      ['strawberry', 'straw berry'],
      ['apple red', 'red apple'],
      ['red aple', 'red apple'],
      ['grade A apples', 'grade A apple'],
      ['dandellion', 'dandelion'],
      ['dandlion', 'dandelion'],
      ['danedlions', 'dandelions'],
      ['одуванчек', 'одуванчик'],
      ['टमातर', 'टमाटर'],
    ];
    for (const [given, meant] of slips) {
      assert.deepEqual(suggestLabels(given, [meant, 'Bindweed']), {
        label: given,
        alike: null,
        near: [meant],
      });
    }
  });

  it('does not ask about other names', () => {
    const others: [string, string][] = [
      ['梨', '桃'],
      ['红薯', '红豆'],
      ['苹果', '苹果树'],
      ['北京大白菜', '北京小白菜'],
      ['사과', '사고'],
      ['🍎', '🍏'],
      ['row 1', 'row 2'],
      ['row 10', 'row 1'],
      ['stage1', 'stage2'],
      ['grade A', 'grade B'],
      ['healthy', 'unhealthy'],
      ['infected', 'uninfected'],
      ['ripe', 'unripe'],
      ['pea', 'pear'],
      ['red cup', 'rod cup'],
      ['oat', 'rat'],
      ['a', 'as'],
      ['Apple', 'Pear'],
      ['snowy road', 'rainy road'],
      ['fresh apple', 'rotten apple'],
      ['weed', 'weed, old'],
      ['5', '6'],
    ];
    for (const [a, b] of others) {
      assert.deepEqual(nearOf(a, b), [], `${a} and ${b}`);
      assert.deepEqual(nearOf(b, a), [], `${b} and ${a}`);
    }
  });

  it('tells what storing would refuse from what is only asked about', () => {
    const known = ['Apples', 'apple', 'Pear'];
    assert.deepEqual(suggestLabels('Apple', known), {
      label: 'Apple',
      alike: 'apple',
      near: ['Apples'],
    });
    // A Cyrillic А.
    assert.equal(suggestLabels('\u0410pple', known).alike, 'apple');
    assert.equal(suggestLabels('ＡＰＰＬＥ', known).alike, 'apple');
  });

  it('asks nothing about a known label, however alike others are', () => {
    const known = ['Apple', 'Apples', 'apple '];
    assert.deepEqual(suggestLabels(' Apple', known), { label: 'Apple', alike: null, near: [] });
  });

  it('names the nearest three first', () => {
    const known = ['dandelines', 'dandelion', 'dandelyons', 'dandeliom', 'dandelians'];
    assert.deepEqual(nearOf('dandelions', ...known), ['dandelion', 'dandelyons', 'dandelians']);
  });

  it('refuses what cannot be a label', () => {
    assert.throws(() => suggestLabels('a/b', []), hasCode('HL_LABEL_INVALID'));
  });

  const word = fc.stringMatching(/^[a-z]{5,12}$/);
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((given) => {
    try {
      return normaliseLabel(given) !== '';
    } catch {
      return false;
    }
  });

  it('asks in both directions or in none, and never about the label itself or a look-alike', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const [a, b] = [normaliseLabel(one), normaliseLabel(other)];
        const near = nearOf(a, b);
        assert.deepEqual(near.length, nearOf(b, a).length);
        if (a === b || alikeLabel(a, [b]) !== null) assert.deepEqual(near, []);
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds every word with one slip', () => {
    const slip = fc.tuple(word, fc.nat(), fc.stringMatching(/^[a-z]$/), fc.nat(3));
    fc.assert(
      fc.property(slip, ([meant, at, letter, kind]) => {
        const i = at % meant.length;
        const [before, after] = [meant.slice(0, i), meant.slice(i)];
        const given = [
          before + letter + after,
          before + after.slice(1),
          before + letter + after.slice(1),
          before + after.slice(0, 2).split('').reverse().join('') + after.slice(2),
        ][kind]!;
        fc.pre(given !== meant);
        assert.deepEqual(nearOf(given, meant), [meant]);
      }),
    );
  });

  it('never confuses ideographs, numbers or symbols', () => {
    const exact = fc.oneof(
      fc.integer({ min: 0x4e00, max: 0x9fa5 }).map((code) => String.fromCodePoint(code)),
      fc.nat(9).map(String),
      fc.constantFrom('🍎', '+', '%'),
    );
    const pair = fc.tuple(word, exact, exact).filter(([, a, b]) => a !== b);
    fc.assert(
      fc.property(pair, ([stem, a, b]) => {
        assert.deepEqual(nearOf(a, b), []);
        assert.deepEqual(nearOf(`${stem} ${a}`, `${stem} ${b}`), []);
        assert.deepEqual(nearOf(stem, `${stem} ${b}`), []);
      }),
    );
  });
});
