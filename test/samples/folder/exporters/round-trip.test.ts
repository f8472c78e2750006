import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { isHeadlandError } from '../../../../src/base/errors.js';
import { normaliseLabel } from '../../../../src/base/words/label.js';
import { exportFolder } from '../../../../src/samples/folder/export-folder.js';
import type { SampleFormat } from '../../../../src/samples/folder/exporters/sample-formats.js';
import type { Sample } from '../../../../src/samples/sample.js';
import type { SampleStore } from '../../../../src/samples/store.js';
import { hasCode } from '../../../errors.js';
import { temporaryFolder } from '../../../temporary-folder.js';
import { jpeg } from '../../pictures.js';
import { temporaryStore } from '../../support.js';
import { importInto } from '../support.js';

const FORMATS: readonly SampleFormat[] = [
  'folder',
  'label-studio',
  'cvat',
  'coco',
  'yolo',
  'edge-impulse',
  'csv',
];
const WITH_WAITING: readonly SampleFormat[] = FORMATS.filter(
  (format) => format !== 'coco' && format !== 'yolo',
);
/** Formats with parts, and their names of the part that is kept out of training. */
const HOLDOUT_PARTS = { coco: 'images/val', yolo: 'images/val', 'edge-impulse': 'testing' };

const HERE = {
  longitude: -11.5,
  accuracyMeters: 0.02,
  altitudeMeters: 100.5,
  speedMetersPerSecond: null,
  courseDegrees: 84.4,
};

/** What must survive: all but the id and the hash, which is computed again. */
const essence = (store: SampleStore) =>
  store
    .list()
    .map(({ id: _id, dhash: _dhash, ...rest }: Sample) => rest)
    .sort((a, b) => (a.pictureSha256 < b.pictureSha256 ? -1 : 1));

/** A store with one sample for each label; null waits for one. */
async function storeOf(t: TestContext, labels: readonly (string | null)[], holdoutShare = 0.5) {
  const { store } = temporaryStore(t, { holdoutShare });
  for (const [i, label] of labels.entries()) {
    const turned = sharp(await jpeg(i + 1)).withMetadata({ orientation: (i % 8) + 1 });
    store.admit({
      jpeg: await turned.jpeg({ quality: 95 }).toBuffer(),
      label,
      labelSource: label === null ? null : 'console',
      group: `pass-${i >> 1}`,
      source: i % 2 ? 'front' : 'rear/left',
      capturedAtMs: 1_700_000_000_123 + i,
      origin: i % 3 ? null : `a&b/${i}.jpg#xywh=1,2,3,4`,
      dhash: 'fedcba9876543210',
      position: i % 3 === 1 ? null : { ...HERE, latitude: 48 + i / 1_000 },
    });
  }
  return store;
}

async function exported(t: TestContext, store: SampleStore, format: SampleFormat, waiting = false) {
  const dir = join(temporaryFolder(t), 'out');
  const report = await exportFolder(store, dir, { format, includeWaiting: waiting });
  return { dir, report };
}

const LABELS = ['weed', 'sugar beet', 'Ähre', 'weed', 'a&b <"c">', '[1]', '["x"]', '=1+1', '7'];

