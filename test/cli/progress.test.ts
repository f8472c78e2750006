import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { barText, showProgress } from '../../src/cli/progress/progress.js';

const step = (done: number, total: number | null) => {
  return { what: 'reading pictures', done, total, unit: 'pictures' };
};

test('a bar says what, how far and how long, and ends within the width', () => {
  assert.equal(
    barText(step(300, 1_200), 60, 180, 79),
    `reading pictures ${'█'.repeat(5)}${'░'.repeat(15)}   25 %  300/1200 pictures, 3 min 0 s left`,
  );
  assert.equal(
    barText({ ...step(0, null), unit: '' }, 12, null, 79),
    'reading pictures  12 s so far',
  );
  assert.equal(
    barText({ what: 'fetching', done: 5_000_000, total: 20_000_000, unit: 'bytes' }, 2, 6, 60),
    `fetching ${'█'.repeat(5)}${'░'.repeat(13)}   25 %  5.0 MB/20.0 MB, 6 s left`,
  );
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.nat(1_000_000),
      fc.option(fc.nat(1_000_000)),
      fc.option(fc.nat(1_000_000)),
      fc.integer({ min: 39, max: 120 }),
      (what, done, total, left, columns) => {
        const text = barText({ what, done, total, unit: 'pictures' }, 5, left, columns);
        assert.ok([...text].length <= columns, text);
      },
    ),
  );
});

test('short work is silent without a terminal; a terminal shows it at once and is left clean', () => {
  const written: string[] = [];
  const write = (text: Uint8Array | string): boolean => written.push(String(text)) > 0;
  const plain = showProgress({ write });
  plain.show(step(1, 2));
  plain.show(step(2, 2));
  plain.stop();
  assert.deepEqual(written, []);

  const live = showProgress({ write, isTTY: true, columns: 80 });
  live.begin('looking for pictures');
  live.stop();
  assert.equal(written.length, 2);
  assert.match(written[0]!, /^\rlooking for pictures {2}0 s so far/);
  assert.equal(written[1], '\r\x1b[K');
});
