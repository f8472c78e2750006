import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { hammingDistance } from '../../src/base/hamming.js';
import type { GroupItem } from '../../src/samples/grouping/group-item.js';
import { assignGroups } from '../../src/samples/grouping/groups.js';
import { sharedFolder } from './support.js';

const item = (number: number, given: Partial<GroupItem> = {}): GroupItem => ({
  name: `weed/${number}.jpg`,
  label: 'weed',
  sha256: number.toString(16).padStart(16, '0').padEnd(64, '0'),
  captureTimeMs: null,
  place: null,
  session: null,
  dhash: '0000000000000000',
  group: null,
  ...given,
});

const label = fc.constantFrom('weed', 'crop', null);
/** Few bits, so that near-duplicates are common. */
const dhash = fc
  .array(fc.integer({ min: 0, max: 63 }), { maxLength: 24 })
  .map((bits) => bits.reduce((hash, bit) => hash | (1n << BigInt(bit)), 0n))
  .map((hash) => hash.toString(16).padStart(16, '0'));
const time = fc.option(fc.integer({ min: 0, max: 2_000_000 }), { nil: null });
const items = fc
  .array(
    fc.record({
      label,
      dhash,
      captureTimeMs: time,
      group: fc.option(fc.constantFrom('old a', 'old b'), { nil: null, freq: 6 }),
      name: fc.stringMatching(/^[ab]\/[0-9]{1,2}\.jpg$/),
    }),
    { maxLength: 40 },
  )
  .map((all) => all.map((given, i) => item(i, given)));
const options = fc.record({
  pattern: fc.constantFrom(null, /^a\/(\d)/, /zzz/),
  method: fc.constantFrom(undefined, 'exif' as const, 'pattern' as const, 'similarity' as const),
});
const tidy = ({
  pattern,
  method,
}: {
  pattern: RegExp | null;
  method?: 'exif' | 'pattern' | 'similarity' | undefined;
}) => ({
  pattern,
  ...(method ? { method } : {}),
});

test('every picture has a group, those with one keep it, and each is counted once', () => {
  fc.assert(
    fc.property(items, options, (all, given) => {
      const { groups, by } = assignGroups(all, tidy(given));
      assert.equal(groups.length, all.length);
      groups.forEach((group, i) => {
        assert.ok(group.length > 0);
        if (all[i]!.group !== null) assert.equal(group, all[i]!.group);
      });
      const without = all.filter(({ group }) => group === null).length;
      const counted = Object.values(by).reduce((sum, count) => sum + count, 0);
      assert.equal(counted, without);
    }),
  );
});

test('the order of the pictures does not matter', () => {
  fc.assert(
    fc.property(
      items.chain((all) =>
        fc.tuple(
          fc.constant(all),
          fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
        ),
      ),
      options,
      ([all, shuffled], given) => {
        const bySha = (of: GroupItem[]) => {
          const { groups } = assignGroups(of, tidy(given));
          return new Map(of.map(({ sha256 }, i) => [sha256, groups[i]]));
        };
        const [a, b] = [bySha(all), bySha(shuffled)];
        for (const [sha, group] of a) assert.equal(b.get(sha), group);
      },
    ),
  );
});

test('by time: same group exactly when no longer pause lies between', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 500_000 }), { maxLength: 30 }), (times) => {
      const all = times.map((captureTimeMs, i) => item(i, { captureTimeMs }));
      const { groups, by } = assignGroups(all);
      assert.equal(by.exif, all.length);
      const order = [...times.keys()].sort((a, b) => times[a]! - times[b]!);
      for (let i = 1; i < order.length; i++) {
        const pause = times[order[i]!]! - times[order[i - 1]!]!;
        assert.equal(groups[order[i]!] === groups[order[i - 1]!], pause <= 30_000);
      }
    }),
  );
});

test('by time: a pause of the bound joins, a millisecond more does not', () => {
  const { groups } = assignGroups(
    [0, 30_000, 60_001].map((captureTimeMs, i) => item(i, { captureTimeMs })),
  );
  assert.equal(groups[0], groups[1]);
  assert.notEqual(groups[1], groups[2]);
});

