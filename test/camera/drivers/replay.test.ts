import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { isHeadlandError } from '../../../src/base/errors.js';
import { type Log, silentLog } from '../../../src/base/log.js';
import { ReplayDriver } from '../../../src/camera/drivers/replay.js';
import { referenceLabel } from '../../../src/camera/reference.js';
import { folderWith, temporaryFolder } from '../../temporary-folder.js';
import { refusedFiles } from '../../vision/refused.js';
import { makeVideo } from '../sources.js';
import { cameraConfig, collect, makeJpeg, needsTool, sizeOf } from '../support.js';

/** Writes one and the same small photo to each path below a new folder. */
async function photoFolder(t: TestContext, paths: string[]): Promise<string> {
  const jpeg = await makeJpeg(1);
  return folderWith(t, Object.fromEntries(paths.map((path) => [path, jpeg])));
}

function open(section: Record<string, unknown>, log: Log = silentLog()): ReplayDriver {
  return new ReplayDriver(
    cameraConfig({ driver: 'replay', intervalMs: 0, loop: false, ...section }),
    log,
  );
}

const CLASSES = [
  'Apple/test_gala_003.jpg',
  'Apple/train_gala_009.jpg',
  'Apple/train_gala_010.jpg',
  'Pear/day 2/portrait.JPEG',
  'Pear/train_gala_009.jpg',
];

