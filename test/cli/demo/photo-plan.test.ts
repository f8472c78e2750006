import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isHeadlandError } from '../../../src/base/errors.js';
import { createRandom } from '../../../src/base/random.js';
import { linkPhotos } from '../../../src/cli/demo/photos/photo-links.js';
import { findPhotos, planPhotos } from '../../../src/cli/demo/photos/photo-plan.js';
import { linkName, type PhotoPlan } from '../../../src/cli/demo/photos/planned-photo.js';
import { encodeJpeg } from '../../../src/vision/picture.js';
import { temporaryFolder } from '../../temporary-folder.js';

const SIDE = 72;
const CELLS = 9;

/** A picture of large random squares, which resembles no other; with `turns`, turned by 90 degrees. */
async function picture(seed: number, turns = 0): Promise<Uint8Array> {
  const random = createRandom(seed);
  const cells = Array.from({ length: CELLS * CELLS }, () => random.int(256));
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      let [cx, cy] = [Math.floor((x * CELLS) / SIDE), Math.floor((y * CELLS) / SIDE)];
      for (let turn = 0; turn < turns; turn++) [cx, cy] = [cy, CELLS - 1 - cx];
      data.fill(cells[cy * CELLS + cx]!, (y * SIDE + x) * 3, (y * SIDE + x) * 3 + 3);
    }
  }
  return encodeJpeg({ width: SIDE, height: SIDE, data }, 90);
}

async function plan(dir: string, taught: ReadonlySet<string> = new Set()): Promise<PhotoPlan> {
  return planPhotos(dir, await findPhotos(dir), taught, () => {});
}

const names = (photos: PhotoPlan['taught']): string[] => photos.map(linkName).sort();

describe('the photos of a demonstration', () => {
  test('about 30 % of each class are held back, always the same, and turned copies stay together', async (t) => {
    const dir = temporaryFolder(t);
    for (const [index, label] of ['crop', 'weed'].entries()) {
      await mkdir(join(dir, label));
      for (let i = 0; i < 20; i++) {
        const seed = 100 * index + i + 1;
        writeFileSync(join(dir, label, `p${'abcdefghijklmnopqrst'[i]}.jpg`), await picture(seed));
        const copy = `${'abcdefghijklmnopqrst'[i]}-copy.jpg`;
        writeFileSync(join(dir, label, copy), await picture(seed, 1 + (i % 3)));
      }
    }
    const { taught, untaught } = await plan(dir);
    assert.equal(taught.length + untaught.length, 80);
    for (const label of ['crop', 'weed']) {
      const held = untaught.filter((photo) => photo.label === label).length;
      assert.ok(held >= 12 && held <= 14, `${held} of 40 ${label}`);
    }
    const letterOf = ({ origin, label }: { origin: string; label: string }): string =>
      label + origin.replace(/^.*\/p?/, '')[0]!;
    const held = new Set(untaught.map(letterOf));
    assert.ok(
      taught.every((photo) => !held.has(letterOf(photo))),
      'a copy of a held-back photo',
    );
    assert.deepEqual(names((await plan(dir)).untaught), names(untaught));

    const folders = linkPhotos(join(dir, '..', `${dir.split('/').at(-1)}-links`), {
      taught,
      untaught,
    });
    t.after(() => linkPhotos(join(folders.taught, '..'), { taught: [], untaught: [] }));
    assert.deepEqual(readdirSync(folders.untaught).sort(), ['crop', 'weed']);
    const [first] = untaught;
    assert.deepEqual(
      readFileSync(join(folders.untaught, linkName(first!))),
      readFileSync(join(dir, first!.origin)),
    );
  });

  test('what was labelled before is not held back', async (t) => {
    const dir = temporaryFolder(t);
    for (const label of ['a', 'b']) {
      await mkdir(join(dir, label));
      for (let i = 0; i < 6; i++) {
        writeFileSync(
          join(dir, label, `${'uvwxyz'[i]}.jpg`),
          await picture(label.length + 7 * i + (label === 'a' ? 0 : 500)),
        );
      }
    }
    const before = await plan(dir);
    const labelled = new Set(names(before.untaught));
    assert.ok(labelled.size > 0);
    const { untaught } = await plan(dir, labelled);
    assert.ok(names(untaught).every((name) => !labelled.has(name)));
    const all = new Set(names([...before.taught, ...before.untaught]));
    assert.deepEqual((await plan(dir, all)).untaught, []);
  });

  test('a folder without two classes of readable photos is refused', async (t) => {
    const dir = temporaryFolder(t);
    const refused = (path: string, words: RegExp) =>
      assert.rejects(plan(path), (error: unknown) => {
        assert.ok(isHeadlandError(error, 'HL_USAGE_PHOTOS'), String(error));
        assert.match(error.message, words);
        return true;
      });
    await refused(join(dir, 'none'), /does not exist/);
    await refused(dir, /has no photo/);
    writeFileSync(join(dir, 'a.jpg'), await picture(1));
    await refused(join(dir, 'a.jpg'), /is not a folder/);
    await refused(dir, /no class folder/);
    await mkdir(join(dir, 'a'));
    await mkdir(join(dir, 'b'));
    writeFileSync(join(dir, 'a', 'a.jpg'), await picture(2));
    await refused(dir, /class folder/);
    writeFileSync(join(dir, 'b', 'b.jpg'), 'no picture');
    await refused(dir, /one class only \(a\)/);
  });
});
