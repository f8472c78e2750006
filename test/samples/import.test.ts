import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ImportProgress, importFolder } from '../../src/samples/folder/import-folder.js';
import { hasCode } from '../errors.js';
import { folderWith, temporaryFolder, writeFiles } from '../temporary-folder.js';
import { refusedFiles } from '../vision/refused.js';
import { hugePng, jpeg, scene, timedJpeg } from './pictures.js';
import { openStore, smallDisk, temporaryStore } from './support.js';

const limits = { maxBytes: 8_388_608, maxPixels: 25_000_000 };

/** Names and contents of all files below a folder: to prove that it was only read. */
function snapshot(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    files.map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}

test('class folders become samples; a second import adds nothing; the folder is only read', async (t) => {
  const { store } = temporaryStore(t);
  const dir = folderWith(t, {
    'weed/1.jpg': await jpeg(1),
    'weed/deep/er/2.JPG': await jpeg(2),
    'sugar beet/3.png': await (await scene(3)).png().toBuffer(),
    'sugar beet/4.webp': await (await scene(4)).webp().toBuffer(),
    'sugar beet/notes.txt': 'not a picture, and not called one',
    '.git/5.jpg': await jpeg(5),
    'weed/.thumbnail.jpg': await jpeg(6),
    LICENSE: 'free',
  });
  const before = snapshot(dir);
  const progress: ImportProgress[] = [];
  const report = await importFolder(store, dir, { limits, onProgress: (p) => progress.push(p) });
  assert.deepEqual(
    { ...report, warnings: report.warnings.map(({ code }) => code) },
    {
      layout: 'class folders',
      found: 4,
      imported: 4,
      duplicates: 0,
      quarantined: [],
      warnings: ['HL_IMPORT_IGNORED'],
      leftOut: [
        {
          code: 'HL_IMPORT_IGNORED',
          reason: 'files without the name of a picture',
          files: 1,
          examples: [],
        },
      ],
      classes: new Map([
        ['sugar beet', 2],
        ['weed', 2],
      ]),
      keptOut: 0,
      groups: 4,
      groupedBy: 'similarity',
    },
  );
  assert.deepEqual(
    progress.filter(({ phase }) => phase === 'read').map(({ done, total }) => [done, total]),
    [1, 2, 3, 4].map((done) => [done, 4]),
  );
  assert.deepEqual(progress.at(-1), { phase: 'store', done: 4, total: 4 });
  const samples = store.list();
  assert.deepEqual(samples.map(({ origin }) => origin).sort(), [
    'sugar beet/3.png',
    'sugar beet/4.webp',
    'weed/1.jpg',
    'weed/deep/er/2.JPG',
  ]);
  for (const { id, origin, label, labelSource, source } of samples) {
    assert.equal(label, origin?.split('/')[0]);
    assert.deepEqual([labelSource, source], ['import', 'import']);
    assert.deepEqual(Buffer.from(store.picture(id)!), readFileSync(join(dir, origin!)));
  }

  const again = await importFolder(store, dir, { limits });
  assert.deepEqual(
    [again.imported, again.duplicates, again.groups, again.groupedBy],
    [0, 4, 4, 'known'],
  );
  assert.deepEqual(store.list(), samples);
  assert.deepEqual(snapshot(dir), before);
});

