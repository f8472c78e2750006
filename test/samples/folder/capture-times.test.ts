import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { byCaptureTime } from '../../../src/samples/grouping/by-time.js';
import { doubtTimes } from '../../../src/samples/grouping/doubtful-times.js';
import type { GroupItem } from '../../../src/samples/grouping/group-item.js';
import { folderWith } from '../../temporary-folder.js';
import { scene, timedJpeg } from '../pictures.js';
import { importInto } from './support.js';

const NOW = Date.UTC(2026, 5, 1);
const MINUTE = 60_000;

/** Pictures of three classes, 12 each, at the times of their numbers. */
async function timedFolder(t: TestContext, timeOf: (number: number) => number): Promise<string> {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 36; i++) {
    const label = ['weed', 'crop', 'soil'][Math.floor(i / 12)]!;
    files[`${label}/IMG_${String(i % 12).padStart(4, '0')}.jpg`] = await timedJpeg(
      i + 1,
      timeOf(i),
    );
  }
  return folderWith(t, files);
}

const imported = async (t: TestContext, dir: string, options = {}) =>
  importInto(t, dir, { gapMs: 30_000, now: () => NOW, ...options });

describe('capture times that cannot be true', () => {
  const clocks: [what: string, timeOf: (i: number) => number, words: RegExp][] = [
    ['1970', (i) => i * 20_000, /before the year 2000/],
    ['1980, as FAT counts', (i) => Date.UTC(1980, 0, 1) + i * 1_000, /before the year 2000/],
    ['2000-01-01', (i) => Date.UTC(2000, 0, 1) + i * 5_000, /first of January/],
    ['2015-01-01 at noon', (i) => Date.UTC(2015, 0, 1, 12) + i * 5_000, /first of January/],
    ['a reset of a young camera', (i) => Date.UTC(2024, 0, 1, 0, 3) + i, /first of January/],
    ['one second for all', () => Date.UTC(2002, 11, 8, 12), /at the same moment/],
    ['a second a class', (i) => Date.UTC(2019, 4, 4) + Math.floor(i / 12) * 1_000, /same moment/],
    ['the future', (i) => Date.UTC(2067, 4, 4) + i * 1_000, /in the future/],
  ];
  for (const [what, timeOf, words] of clocks) {
    it(`group nothing: ${what}`, async (t) => {
      const dir = await timedFolder(t, timeOf);
      const { store, report } = await imported(t, dir);
      assert.equal(report.groupedBy, 'similarity');
      assert.ok(report.groups > 3, `${report.groups}`);
      const note = report.warnings.find(({ code }) => code === 'HL_IMPORT_TIME_DOUBTED');
      assert.match(note?.message ?? '', /^36 pictures/);
      assert.match(note?.message ?? '', words);
      // The store is not told what is not believed.
      assert.ok(
        store.list().every(({ capturedAtMs }) => Math.abs(capturedAtMs - Date.now()) < 1e9),
      );
      const byPattern = await imported(t, dir, { groupPattern: '([0-9]{3})[0-9]\\.jpg' });
      assert.deepEqual([byPattern.report.groupedBy, byPattern.report.groups], ['pattern', 2]);
    });
  }

  it('are told from bursts and from days of work', () => {
    const day = Date.UTC(2025, 6, 1, 9);
    const bursts = Array.from({ length: 200 }, (_, i) => day + Math.floor(i / 5) * 60_000);
    assert.ok(doubtTimes(bursts, NOW).every((doubt) => doubt === null));
    const newYear = Array.from({ length: 20 }, (_, i) => Date.UTC(2025, 0, 1, 10) + i * 9_000);
    assert.ok(doubtTimes(newYear, NOW).every((doubt) => doubt === null));
    const few = [day, day, day, day + 1_000];
    assert.ok(doubtTimes(few, NOW).every((doubt) => doubt === null));
    assert.deepEqual(doubtTimes([null, day], NOW), [null, null]);
    // A robot whose own clock was never set does not call the present the future.
    assert.deepEqual(doubtTimes([day], Date.UTC(1970, 0, 2)), [null]);
  });

  it('give way to the time of the satellites', async (t) => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 6; i++) {
      const at = i < 3 ? '9/1 0/1' : '17/1 30/1';
      files[`weed/${i}.jpg`] = await (await scene(i + 1))
        .jpeg()
        .withExif({
          IFD2: { DateTimeOriginal: '2000:01:01 00:00:00' },
          IFD3: { GPSDateStamp: '2025:07:01', GPSTimeStamp: `${at} ${i}/1` },
        })
        .toBuffer();
    }
    const { store, report, codes } = await imported(t, folderWith(t, files));
    assert.deepEqual([report.groupedBy, report.groups], ['exif', 2]);
    assert.ok(!codes.includes('HL_IMPORT_TIME_DOUBTED'));
    assert.equal(store.list()[1]?.capturedAtMs, Date.UTC(2025, 6, 1, 9, 0, 1));
  });
});

