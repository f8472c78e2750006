import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { alikeLabel, joinAlike, labelKey, normaliseLabel } from '../../src/base/words/label.js';
import { hasCode } from '../errors.js';

describe('normaliseLabel', () => {
  it('gives one spelling to what looks the same', () => {
    const same: [string, string][] = [
      ['  cafe\u0301 ', 'caf\u00e9'],
      ['Lo\u0308wenzahn', 'L\u00f6wenzahn'],
      ['sugar\u00a0beet', 'sugar beet'],
      ['sugar  \u2009beet', 'sugar beet'],
      ['\ufeffweed\r\n', 'weed'],
      ['\u3000雑草', '雑草'],
    ];
    for (const [given, label] of same) assert.equal(normaliseLabel(given), label);
  });

  it('takes words of JavaScript, emoji, quotes and every script', () => {
    for (const label of [
      'constructor',
      '__proto__',
      'toString',
      'say "hi", <b>x',
      "it's 50% off;",
      'weed, old',
      '🌱 seedling',
      '🥕'.repeat(63),
      // A farmer, a flag and a keycap are spelt with characters that cannot be seen.
      '👩🏽‍🌾',
      '☘️',
      '#️⃣',
      'می‌خواهم',
      'क्‍ष',
      'سورنجان',
      'सरसों',
      'A-',
      'A+',
    ]) {
      assert.equal(normaliseLabel(label), label);
    }
  });

  it('refuses the rest with its reason', () => {
    const refused: [string, RegExp][] = [
      ['', /is empty/],
      ['   ', /is empty/],
      ['a/b', /has a "\/"/],
      ['.hidden', /begins with "\."/],
      ['..', /begins with/],
      ['a\nb', /control character/],
      ['a\0b', /control character/],
      ['a\u0085b', /control character/],
      ['a\u2028b', /control character/],
      ['\ud800', /control character/],
      ['we\u200bed', /invisible character \(U\+200B\)/],
      ['we\u200ded', /invisible character \(U\+200D\)/],
      ['we\u00aded', /invisible character \(U\+00AD\)/],
      ['we\ufeffed', /invisible character \(U\+FEFF\)/],
      ['weed\u2060', /invisible character \(U\+2060\)/],
      ['\u3164', /invisible character \(U\+3164\)/],
      ['\u2800', /invisible character \(U\+2800\)/],
      ['weed\ufe0f', /invisible character \(U\+FE0F\)/],
      ['weed\u{e0041}', /invisible character \(U\+E0041\)/],
      ['\u202edeew', /writing direction \(U\+202E\)/],
      ['weed\u200e', /writing direction \(U\+200E\)/],
      ['we\u2066ed\u2069', /writing direction/],
      ['R\ufffdbe', /replacement character/],
      ['unknown', /is reserved/],
      [' UNKNOWN ', /is reserved/],
      ['ｕｎｋｎｏｗｎ', /is reserved/],
      ['unkn\u043ewn', /is reserved/],
      ['x'.repeat(65), /longer than 64 characters/],
      ['🥕'.repeat(64), /longer than 255 bytes/],
    ];
    for (const [label, reason] of refused) {
      assert.throws(
        () => normaliseLabel(label),
        (error) => hasCode('HL_LABEL_INVALID')(error) && reason.test(String(error)),
        JSON.stringify(label),
      );
    }
  });

  it('writes what cannot be seen as its code', () => {
    assert.throws(
      () => normaliseLabel('\u202edeew\u001b[2J'),
      (error) => {
        assert.match(String(error), /"\\u\{202e\}deew\\u\{1b\}\[2J"/);
        return true;
      },
    );
  });

  it('normalises a normalised label to itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (text) => {
        let label: string;
        try {
          label = normaliseLabel(text);
        } catch (error) {
          assert.ok(hasCode('HL_LABEL_INVALID')(error));
          return;
        }
        assert.equal(normaliseLabel(label), label);
        assert.ok(Buffer.byteLength(label) <= 255);
      }),
    );
  });
});

describe('labels that look alike', () => {
  it('have one key', () => {
    const alike: string[][] = [
      ['Apple', 'apple', 'APPLE', 'Ａｐｐｌｅ', '\u0410pple', 'App\u200ble'],
      ['sugar beet', 'Sugar_beet', 'sugar-beet', 'sugar  beet'],
      ['Löwenzahn', 'lo\u0308wenzahn', 'LÖWENZAHN'],
      ['m2', 'm²', 'Ｍ２'],
    ];
    for (const labels of alike) {
      assert.equal(new Set(labels.map(labelKey)).size, 1, labels.join());
    }
  });

  it('are none of these', () => {
    const apart = ['schon', 'schön', 'A', 'A-', 'A+', '-1', '1', 'crop', 'crops', 'weed1', 'weed2'];
    assert.equal(new Set(apart.map(labelKey)).size, apart.length);
  });

  it('are found among others, but a known label is none', () => {
    assert.equal(alikeLabel('apple', ['Pear', 'Apple']), 'Apple');
    assert.equal(alikeLabel('apple', ['Apple', 'apple']), null);
    assert.equal(alikeLabel('plum', ['Apple']), null);
  });

  it('become that of the store, else the most frequent one', () => {
    const counts = new Map([
      ['Apple', 3],
      ['apple', 5],
      ['APPLE', 1],
      ['plum', 2],
    ]);
    assert.deepEqual([...joinAlike(counts)].sort(), [
      ['APPLE', 'apple'],
      ['Apple', 'apple'],
    ]);
    assert.deepEqual([...joinAlike(counts, ['Apple'])].sort(), [
      ['APPLE', 'Apple'],
      ['apple', 'Apple'],
    ]);
    assert.deepEqual([...joinAlike(counts, ['Apple', 'apple'])], [['APPLE', 'Apple']]);
  });

  it('are never joined across keys', () => {
    const label = fc.constantFrom<string>(
      'a',
      'A',
      'b',
      'B',
      'ａ',
      'constructor',
      '__proto__',
      'Constructor',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(label, fc.nat(9))), fc.uniqueArray(label), (counted, known) => {
        for (const [from, to] of joinAlike(new Map(counted), known)) {
          assert.equal(labelKey(from), labelKey(to));
          assert.ok(!known.includes(from));
        }
      }),
    );
  });
});