describe('ReplayDriver on photos', () => {
  it('shows class folders by name, with reference, origin and group', async (t) => {
    const path = await photoFolder(t, CLASSES);
    const pictures = await collect(open({ path }));
    assert.deepEqual(
      pictures.map(({ origin, group, ...known }) => [origin, referenceLabel(known), group]),
      [
        ['Apple/test_gala_003.jpg', 'Apple', 'Apple/test_gala-0'],
        ['Apple/train_gala_009.jpg', 'Apple', 'Apple/train_gala-0'],
        ['Apple/train_gala_010.jpg', 'Apple', 'Apple/train_gala-1'],
        ['Pear/day 2/portrait.JPEG', 'Pear', 'Pear/portrait'],
        ['Pear/train_gala_009.jpg', 'Pear', 'Pear/train_gala-0'],
      ],
    );
    const original = readFileSync(join(path, CLASSES[0]!));
    assert.ok(original.equals(pictures[0]!.jpeg), 'bytes are handed over as they are');
  });

  it('groups by the captures of a pattern, class first', async (t) => {
    const path = await photoFolder(t, [...CLASSES, 'IMG_row7_1.jpg', 'other.jpg']);
    const groupPattern = '^(train|test|IMG)_([a-z0-9]+)_';
    const groups = (await collect(open({ path, groupPattern }))).map(({ group }) => group);
    assert.deepEqual(groups, [
      'Apple/test-gala',
      'Apple/train-gala',
      'Apple/train-gala',
      'IMG-row7',
      'Pear/portrait',
      'Pear/train-gala',
      undefined,
    ]);
  });

  it('leaves the group of loose photos to the clock', async (t) => {
    const path = await photoFolder(t, ['a_01.jpg', 'b_02.png', '.hidden.jpg', 'notes.txt']);
    const pictures = await collect(open({ path }));
    assert.deepEqual(
      pictures.map(({ origin, group, ...known }) => [origin, referenceLabel(known), group]),
      [
        ['a_01.jpg', undefined, undefined],
        ['b_02.png', undefined, undefined],
      ],
    );
  });

  it('shuffles in the order of a seed and goes round', async (t) => {
    const names = Array.from({ length: 12 }, (_, i) => `${String(i).padStart(2, '0')}.jpg`);
    const path = await photoFolder(t, names);
    const order = async (shuffleSeed: number) =>
      (await collect(open({ path, shuffleSeed, loop: true }), 24)).map(({ origin }) => origin!);
    const first = await order(3);
    assert.deepEqual(await order(3), first);
    assert.notDeepEqual(await order(4), first);
    assert.notDeepEqual(first.slice(0, 12), names);
    assert.deepEqual(first.slice(0, 12).sort(), names);
    assert.deepEqual(
      first.slice(12),
      first.slice(0, 12).map((_, i) => first[i]),
    );
  });

  it('goes on where it stopped, and begins again after its end', async (t) => {
    const path = await photoFolder(t, ['1.jpg', '2.jpg', '3.jpg', '4.jpg']);
    const driver = open({ path, intervalMs: 1 });
    const origins = async (enough?: number) =>
      (await collect(driver, enough)).map(({ origin }) => origin);
    assert.deepEqual(await origins(2), ['1.jpg', '2.jpg']);
    assert.deepEqual(await origins(), ['3.jpg', '4.jpg']);
    assert.deepEqual(await origins(1), ['1.jpg']);
  });

  it('skips what is no picture, counts it and says so once', async (t) => {
    const path = await photoFolder(t, ['a.jpg', 'd.jpg']);
    writeFileSync(join(path, 'b.jpg'), 'a text file');
    writeFileSync(join(path, 'c.jpg'), '');
    const warnings: { path: string; reason: string }[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => warnings.push(JSON.parse(line)) });
    const driver = open({ path, loop: true }, log);
    const origins = (await collect(driver, 6)).map(({ origin }) => origin);
    assert.deepEqual(origins, ['a.jpg', 'd.jpg', 'a.jpg', 'd.jpg', 'a.jpg', 'd.jpg']);
    assert.deepEqual(
      warnings.map((warning) => warning.path),
      [join(path, 'b.jpg'), join(path, 'c.jpg')],
    );
    assert.match(warnings[0]!.reason, /JPEG/);
    assert.equal(driver.invalidPictures, 2);
  });

  it('refuses what is not JPEG, PNG or WebP by name, whatever the file is called', async (t) => {
    const path = await photoFolder(t, ['good.jpg']);
    const files = (await refusedFiles()).map(([name, bytes], i) => ({
      name,
      file: `${i}.jpg`,
      bytes,
    }));
    const [[, svg]] = (await refusedFiles()) as [[string, Buffer]];
    files.push({ name: 'SVG', file: 'drawing.svg', bytes: svg });
    for (const { file, bytes } of files) writeFileSync(join(path, file), bytes);
    const reasons = new Map<string, string>();
    const log = pino(
      { level: 'warn' },
      {
        write: (line) => {
          const { path: at, reason } = JSON.parse(line);
          reasons.set(at, reason);
        },
      },
    );
    const driver = open({ path }, log);
    const origins = (await collect(driver)).map(({ origin }) => origin);
    assert.deepEqual(origins, ['good.jpg']);
    for (const { name, file } of files) {
      assert.match(reasons.get(join(path, file)) ?? '', new RegExp(name), file);
    }
    assert.equal(driver.invalidPictures, files.length);
  });

  it('sees through splits, and past what systems leave behind', async (t) => {
    const path = await photoFolder(t, [
      'Train/weed/1.jpg',
      'Train/Crop/2.jpg',
      'Train/Crop/3.jpg',
      'TEST/crop/4.jpg',
      'TEST/crop/@eaDir/4.jpg',
      '__MACOSX/Train/weed/._1.jpg',
      'lost+found/5.jpg',
      '$RECYCLE.BIN/6.jpg',
    ]);
    const shown = (await collect(open({ path }))).map((picture) => [
      picture.origin,
      referenceLabel(picture),
    ]);
    assert.deepEqual(shown, [
      ['TEST/crop/4.jpg', 'Crop'],
      ['Train/Crop/2.jpg', 'Crop'],
      ['Train/Crop/3.jpg', 'Crop'],
      ['Train/weed/1.jpg', 'weed'],
    ]);
  });

  it('reads names that are not UTF-8, and folders behind links', async (t) => {
    const path = await photoFolder(t, ['crop/1.jpg']);
    const disk = await photoFolder(t, ['2.jpg']);
    symlinkSync(disk, join(path, 'weed'));
    symlinkSync('..', join(path, 'crop', 'circle'));
    const latin1 = Buffer.concat([
      Buffer.from(`${path}/crop/R`),
      Buffer.from([0xfc]),
      Buffer.from('be.jpg'),
    ]);
    writeFileSync(latin1, await makeJpeg(2));
    const shown = (await collect(open({ path }))).map((picture) => [
      picture.origin,
      referenceLabel(picture),
    ]);
    assert.deepEqual(shown, [
      ['crop/1.jpg', 'crop'],
      ['crop/Rübe.jpg', 'crop'],
      ['weed/2.jpg', 'weed'],
    ]);
  });

  it('shows photos without a class where the folders contradict each other, and says so', async (t) => {
    const path = await photoFolder(t, ['train/weed/1.jpg', 'stone/2.jpg']);
    const reasons: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => reasons.push(JSON.parse(line).reason) });
    const shown = await collect(open({ path }, log));
    assert.deepEqual(
      shown.map((picture) => referenceLabel(picture)),
      [undefined, undefined],
    );
    assert.match(reasons[0] ?? '', /"train" looks like splits/);
  });

  it('fails with a reason when there is nothing to show', async (t) => {
    const empty = await photoFolder(t, ['notes.txt', 'Apple/readme.md']);
    const unreadable = temporaryFolder(t);
    writeFileSync(join(unreadable, 'a.jpg'), 'no picture');
    const cases = [
      [{ path: empty }, 'HL_CAMERA_NO_PICTURE'],
      [{ path: unreadable, loop: true }, 'HL_CAMERA_NO_PICTURE'],
      [{ path: join(empty, 'missing') }, 'HL_CAMERA_DEVICE_MISSING'],
      [{ path: empty, groupPattern: '(' }, 'HL_CAMERA_PATTERN_INVALID'],
    ] as const;
    for (const [section, code] of cases) {
      await assert.rejects(collect(open(section)), (error) => isHeadlandError(error, code));
    }
  });
});

describe('ReplayDriver on a video', () => {
  it('leaves it to ffmpeg, frame by frame', async (t) => {
    if (!needsTool(t, 'ffmpeg')) return;
    const path = makeVideo(temporaryFolder(t), 1, 10);
    const pictures = await collect(open({ path }));
    assert.equal(pictures.length, 10);
    assert.equal(pictures[0]!.origin, path);
    assert.deepEqual(await sizeOf(pictures[0]!.jpeg), { width: 320, height: 240 });
  });
});