it('pictures without a time are grouped by place', async (t) => {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 8; i++) {
    const seconds = [1000, 1002, 4000, 4002][i % 4]!;
    files[`${i < 4 ? 'weed' : 'crop'}/${i}.jpg`] = await (await scene(i + 1))
      .jpeg()
      .withExif({
        IFD3: {
          GPSLatitudeRef: 'N',
          GPSLatitude: `48/1 0/1 ${seconds}/100`,
          GPSLongitudeRef: 'E',
          GPSLongitude: '11/1 0/1 10/1',
        },
      })
      .toBuffer();
  }
  const { report } = await imported(t, folderWith(t, files));
  assert.deepEqual([report.groupedBy, report.groups], ['place', 2]);
});

describe('a chain of capture times without a pause', () => {
  it('of a time-lapse becomes many groups, and that is said', async (t) => {
    const dir = await timedFolder(t, (i) => Date.UTC(2026, 4, 4, 8) + i * 20_000);
    const { report, codes } = await imported(t, dir);
    assert.deepEqual([report.groupedBy, report.groups], ['exif', 3]);
    assert.ok(codes.includes('HL_IMPORT_CHAIN_CUT'));
    const again = await imported(t, dir, { gapMs: 60_000 });
    assert.equal(again.report.groups, 2);
  });

  const item = (i: number, captureTimeMs: number): GroupItem => ({
    name: `${i}`,
    label: 'weed',
    sha256: i.toString(16).padStart(64, '0'),
    captureTimeMs,
    place: null,
    session: null,
    dhash: '0'.repeat(16),
    group: null,
  });

  it('is cut at its longest pause', () => {
    const times = [0, 1, 2, 3, 4, 6, 7, 8].map(
      (minutes) => Date.UTC(2026, 0, 2) + minutes * MINUTE,
    );
    const items = times.map((time, i) => item(i, time));
    const bounds = { gapMs: 2 * MINUTE, maxDurationMs: 6 * MINUTE, maxPictures: 100 };
    const { found, cut } = byCaptureTime(
      items,
      items.map(() => null),
      bounds,
    );
    const sizes = new Map<string, number>();
    for (const group of found.values()) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    assert.deepEqual([...sizes.values()], [5, 3]);
    assert.equal(cut, 8);
  });

  it('never makes a group that is too long, too large, or torn by the order of the pictures', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(60), { maxLength: 80 }),
        fc.integer({ min: 0, max: 90 }),
        fc.integer({ min: 1, max: 20 }),
        (pauses, maxSeconds, maxPictures) => {
          let at = Date.UTC(2026, 0, 2);
          const items = pauses.map((pause, i) => {
            at += pause * 1_000;
            return item(i, at);
          });
          const bounds = { gapMs: 30_000, maxDurationMs: maxSeconds * 1_000, maxPictures };
          const { found } = byCaptureTime(
            items,
            items.map(() => null),
            bounds,
          );
          assert.equal(found.size, items.length);
          const groups = new Map<string, number[]>();
          for (const [index, group] of found)
            groups.set(group, [...(groups.get(group) ?? []), index]);
          for (const members of groups.values()) {
            const times = members.map((index) => items[index]!.captureTimeMs!);
            assert.ok(Math.max(...times) - Math.min(...times) <= bounds.maxDurationMs);
            assert.ok(members.length <= maxPictures);
            assert.equal(Math.max(...members) - Math.min(...members) + 1, members.length);
          }
        },
      ),
    );
  });
});