test('bad pictures are quarantined with their reason and the import goes on', async (t) => {
  const { store } = temporaryStore(t);
  const whole = await jpeg(1);
  const dir = folderWith(t, {
    'weed/good.jpg': whole,
    'weed/cut.jpg': (await jpeg(2)).subarray(0, 1_500),
    'weed/text.jpg': 'I am not a picture',
    'weed/empty.jpg': '',
    'weed/huge.png': hugePng(),
    'weed/heavy.jpg': Buffer.concat([await jpeg(3), Buffer.alloc(300_000)]),
    'weed/old.gif': await (await scene(4)).gif().toBuffer(),
  });
  mkdirSync(join(dir, 'nothing yet'));
  mkdirSync(join(dir, 'unknown'));
  const before = snapshot(dir);
  const quarantineDir = join(temporaryFolder(t), 'quarantine');
  const options = { limits: { ...limits, maxBytes: 250_000 }, quarantineDir };
  const report = await importFolder(store, dir, options);
  assert.deepEqual(report.classes, new Map([['weed', 1]]));
  assert.deepEqual(
    report.quarantined.map(({ origin, code }) => [origin, code]),
    [
      ['weed/cut.jpg', 'HL_PICTURE_INVALID'],
      ['weed/empty.jpg', 'HL_PICTURE_INVALID'],
      ['weed/heavy.jpg', 'HL_PICTURE_TOO_LARGE'],
      ['weed/huge.png', 'HL_PICTURE_TOO_MANY_PIXELS'],
      ['weed/old.gif', 'HL_PICTURE_INVALID'],
      ['weed/text.jpg', 'HL_PICTURE_INVALID'],
    ],
  );
  assert.deepEqual(
    report.warnings.map(({ code }) => code),
    ['HL_LABEL_INVALID', 'HL_IMPORT_EMPTY_CLASS'],
  );
  const lines = () =>
    readFileSync(join(quarantineDir, 'quarantine.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { origin: string; code: string; copy: string | null });
  const text = lines().find(({ origin }) => origin === 'weed/text.jpg')!;
  assert.equal(text.code, 'HL_PICTURE_INVALID');
  assert.equal(readFileSync(join(quarantineDir, text.copy!), 'utf8'), 'I am not a picture');
  assert.equal(lines().find(({ origin }) => origin === 'weed/heavy.jpg')?.copy, null);
  for (const entry of ['.', ...readdirSync(quarantineDir)]) {
    assert.equal(statSync(join(quarantineDir, entry)).mode & 0o077, 0, `${entry} is private`);
  }
  assert.equal(lines().length, 6);
  await importFolder(store, dir, options);
  assert.equal(lines().filter(({ copy }) => copy !== null).length, 5);
  assert.deepEqual(snapshot(dir), before);
  assert.equal(store.counts().total, 1);
});

test('what is not JPEG, PNG or WebP is refused by name and quarantined', async (t) => {
  const { store } = temporaryStore(t);
  const refused = await refusedFiles();
  const files = Object.fromEntries(refused.map(([, bytes], i) => [`weed/${i}.jpg`, bytes]));
  const svg = refused[0]![1];
  const dir = folderWith(t, {
    ...files,
    'weed/a.svg': svg,
    'weed/b.jpg': await jpeg(1),
  });
  const report = await importFolder(store, dir, { limits });
  assert.equal(report.imported, 1);
  const reasons = new Map(report.quarantined.map(({ origin, message }) => [origin, message]));
  for (const [i, [name]] of refused.entries()) {
    assert.match(reasons.get(`weed/${i}.jpg`) ?? '', new RegExp(name));
  }
  assert.match(reasons.get('weed/a.svg') ?? '', /SVG/);
});

test('what cannot be imported at all says so', async (t) => {
  const { store } = temporaryStore(t);
  const dir = temporaryFolder(t);
  writeFileSync(join(dir, 'lonely.jpg'), await jpeg(1));
  await assert.rejects(importFolder(store, dir, { limits }), hasCode('HL_IMPORT_NO_CLASSES'));
  for (const wrong of [join(dir, 'nowhere'), join(dir, 'lonely.jpg')]) {
    await assert.rejects(importFolder(store, wrong, { limits }), hasCode('HL_IMPORT_NOT_FOUND'));
  }
  const groupPattern = '(';
  await assert.rejects(
    importFolder(store, dir, { limits, groupPattern }),
    hasCode('HL_IMPORT_PATTERN_INVALID'),
  );
});

test('links are followed within the folder only, and circles end', async (t) => {
  const { store } = temporaryStore(t);
  const outside = folderWith(t, { 'secret/1.jpg': await jpeg(1) });
  const dir = folderWith(t, { 'weed/2.jpg': await jpeg(2) });
  symlinkSync(join(outside, 'secret', '1.jpg'), join(dir, 'weed', 'out.jpg'));
  symlinkSync(join(outside, 'secret'), join(dir, 'crop'));
  symlinkSync('../../../../../../../../etc', join(dir, 'weed', 'etc'));
  symlinkSync('nowhere', join(dir, 'weed', 'broken.jpg'));
  symlinkSync('.', join(dir, 'weed', 'circle'));
  symlinkSync('2.jpg', join(dir, 'weed', 'inside.jpg'));
  const report = await importFolder(store, dir, { limits });
  assert.deepEqual(
    report.quarantined.map(({ origin, code }) => [origin, code]),
    [
      ['crop', 'HL_IMPORT_LINK_OUTSIDE'],
      ['weed/broken.jpg', 'HL_IMPORT_UNREADABLE'],
      ['weed/etc', 'HL_IMPORT_LINK_OUTSIDE'],
      ['weed/out.jpg', 'HL_IMPORT_LINK_OUTSIDE'],
    ],
  );
  assert.deepEqual([report.imported, report.duplicates], [1, 1]);
});

test('an existing label is kept, a missing one is given, and conflicts are named', async (t) => {
  const { store } = temporaryStore(t);
  const dir = folderWith(t, {
    'crop/same.jpg': await jpeg(1),
    'weed/same.jpg': await jpeg(1),
    'weed/waits.jpg': await jpeg(2),
  });
  const waiting = store.admit({
    jpeg: await jpeg(2),
    label: null,
    labelSource: null,
    group: 'main-7',
    source: 'main',
    capturedAtMs: 1,
    dhash: '00000000000000ff',
  }).sample;
  const report = await importFolder(store, dir, { limits });
  assert.deepEqual(
    report.warnings.map(({ code }) => code),
    ['HL_IMPORT_LABEL_CONFLICT'],
  );
  assert.deepEqual([report.imported, report.duplicates], [1, 2]);
  assert.equal(store.get(waiting.id)?.label, 'weed');
  assert.equal(store.get(waiting.id)?.group, 'main-7');

  store.label(store.list({ label: 'crop' })[0]!.id, 'daisy', 'console');
  await importFolder(store, dir, { limits });
  assert.equal(store.list({ label: 'daisy' }).length, 1);
  assert.deepEqual(store.list({ label: 'crop' }), []);
});

test('groups: by pattern, else by capture time, else by likeness', async (t) => {
  const start = Date.UTC(2024, 4, 1, 10, 0, 0);
  const dir = folderWith(t, {
    'weed/a.jpg': await timedJpeg(1, start),
    'crop/b.jpg': await timedJpeg(2, start + 25_000),
    'weed/c.jpg': await timedJpeg(3, start + 80_000),
  });
  const timed = temporaryStore(t).store;
  const byTime = await importFolder(timed, dir, { limits });
  assert.deepEqual([byTime.groupedBy, byTime.groups], ['exif', 2]);
  const groupOf = (origin: string) => timed.list().find((s) => s.origin === origin)!.group;
  assert.equal(groupOf('weed/a.jpg'), 'time-2024-05-01T10:00:00.000Z');
  assert.equal(groupOf('crop/b.jpg'), groupOf('weed/a.jpg'));
  assert.equal(timed.list()[0]!.capturedAtMs, start + 25_000);
  // A later import goes on with the groups that are there.
  writeFiles(dir, { 'weed/d.jpg': await timedJpeg(4, start + 100_000) });
  await importFolder(timed, dir, { limits });
  assert.equal(groupOf('weed/d.jpg'), groupOf('weed/c.jpg'));

  const untimed = folderWith(t, {
    'weed/p1_x.jpg': await jpeg(1),
    'weed/p1_y.jpg': await jpeg(2),
    'weed/p2_z.jpg': await jpeg(1, 60),
  });
  const byPattern = await importFolder(temporaryStore(t).store, untimed, {
    limits,
    groupPattern: 'p(\\d)_',
  });
  assert.deepEqual([byPattern.groupedBy, byPattern.groups], ['pattern', 2]);
  const alike = temporaryStore(t).store;
  const byLikeness = await importFolder(alike, untimed, { limits });
  assert.deepEqual([byLikeness.groupedBy, byLikeness.groups], ['similarity', 2]);
  const [x, , z] = alike.list();
  assert.equal(x!.group, z!.group);
});

test('the longest pause within a group is that of the caller', async (t) => {
  const dir = folderWith(t, {
    'weed/a.jpg': await timedJpeg(1, 1_777_600_000_000),
    'weed/b.jpg': await timedJpeg(2, 1_777_600_060_000),
  });
  for (const [gapMs, groups] of [
    [59_000, 2],
    [60_000, 1],
  ] as const) {
    const report = await importFolder(temporaryStore(t).store, dir, { limits, gapMs });
    assert.deepEqual([report.groupedBy, report.groups], ['exif', groups]);
  }
});

test('many pictures that resemble no other: the report warns of weak groups', async (t) => {
  const files: Record<string, Buffer> = {};
  for (let seed = 1; seed <= 24; seed++) files[`weed/${seed}.jpg`] = await jpeg(seed);
  const dir = folderWith(t, files);
  const { warnings } = await importFolder(temporaryStore(t).store, dir, { limits });
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['HL_IMPORT_GROUPS_WEAK'],
  );
});

test('a full store stops the import with what it has, and it goes on later', async (t) => {
  const files: Record<string, Buffer> = {};
  for (let seed = 1; seed <= 40; seed++) files[`weed/${seed}.jpg`] = await jpeg(seed);
  const dir = folderWith(t, files);
  const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  const { store, path } = temporaryStore(t, { maxPictureStoreBytes: Math.round(bytes * 0.7) });
  await assert.rejects(importFolder(store, dir, { limits }), hasCode('HL_STORE_LIMIT'));
  const { total } = store.counts();
  assert.ok(total >= 16 && total < 40, `${total}`);
  const larger = openStore(path);
  t.after(() => larger.database.close());
  const report = await importFolder(larger.store, dir, { limits });
  assert.deepEqual([report.imported, report.duplicates], [40 - total, total]);
});

test('an import puts pictures back that were thinned out', async (t) => {
  const files: Record<string, Buffer> = {};
  for (let seed = 1; seed <= 8; seed++) files[`weed/${seed}.jpg`] = await jpeg(seed);
  const dir = folderWith(t, files);
  const { store, path } = temporaryStore(t);
  await importFolder(store, dir, { limits });
  const before = store.list();
  const backboneChecksum = 'a'.repeat(64);
  const features = Float32Array.of(1);
  store.putFeatures(
    before.map(({ id }) => ({ sampleId: id, backboneChecksum, recipe: '', view: 0, features })),
  );
  const { pictureBytes } = store.counts();
  const full = openStore(path, { maxPictureStoreBytes: pictureBytes, minPicturesPerClass: 1 });
  t.after(() => full.database.close());
  const more = folderWith(t, { 'weed/9.jpg': await jpeg(9) });
  await importFolder(full.store, more, { limits });
  assert.ok(store.counts().thinned > 0);
  const report = await importFolder(store, dir, { limits });
  assert.deepEqual([report.imported, report.duplicates], [0, 8]);
  assert.equal(store.counts().thinned, 0);
  for (const { id, pictureBytes: bytes } of before) {
    assert.equal(store.picture(id)?.length, bytes);
    assert.equal(store.known(id).pictureBytes, bytes);
  }
});

test('a full disk stops the import with what it has, and it goes on when there is room', async (t) => {
  const disk = smallDisk(t, '2m');
  if (disk === null) return;
  const ballast = join(disk, 'ballast');
  writeFileSync(ballast, Buffer.alloc(1_200_000));
  const files: Record<string, Buffer> = {};
  for (let seed = 1; seed <= 60; seed++) files[`weed/${seed}.jpg`] = await jpeg(seed, 100);
  const dir = folderWith(t, files);
  const { store, database } = openStore(join(disk, 'headland.db'));
  t.after(() => database.close());
  await assert.rejects(importFolder(store, dir, { limits }), hasCode('HL_STORE_FULL'));
  const { total } = store.counts();
  assert.ok(total >= 16 && total < 60, `${total}`);
  unlinkSync(ballast);
  const report = await importFolder(store, dir, { limits });
  assert.deepEqual([report.imported, report.duplicates], [60 - total, total]);
});

test('a cancelled import stops; a file that vanishes meanwhile is named', async (t) => {
  const { store } = temporaryStore(t);
  const dir = folderWith(t, {
    'weed/1.jpg': await jpeg(1),
    'weed/2.jpg': await jpeg(2),
  });
  await assert.rejects(
    importFolder(store, dir, { limits, signal: AbortSignal.abort() }),
    hasCode('HL_IMPORT_CANCELLED'),
  );
  assert.equal(store.counts().total, 0);
  const report = await importFolder(store, dir, {
    limits,
    onProgress: ({ phase, done }) => {
      if (phase === 'read' && done === 2) unlinkSync(join(dir, 'weed', '2.jpg'));
    },
  });
  assert.deepEqual([report.imported, report.classes], [1, new Map([['weed', 1]])]);
  assert.deepEqual(
    report.quarantined.map(({ origin, code }) => [origin, code]),
    [['weed/2.jpg', 'HL_IMPORT_UNREADABLE']],
  );
});
