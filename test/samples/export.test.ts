import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exportFolder } from '../../src/samples/folder/export-folder.js';
import { importFolder } from '../../src/samples/folder/import-folder.js';
import type { Sample } from '../../src/samples/sample.js';
import { removeGeotag } from '../../src/vision/geotag/geotag.js';
import { hasCode } from '../errors.js';
import { temporaryFolder } from '../temporary-folder.js';
import { jpeg, scene } from './pictures.js';
import { temporaryStore } from './support.js';

const limits = { maxBytes: 8_388_608, maxPixels: 25_000_000 };

const HERE = {
  latitude: 48.1173,
  longitude: 11.5,
  accuracyMeters: 0.02,
  altitudeMeters: null,
  speedMetersPerSecond: 1.5,
  courseDegrees: null,
};

async function filledStore(t: TestContext) {
  const { store } = temporaryStore(t, { holdoutShare: 0.5 });
  const labels = ['weed', 'sugar beet', null, 'Ähre', 'weed', null];
  for (const [i, label] of labels.entries()) {
    store.admit({
      jpeg: i === 3 ? await (await scene(i)).png().toBuffer() : await jpeg(i),
      label,
      labelSource: label === null ? null : 'mqtt',
      group: `main-${i >> 1}`,
      source: i % 2 ? 'front' : 'rear',
      capturedAtMs: 1_700_000_000_123 + i,
      origin: i === 0 ? 'video.mp4' : null,
      dhash: 'fedcba9876543210',
      position: i < 3 ? null : HERE,
    });
  }
  store.admit({ ...(await again(0)), label: null, labelSource: null });
  return store;
}

const again = async (seed: number) => ({
  jpeg: await jpeg(seed),
  group: 'another',
  source: 'front',
  capturedAtMs: 0,
  dhash: '0'.repeat(16),
});

/** What must survive: all but the id and the hash, which is computed again. */
const essence = (samples: Sample[]) =>
  samples
    .map(({ id: _id, dhash: _dhash, ...rest }) => rest)
    .sort((a, b) => (a.pictureSha256 < b.pictureSha256 ? -1 : 1));

test('an export is a folder of class folders with the pictures as captured', async (t) => {
  const store = await filledStore(t);
  const dir = join(temporaryFolder(t), 'a', 'field');
  const report = await exportFolder(store, dir);
  assert.deepEqual(report, {
    samples: 4,
    classes: new Map([
      ['sugar beet', 1],
      ['weed', 2],
      ['Ähre', 1],
    ]),
    waiting: 0,
    damaged: [],
    thinned: 0,
  });
  assert.deepEqual(readdirSync(dir).sort(), ['samples.jsonl', 'sugar beet', 'weed', 'Ähre']);
  assert.deepEqual(readdirSync(join(dir, '..')), ['field']);
  for (const { id, label, position } of store.list({ labelled: true })) {
    const file = join(dir, label!, `${id}.${label === 'Ähre' ? 'png' : 'jpg'}`);
    const written = removeGeotag(readFileSync(file));
    assert.deepEqual(written.bytes, Buffer.from(store.picture(id)!));
    // Only a JPEG can hold its position.
    assert.deepEqual(written.position, label === 'Ähre' ? null : position);
  }
});

test('importing an export gives everything back', async (t) => {
  const store = await filledStore(t);
  const dir = join(temporaryFolder(t), 'field');
  await exportFolder(store, dir, { includeWaiting: true });
  // Another share and another order of arrival: the sides must come from the export.
  const fresh = temporaryStore(t, { holdoutShare: 0.05 }).store;
  const report = await importFolder(fresh, dir, { limits });
  assert.deepEqual([report.imported, report.warnings, report.quarantined], [6, [], []]);
  assert.deepEqual(essence(fresh.list()), essence(store.list()));
  assert.ok(fresh.list().some(({ holdout }) => holdout));
  const second = await importFolder(store, dir, { limits });
  assert.deepEqual([second.imported, second.duplicates], [0, 6]);
});

test('an export without positions holds none, in pictures, manifest and tables', async (t) => {
  const store = await filledStore(t);
  for (const format of ['folder', 'csv'] as const) {
    const dir = join(temporaryFolder(t), 'field');
    await exportFolder(store, dir, { format, includePositions: false });
    for (const { id, label } of store.list({ labelled: true })) {
      const [name] = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) =>
        basename(file).startsWith(id),
      );
      const bytes = readFileSync(join(dir, name!));
      assert.deepEqual(bytes, Buffer.from(store.picture(id)!), label!);
    }
    const texts = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(jsonl|csv)$/.test(file))
      .map((file) => readFileSync(join(dir, file), 'utf8'));
    assert.ok(texts.length > 0);
    assert.doesNotMatch(texts.join('\n'), /position|latitude/);
    assert.ok(!texts.join('\n').includes(String(HERE.latitude)));
  }
});