test('by likeness: the clusters are the connected near-duplicates of a class', () => {
  fc.assert(
    fc.property(items, (given) => {
      const all = given.map((one) => ({ ...one, group: null, captureTimeMs: null }));
      const { groups } = assignGroups(all);
      // The plain definition, by flooding.
      const cluster = new Array<number>(all.length).fill(-1);
      const flood = (start: number, number: number) => {
        cluster[start] = number;
        all.forEach((other, j) => {
          const one = all[start]!;
          const alike = one.label === other.label && hammingDistance(one.dhash, other.dhash) <= 10;
          if (alike && cluster[j] === -1) flood(j, number);
        });
      };
      all.forEach((_, i) => {
        if (cluster[i] === -1) flood(i, i);
      });
      for (let i = 0; i < all.length; i++) {
        for (let j = 0; j < i; j++) {
          assert.equal(groups[i] === groups[j], cluster[i] === cluster[j]);
        }
      }
    }),
  );
});

test('new pictures join the group of what they belong to', () => {
  const { groups } = assignGroups([
    item(1, { captureTimeMs: 100_000, group: 'time-old' }),
    item(2, { captureTimeMs: 120_000 }),
    item(3, { captureTimeMs: 80_000 }),
    item(4, { captureTimeMs: 200_000 }),
    item(5, { group: 'look', label: 'crop', dhash: 'ffffffffffffffff' }),
    item(6, { label: 'crop', dhash: 'fffffffffffffff0' }),
    item(7, { label: 'crop', dhash: 'ffffffffffffff00' }),
    item(8, { label: 'crop', dhash: 'ffffffffff000000' }),
  ]);
  assert.deepEqual(groups, [
    'time-old',
    'time-old',
    'time-old',
    'time-1970-01-01T00:03:20.000Z',
    'look',
    'look',
    'look',
    'similar-0000000000000008',
  ]);
});

test('a pattern: its captures, or its match; what it leaves goes by likeness', () => {
  const name = (number: number, text: string) =>
    item(number, { name: text, dhash: `${number}`.repeat(16) });
  const all = [name(0, 'weed/pass1_a.jpg'), name(3, 'crop/pass1_b.jpg'), name(5, 'crop/other.jpg')];
  const { groups, by } = assignGroups(all, { pattern: /pass(\d)_/g });
  assert.deepEqual(groups.slice(0, 2), ['1', '1']);
  assert.match(groups[2]!, /^similar-/);
  assert.deepEqual(by, { pattern: 2, exif: 0, place: 0, folder: 0, similarity: 1 });
  assert.equal(assignGroups(all, { pattern: /pass\d/ }).groups[0], 'pass1');
});

test('20,000 pictures of one class are grouped', () => {
  const all = Array.from({ length: 20_000 }, (_, i) => {
    const random = BigInt.asUintN(64, BigInt(i >> 1) * 0x9e3779b97f4a7c15n);
    return item(i, { dhash: random.toString(16).padStart(16, '0') });
  });
  const { groups } = assignGroups(all, { maxBits: 0 });
  assert.equal(new Set(groups).size, 10_000);
});

test('a pattern finds the known groups of the grocery photos', (t) => {
  const grocery = join(sharedFolder(), 'data', 'grocery');
  if (!existsSync(grocery)) return t.skip(`no photos at ${grocery}`);
  const classes = readdirSync(grocery, { withFileTypes: true }).filter((e) => e.isDirectory());
  const all = classes.flatMap(({ name: folder }) =>
    readdirSync(join(grocery, folder)).map((file, i) =>
      item(i, {
        name: `${folder}/${file}`,
        sha256: `${folder}/${file}`,
        dhash: readFileSync(join(grocery, folder, file))
          .subarray(-10, -2)
          .toString('hex'),
      }),
    ),
  );
  const { groups, by } = assignGroups(all, { pattern: /\/(train|test)_(.+?)[_.].*_(\d+)\d\.jpg$/ });
  assert.equal(by.pattern, 1_211);
  assert.equal(new Set(groups).size, 251);
});