describe('an export', () => {
  for (const format of FORMATS) {
    it(`as ${format} comes back without loss`, async (t) => {
      const store = await storeOf(t, LABELS);
      const { dir, report } = await exported(t, store, format);
      assert.deepEqual([report.samples, report.damaged], [LABELS.length, []]);
      const back = await importInto(t, dir);
      assert.deepEqual(essence(back.store), essence(store));
      assert.ok(back.store.list().some(({ holdout }) => holdout));
      assert.deepEqual(
        back.codes.filter(
          (code) => code !== 'HL_IMPORT_ANNOTATIONS' && code !== 'HL_IMPORT_SPLITS',
        ),
        [],
      );
      assert.match(back.report.layout, /export/);
    });
  }

  it('keeps pictures that wait for a label, where the format can tell them', async (t) => {
    const labels = ['weed', null, 'crop', null];
    for (const format of FORMATS) {
      const store = await storeOf(t, labels);
      if (!WITH_WAITING.includes(format)) {
        await assert.rejects(exported(t, store, format, true), hasCode('HL_EXPORT_WAITING'));
        continue;
      }
      const { dir, report } = await exported(t, store, format, true);
      assert.deepEqual([report.samples, report.waiting], [4, 2]);
      assert.deepEqual(essence((await importInto(t, dir)).store), essence(store));
      const only = await storeOf(t, [null, null]);
      const waiting = await exported(t, only, format, true);
      assert.deepEqual(essence((await importInto(t, waiting.dir)).store), essence(only));
    }
  });

  it('shows the holdout to other tools as a part, also without the manifest', async (t) => {
    const store = await storeOf(t, LABELS);
    const held = store.list({ holdout: true }).map(({ id }) => `${id}.jpg`);
    for (const [format, part] of Object.entries(HOLDOUT_PARTS)) {
      const known = FORMATS.find((one) => one === format)!;
      const { dir } = await exported(t, store, known);
      assert.deepEqual(readdirSync(join(dir, part)).sort(), held.sort());
      rmSync(join(dir, 'headland-samples.jsonl'));
      const { store: back } = await importInto(t, dir, { keepSplit: true, keepAlike: true });
      const sides = (samples: Sample[]) =>
        samples
          .filter(({ holdout }) => holdout)
          .map(({ pictureSha256, label }) => `${pictureSha256} ${label}`)
          .sort();
      assert.deepEqual(sides(back.list()), sides(store.list()));
    }
  });

  it('keeps the labels without the manifest, whatever the format', async (t) => {
    const store = await storeOf(t, LABELS);
    const labelsOf = (samples: Sample[]) =>
      samples.map(({ pictureSha256, label }) => `${pictureSha256} ${label}`).sort();
    for (const format of FORMATS) {
      const { dir } = await exported(t, store, format);
      rmSync(join(dir, format === 'folder' ? 'samples.jsonl' : 'headland-samples.jsonl'));
      const { store: back } = await importInto(t, dir, { keepAlike: true });
      assert.deepEqual(labelsOf(back.list()), labelsOf(store.list()), format);
    }
  });

  it('that a tool has corrected gives the corrected label', async (t) => {
    const store = await storeOf(t, ['weed', 'crop', 'weed']);
    const { dir } = await exported(t, store, 'yolo');
    const [part] = readdirSync(join(dir, 'labels'));
    const [file] = readdirSync(join(dir, 'labels', part!));
    const before = readFileSync(join(dir, 'labels', part!, file!), 'utf8');
    const after = before.startsWith('0') ? '1 0.5 0.5 1 1' : '0 0.5 0.5 1 1';
    writeFileSync(join(dir, 'labels', part!, file!), after);
    const { store: back } = await importInto(t, dir);
    const original = store.get(file!.replace('.txt', ''))!;
    const corrected = back.findPicture(original.pictureSha256)!;
    assert.notEqual(corrected.label, original.label);
    assert.deepEqual([corrected.labelSource, corrected.group], ['import', original.group]);
  });

  it('has what the readers of the tools require', async (t) => {
    const store = await storeOf(t, ['a "weed" & <crop>'], 0);
    const [{ id, capturedAtMs } = { id: '', capturedAtMs: 0 }] = store.list();
    const textOf = async (format: SampleFormat, file: string) =>
      readFileSync(join((await exported(t, store, format)).dir, file), 'utf8');
    assert.deepEqual(JSON.parse(await textOf('edge-impulse', 'info.labels')), {
      version: 1,
      files: [
        {
          path: `training/${id}.jpg`,
          name: `${id}.jpg`,
          category: 'training',
          label: { type: 'label', label: 'a "weed" & <crop>' },
          metadata: { group: 'pass-0', source: 'rear/left' },
          boundingBoxes: [],
        },
      ],
    });
    assert.deepEqual(JSON.parse(await textOf('coco', 'annotations/instances_train.json')), {
      info: { description: 'exported by headland' },
      licenses: [],
      categories: [{ id: 1, name: 'a "weed" & <crop>', supercategory: '' }],
      images: [{ id: 1, file_name: `${id}.jpg`, width: 144, height: 128 }],
      annotations: [
        {
          id: 1,
          image_id: 1,
          category_id: 1,
          bbox: [0, 0, 144, 128],
          area: 144 * 128,
          segmentation: [],
          iscrowd: 0,
        },
      ],
    });
    assert.deepEqual(JSON.parse(await textOf('label-studio', 'tasks.json')), [
      {
        id: 1,
        data: {
          image: `/data/local-files/?d=images/${id}.jpg`,
          sample: id,
          group: 'pass-0',
          holdout: false,
          source: 'rear/left',
          captured_at: new Date(capturedAtMs).toISOString(),
        },
        annotations: [
          {
            result: [
              {
                id,
                from_name: 'label',
                to_name: 'image',
                type: 'choices',
                value: { choices: ['a "weed" & <crop>'] },
              },
            ],
          },
        ],
      },
    ]);
    assert.match(
      await textOf('label-studio', 'label-config.xml'),
      /<Choices name="label" toName="image" choice="single">\s+<Choice value="a &quot;weed&quot; &amp; &lt;crop&gt;"\/>/,
    );
    const xml = await textOf('cvat', 'annotations.xml');
    assert.match(xml, new RegExp(`<image id="0" name="${id}\\.jpg" width="144" height="128">`));
    assert.match(
      xml,
      /<label><name>a &quot;weed&quot; &amp; &lt;crop&gt;<\/name><type>tag<\/type>/,
    );
    assert.equal(
      await textOf('yolo', 'data.yaml'),
      'train: images/train\nval: images/train\nnames:\n  0: a "weed" & <crop>\n',
    );
    assert.equal(await textOf('yolo', `labels/train/${id}.txt`), '0 0.5 0.5 1 1\n');
    assert.equal(
      await textOf('csv', 'labels.csv'),
      `filename,label,group,split,source,captured_at,latitude,longitude,accuracy_meters\r\nimages/${id}.jpg,"a ""weed"" & <crop>",pass-0,train,rear/left,${new Date(capturedAtMs).toISOString()},48,-11.5,0.02\r\n`,
    );
  });

  it('names samples whose damaged picture has no size', async (t) => {
    const store = await storeOf(t, ['weed', 'crop']);
    const { sample } = store.admit({
      jpeg: Buffer.from('no picture'),
      label: 'weed',
      labelSource: 'cli',
      group: 'other',
      source: 'main',
      capturedAtMs: 0,
      dhash: '0'.repeat(16),
    });
    for (const format of ['coco', 'cvat'] as const) {
      const { report } = await exported(t, store, format);
      assert.deepEqual([report.samples, report.damaged], [2, [sample.id]]);
    }
    assert.deepEqual((await exported(t, store, 'csv')).report.damaged, []);
  });

  it('carries every label that the store accepts', async (t) => {
    const accepted = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .map((text) => {
        try {
          return normaliseLabel(text);
        } catch (error) {
          if (isHeadlandError(error)) return null;
          throw error;
        }
      })
      .filter((label) => label !== null);
    const odd = fc
      .array(fc.constantFrom(...'"\'&<>,;:#-?![]{}|%@`\\*~ =+0.ab'), { minLength: 1, maxLength: 8 })
      .map((all) => all.join('').trim())
      .filter((text) => text !== '' && !text.startsWith('.'))
      .map((text) => normaliseLabel(text));
    const labels = fc.uniqueArray(fc.oneof(accepted, odd), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(labels, fc.constantFrom(...FORMATS), async (names, format) => {
        const store = await storeOf(t, names);
        const { dir } = await exported(t, store, format);
        const { store: back } = await importInto(t, dir);
        assert.deepEqual(essence(back), essence(store));
      }),
      { numRuns: 40 },
    );
  });
});