test('without its manifest, an export still says where its pictures were captured', async (t) => {
  const store = await filledStore(t);
  const dir = join(temporaryFolder(t), 'field');
  await exportFolder(store, dir);
  rmSync(join(dir, 'samples.jsonl'));
  const fresh = temporaryStore(t).store;
  await importFolder(fresh, dir, { limits });
  const known = fresh.list().filter(({ position }) => position !== null);
  assert.deepEqual(
    known.map(({ label, position }) => [label, position]),
    [['weed', HERE]],
  );
  // The pictures themselves are the same as before.
  assert.equal(store.findPicture(known[0]!.pictureSha256)?.label, 'weed');
});

test('labels that look like leftovers of systems come back', async (t) => {
  const { store } = temporaryStore(t, { holdoutShare: 0 });
  const labels = ['weed~', '~', '@eaDir', 'Thumbs.db', 'node_modules', 'found.000', 'lost+found'];
  for (const [i, label] of labels.entries()) {
    const sample = { ...(await again(i)), group: `g${i}`, label, labelSource: 'cli' as const };
    store.admit(sample);
  }
  const dir = join(temporaryFolder(t), 'field');
  await exportFolder(store, dir);
  mkdirSync(join(dir, '@tmp'));
  writeFileSync(join(dir, '@tmp', 'thumbnail.jpg'), await jpeg(99));
  const fresh = temporaryStore(t, { holdoutShare: 0 }).store;
  await importFolder(fresh, dir, { limits });
  assert.deepEqual(essence(fresh.list()), essence(store.list()));
});

test('a manifest that an editor of Windows has saved is read, or its encoding is named', async (t) => {
  const store = await filledStore(t);
  const dir = join(temporaryFolder(t), 'field');
  await exportFolder(store, dir);
  const manifest = join(dir, 'samples.jsonl');
  const text = readFileSync(manifest, 'utf8').replaceAll('\n', '\r\n');
  const saved = [`\ufeff${text}`, Buffer.from(`\ufeff${text}`, 'utf16le')];
  for (const content of saved) {
    writeFileSync(manifest, content);
    const fresh = temporaryStore(t, { holdoutShare: 0.05 }).store;
    const report = await importFolder(fresh, dir, { limits });
    assert.deepEqual(report.warnings, []);
    assert.deepEqual(essence(fresh.list()), essence(store.list({ labelled: true })));
  }
  writeFileSync(manifest, Buffer.from(text, 'latin1'));
  const { warnings } = await importFolder(temporaryStore(t).store, dir, { limits });
  assert.deepEqual(warnings[0]?.code, 'HL_IMPORT_MANIFEST_INVALID');
  assert.match(
    warnings[0]?.message ?? '',
    /samples\.jsonl has bytes in line \d+ that are not UTF-8/,
  );
});

test('a picture moved to another class folder of an export is labelled by that', async (t) => {
  const store = await filledStore(t);
  const dir = join(temporaryFolder(t), 'field');
  await exportFolder(store, dir, { includeWaiting: true });
  const [waiting] = readdirSync(join(dir, '.waiting'));
  mkdirSync(join(dir, 'daisy'));
  renameSync(join(dir, '.waiting', waiting!), join(dir, 'daisy', waiting!));
  appendFileSync(join(dir, 'samples.jsonl'), 'not json\n{"schema":1}\n');
  const fresh = temporaryStore(t).store;
  const report = await importFolder(fresh, dir, { limits });
  assert.deepEqual(
    report.warnings.map(({ code }) => code),
    ['HL_IMPORT_MANIFEST_INVALID'],
  );
  const original = store.get(basename(waiting!, '.jpg'))!;
  const moved = fresh.findPicture(original.pictureSha256)!;
  assert.deepEqual([moved.label, moved.labelSource], ['daisy', 'import']);
  assert.deepEqual(
    [moved.group, moved.holdout, moved.source, moved.capturedAtMs],
    [original.group, original.holdout, original.source, original.capturedAtMs],
  );
});

test('only an empty or missing folder is written to, and a failure leaves nothing behind', async (t) => {
  const store = await filledStore(t);
  const parent = temporaryFolder(t);
  const full = join(parent, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'precious'), 'x');
  writeFileSync(join(parent, 'file'), 'x');
  for (const taken of [full, join(parent, 'file')]) {
    await assert.rejects(exportFolder(store, taken), hasCode('HL_EXPORT_NOT_EMPTY'));
  }
  const late = join(parent, 'late');
  const onProgress = () => {
    mkdirSync(late, { recursive: true });
    writeFileSync(join(late, 'came first'), 'x');
  };
  await assert.rejects(exportFolder(store, late, { onProgress }), hasCode('HL_EXPORT_NOT_EMPTY'));
  assert.deepEqual(readdirSync(late), ['came first']);
  const empty = join(parent, 'empty');
  mkdirSync(empty);
  assert.equal((await exportFolder(store, empty)).samples, 4);
  assert.deepEqual(readdirSync(parent).sort(), ['empty', 'file', 'full', 'late']);
});

test('an empty store exports to a folder that says so', async (t) => {
  const dir = join(temporaryFolder(t), 'field');
  assert.deepEqual(await exportFolder(temporaryStore(t).store, dir), {
    samples: 0,
    classes: new Map(),
    waiting: 0,
    damaged: [],
    thinned: 0,
  });
  assert.equal(readFileSync(join(dir, 'samples.jsonl'), 'utf8'), '');
});
