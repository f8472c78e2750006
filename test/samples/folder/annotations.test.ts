import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { parseCsv, readCsvAnnotations } from '../../../src/samples/folder/annotations/csv.js';
import { readLabelsInNames } from '../../../src/samples/folder/annotations/edge-impulse-names.js';
import { readJsonAnnotations } from '../../../src/samples/folder/annotations/json.js';
import { PictureIndex } from '../../../src/samples/folder/annotations/picture-index.js';
import { readXmlAnnotations } from '../../../src/samples/folder/annotations/xml.js';
import {
  readYoloLines,
  readYoloList,
  readYoloYaml,
} from '../../../src/samples/folder/annotations/yolo.js';
import { hasCode } from '../../errors.js';
import { importInto, origins, pictureFolder } from './support.js';

/** Two pictures of weed and two of crop; where a tool puts them, and what it writes beside them. */
interface Export {
  tool: string;
  pictures: readonly [weed: string, weed: string, crop: string, crop: string];
  files: Record<string, string | Uint8Array>;
  format: RegExp;
  boxes?: boolean;
}

const FLAT = ['train/a.jpg', 'train/b.jpg', 'train/c.jpg', 'valid/d.jpg'] as const;
const IMAGES = ['images/a.jpg', 'images/b.jpg', 'images/c.jpg', 'images/d.jpg'] as const;

const cocoOf = (names: readonly string[], labels: readonly string[]) =>
  JSON.stringify({
    categories: [
      { id: 0, name: 'plants', supercategory: 'none' },
      { id: 1, name: 'weed', supercategory: 'plants' },
      { id: 2, name: 'crop', supercategory: 'plants' },
    ],
    images: names.map((file_name, id) => ({ id, file_name, width: 144, height: 128 })),
    annotations: labels.flatMap((label, image_id) =>
      [1, 2].map((n) => ({
        id: 10 * image_id + n,
        image_id,
        category_id: label === 'weed' ? 1 : 2,
        bbox: [1, 2, 30, 40],
      })),
    ),
  });

const voc = (file: string, label: string) =>
  `<annotation><folder/><filename>${file}</filename><!-- <object><name>soil</name></object> -->
   <object><name>${label}</name><bndbox><xmin>1</xmin></bndbox></object></annotation>`;

const EXPORTS: Export[] = [
  {
    tool: 'Roboflow, COCO',
    pictures: FLAT,
    files: {
      'train/_annotations.coco.json': cocoOf(['a.jpg', 'b.jpg', 'c.jpg'], ['weed', 'weed', 'crop']),
      'valid/_annotations.coco.json': cocoOf(['d.jpg'], ['crop']),
      'README.roboflow.txt': 'exported',
    },
    format: /COCO/,
    boxes: true,
  },
  {
    tool: 'COCO as its authors order it',
    pictures: ['train2017/a.jpg', 'train2017/b.jpg', 'val2017/c.jpg', 'val2017/d.jpg'],
    files: {
      'annotations/instances_train2017.json': cocoOf(['a.jpg', 'b.jpg'], ['weed', 'weed']),
      'annotations/instances_val2017.json': cocoOf(['c.jpg', 'd.jpg'], ['crop', 'crop']),
    },
    format: /COCO/,
    boxes: true,
  },
  {
    tool: 'Roboflow, several classes (_classes.csv)',
    pictures: FLAT,
    files: {
      'train/_classes.csv': 'filename, crop, weed\na.jpg, 0, 1\nb.jpg, 0, 1\nc.jpg, 1, 0\n',
      'valid/_classes.csv': '\ufefffilename, crop, weed\r\nd.jpg, 1, 0\r\n',
    },
    format: /table of labels/,
  },
  {
    tool: 'Roboflow, TensorFlow CSV',
    pictures: FLAT,
    files: {
      'train/_annotations.csv':
        'filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,9,9,weed,1,1,2,2\na.jpg,9,9,weed,3,3,4,4\nb.jpg,9,9,weed,1,1,2,2\nc.jpg,9,9,crop,1,1,2,2\n',
      'valid/_annotations.csv':
        'filename,width,height,class,xmin,ymin,xmax,ymax\nd.jpg,9,9,crop,1,1,2,2\n',
    },
    format: /table of labels/,
    boxes: true,
  },
  {
    tool: 'Roboflow, Keras txt',
    pictures: FLAT,
    files: {
      'train/_annotations.txt': 'a.jpg 1,1,2,2,1\nb.jpg 1,1,2,2,1 3,3,4,4,1\nc.jpg 1,1,2,2,0\n',
      'train/_classes.txt': 'crop\nweed\n',
      'valid/_annotations.txt': 'd.jpg 1,1,2,2,0\n',
    },
    format: /YOLO/,
    boxes: true,
  },
  {
    tool: 'CreateML',
    pictures: FLAT,
    files: {
      'train/_annotations.createml.json': JSON.stringify(
        ['a', 'b', 'c'].map((name) => ({
          image: `${name}.jpg`,
          annotations: [{ label: name === 'c' ? 'crop' : 'weed', coordinates: { x: 1 } }],
        })),
      ),
      'valid/_annotations.createml.json': JSON.stringify([
        { image: 'd.jpg', annotations: [{ label: 'crop', coordinates: {} }] },
      ]),
    },
    format: /CreateML/,
    boxes: true,
  },
  {
    tool: 'YOLO',
    pictures: [
      'train/images/a.jpg',
      'train/images/b.jpg',
      'valid/images/a.jpg',
      'valid/images/d.jpg',
    ],
    files: {
      'data.yaml': 'train: ../train/images\nnc: 2\nnames:\n  0: crop\n  1: weed\n',
      'train/labels/a.txt': '1 0.5 0.5 0.1 0.1\n1 0.4 0.4 1e-2 0.1\n',
      'train/labels/b.txt': '1 0.1 0.1 0.2 0.2 0.3 0.3 0.4 0.4\n',
      'valid/labels/a.txt': '0 0.5 0.5 0.1 0.1\n',
      'valid/labels/d.txt': '0 0.5 0.5 0.1 0.1\n',
    },
    format: /YOLO/,
    boxes: true,
  },
  {
    tool: 'YOLO, images before splits',
    pictures: ['images/train/a.jpg', 'images/train/b.jpg', 'images/val/c.jpg', 'images/val/d.jpg'],
    files: {
      'classes.txt': 'crop\nweed\n',
      'labels/train/a.txt': '1 0.5 0.5 0.1 0.1',
      'labels/train/b.txt': '1 0.5 0.5 0.1 0.1',
      'labels/val/c.txt': '0 0.5 0.5 0.1 0.1',
      'labels/val/d.txt': '0 0.5 0.5 0.1 0.1',
    },
    format: /YOLO/,
    boxes: true,
  },
  {
    tool: 'YOLO, a class without a name among the others',
    pictures: ['images/a.jpg', 'images/b.jpg', 'images/c.jpg', 'images/d.jpg'],
    files: {
      'classes.txt': 'crop\r\n\r\nweed\r\n\r\n',
      'labels/a.txt': '2 0.5 0.5 0.1 0.1',
      'labels/b.txt': '2 0.5 0.5 0.1 0.1',
      'labels/c.txt': '0 0.5 0.5 0.1 0.1',
      'labels/d.txt': '0 0.5 0.5 0.1 0.1',
    },
    format: /YOLO/,
    boxes: true,
  },
  {
    tool: 'CVAT for images, tags',
    pictures: IMAGES,
    files: {
      'annotations.xml': `<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>
        <meta><task><labels><label><name>soil</name></label></labels></task></meta>
        ${['a', 'b', 'c', 'd']
          .map(
            (name) =>
              `<image id="1" name="${name}.jpg" width="9"><tag label="${name < 'c' ? 'weed' : 'crop'}" source="manual"></tag></image>`,
          )
          .join('')}</annotations>`,
    },
    format: /CVAT/,
  },
  {
    tool: 'CVAT for images, boxes',
    pictures: [
      'images/default/a.jpg',
      'images/default/b.jpg',
      'images/default/c.jpg',
      'images/default/d.jpg',
    ],
    files: {
      'annotations.xml': `<annotations>${['a', 'b', 'c', 'd']
        .map(
          (name) =>
            `<image name='default/${name}.jpg'><box label='${name < 'c' ? 'weed' : 'crop'}' xtl='1'><attribute name="x">y</attribute></box></image>`,
        )
        .join('')}</annotations>`,
    },
    format: /CVAT/,
    boxes: true,
  },
  {
    tool: 'Pascal VOC',
    pictures: ['JPEGImages/a.jpg', 'JPEGImages/b.jpg', 'JPEGImages/c.jpg', 'JPEGImages/d.jpg'],
    files: {
      'Annotations/a.xml': voc('a.jpg', 'weed'),
      'Annotations/b.xml': voc('b.jpg', 'weed'),
      'Annotations/c.xml': voc('c.jpg', 'crop'),
      'Annotations/d.xml': voc('d.jpg', 'crop'),
    },
    format: /Pascal VOC/,
    boxes: true,
  },
  {
    tool: 'LabelMe',
    pictures: ['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'],
    files: Object.fromEntries(
      ['a', 'b', 'c', 'd'].map((name) => [
        `${name}.json`,
        JSON.stringify({
          imagePath: `${name}.jpg`,
          shapes: [{ label: name < 'c' ? 'weed' : 'crop' }],
        }),
      ]),
    ),
    format: /LabelMe/,
    boxes: true,
  },
  {
    tool: 'Label Studio, JSON',
    pictures: ['images/0a1b2c3d-a.jpg', 'images/b.jpg', 'images/c.jpg', 'images/my file.jpg'],
    files: {
      'project-1.json': JSON.stringify(
        [
          ['/data/upload/3/0a1b2c3d-a.jpg', 'weed'],
          ['/data/upload/3/ffffffff-b.jpg', 'weed'],
          ['/data/local-files/?d=field/c.jpg', 'crop'],
          ['https://example.org/x/my%20file.jpg?token=1', 'crop'],
        ].map(([image, choice], id) => ({
          id,
          data: { image, note: 'x' },
          annotations: [
            { was_cancelled: true, result: [{ type: 'choices', value: { choices: ['soil'] } }] },
            { result: [{ type: 'choices', value: { choices: [choice] } }] },
          ],
        })),
      ),
    },
    format: /Label Studio/,
  },
  {
    tool: 'Label Studio, JSON-MIN',
    pictures: IMAGES,
    files: {
      'project-1-min.json': JSON.stringify(
        ['a', 'b', 'c', 'd'].map((name) => ({
          image: `/data/upload/1/12345678-${name}.jpg`,
          id: 1,
          choice: name < 'c' ? 'weed' : 'crop',
          annotator: 1,
        })),
      ),
    },
    format: /Label Studio/,
  },
  {
    tool: 'Label Studio, CSV',
    pictures: IMAGES,
    files: {
      'project-1.csv':
        'annotation_id,image,choice\n1,"/data/upload/1/12345678-a.jpg",weed\n2,/x/b.jpg,weed\n3,/x/c.jpg,crop\n4,/x/d.jpg,crop\n',
    },
    format: /Label Studio/,
  },
  {
    tool: 'Edge Impulse, info.labels',
    pictures: ['training/a.1.jpg', 'training/b.2.jpg', 'training/c.3.jpg', 'testing/d.4.jpg'],
    files: {
      'info.labels': JSON.stringify({
        version: 1,
        files: [
          ['training/a.1.jpg', 'weed'],
          ['training/b.2.jpg', 'weed'],
          ['training/c.3.jpg', 'crop'],
          ['testing/d.4.jpg', 'crop'],
        ].map(([path, label]) => ({ path, category: 'x', label: { type: 'label', label } })),
      }),
    },
    format: /Edge Impulse export/,
  },
  {
    tool: 'Edge Impulse, names',
    pictures: [
      'training/weed.2k9d1.jpg',
      'testing/weed.s1.x.jpg',
      'training/crop.8f.jpg',
      'testing/crop.9.jpg',
    ],
    files: {},
    format: /beginnings of the file names/,
  },
  {
    tool: 'Hugging Face, metadata.jsonl',
    pictures: FLAT,
    files: {
      'train/metadata.jsonl':
        '{"file_name":"a.jpg","label":"weed"}\n{"file_name":"b.jpg","label":"weed"}\n{"file_name":"c.jpg","label":"crop"}\n',
      'valid/metadata.jsonl': '{"file_name":"d.jpg","label":"crop"}\n',
    },
    format: /table of labels/,
  },
  {
    tool: 'Kaggle: names without ending, separated by semicolons, in UTF-16 from Excel',
    pictures: FLAT,
    files: {
      'train.csv': Buffer.from(
        '\ufeffid;label\r\na;weed\r\nb;weed\r\nc;crop\r\nd;crop\r\n',
        'utf16le',
      ),
    },
    format: /table of labels/,
  },
  {
    tool: 'keras-retinanet: a table without names of columns',
    pictures: FLAT,
    files: {
      'annotations.csv':
        'train/a.jpg,1,1,2,2,weed\ntrain/b.jpg,1,1,2,2,weed\ntrain/c.jpg,1,1,2,2,crop\nvalid\\d.jpg,1,1,2,2,crop\n',
    },
    format: /table of labels/,
    boxes: true,
  },
];

describe('an export of another tool', () => {
  for (const { tool, pictures, files, format, boxes } of EXPORTS) {
    it(`gives its classes: ${tool}`, async (t) => {
      const dir = await pictureFolder(t, pictures, files);
      const { store, report, codes } = await importInto(t, dir, { boxes: 'whole' });
      const [first, second, third, fourth] = pictures;
      assert.deepEqual(origins(store), {
        weed: [first, second].sort(),
        crop: [third, fourth].sort(),
      });
      const note = report.warnings.find(({ code }) => code === 'HL_IMPORT_ANNOTATIONS');
      assert.match(note?.message ?? '', format);
      assert.equal(codes.includes('HL_IMPORT_BOXES'), boxes ?? false);
    });
  }

  const twoOfThree = async (t: TestContext) =>
    pictureFolder(t, IMAGES, {
      'labels.csv': 'image,label\na.jpg,weed\nb.jpg,weed\nb.jpg,crop\nc.jpg,\n',
    });

  it('leaves out, and counts, what is of several classes or of none', async (t) => {
    const { report } = await importInto(t, await twoOfThree(t));
    assert.deepEqual([...report.classes], [['weed', 1]]);
    assert.deepEqual(
      report.leftOut.map(({ code, files, examples }) => [code, files, examples]),
      [
        ['HL_IMPORT_UNLABELLED', 2, ['images/c.jpg', 'images/d.jpg']],
        ['HL_IMPORT_SEVERAL_CLASSES', 1, ['images/b.jpg']],
      ],
    );
  });

  it('gives way to class folders', async (t) => {
    const dir = await pictureFolder(t, ['soil/a.jpg', 'stone/b.jpg'], {
      'labels.csv': 'image,label\na.jpg,weed\nb.jpg,crop\n',
    });
    const { report } = await importInto(t, dir);
    assert.deepEqual([...report.classes.keys()], ['soil', 'stone']);
  });

  it('is not guessed from other files, and broken ones are named', async (t) => {
    const dir = await pictureFolder(t, IMAGES, {
      'labels.csv': 'image,label\na.jpg,weed\n',
      'broken.json': '{"images": [',
      'latin1.csv': Buffer.from('image,label\nd.jpg,Rübe\n', 'latin1'),
      'package.json': '{"name":"x"}',
      'train.jsonl': '{"file_name":"c.jpg","label":"crop"}\n{"file_name":"d.jp\n',
    });
    const { report } = await importInto(t, dir);
    const invalid = report.warnings.filter(({ code }) => code === 'HL_IMPORT_ANNOTATION_INVALID');
    assert.deepEqual(invalid.map(({ message }) => message.split(' ', 1)[0]).sort(), [
      'broken.json',
      'latin1.csv',
      'train.jsonl',
    ]);
    assert.match(invalid.map(({ message }) => message).join(), /1 of 2 lines that are not JSON/);
    assert.match(invalid.map(({ message }) => message).join(), /line 2 that are not UTF-8/);
  });
});

describe('hostile annotation files', () => {
  it('are refused by name, and cost neither the stack nor the memory', async (t) => {
    const deep = (open: string, close: string) => open.repeat(200_000) + close.repeat(200_000);
    const bomb = `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">${Array.from(
      { length: 9 },
      (_, i) => `<!ENTITY a${i} "${`&a${i - 1};`.repeat(10)}">`,
    ).join('')}]><annotations><image name="a.jpg"><tag label="&a8;"/></image></annotations>`;
    const dir = await pictureFolder(t, ['images/a.jpg', 'images/b.jpg'], {
      'labels.csv': `image,label\na.jpg,weed\nb.jpg,"${deep('[', ']')}"\n`,
      'bomb.xml': bomb,
      'deep.xml': `<annotation>${deep('<a>', '</a>')}</annotation>`,
      'deep.json': deep('[', ']'),
      'deep-value.json': `[{"image":"a.jpg","label":${deep('[', ']')}}]`,
      'deep.yaml': deep('[', ']').slice(0, 900_000),
      'aliases.yaml': `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`)}]`).join('\n')}\nnames: *a30\n`,
    });
    const { store, report } = await importInto(t, dir);
    assert.deepEqual(origins(store), { weed: ['images/a.jpg'] });
    const invalid = report.warnings.filter(({ code }) => code === 'HL_IMPORT_ANNOTATION_INVALID');
    assert.deepEqual(
      invalid.map(({ message }) => message),
      ['bomb.xml declares XML entities'],
    );
  });

  it('read no picture outside the folder, whatever path they give', async (t) => {
    const outer = await pictureFolder(t, ['secret.jpg', 'set/a.jpg']);
    const names = [
      '../secret.jpg',
      `${outer}/secret.jpg`,
      'a/../../secret.jpg',
      '%2e%2e/secret.jpg',
    ];
    const dir = join(outer, 'set');
    writeFileSync(
      join(dir, 'labels.csv'),
      `image,label\na.jpg,weed\n${names.map((name) => `${name},crop\n`).join('')}`,
    );
    const { store, report } = await importInto(t, dir);
    assert.deepEqual(origins(store), { weed: ['a.jpg'] });
    const missing = report.warnings.find(({ code }) => code === 'HL_IMPORT_PICTURE_MISSING');
    assert.match(missing?.message ?? '', /4 pictures/);
  });

  it('alone are named in the refusal', async (t) => {
    const dir = await pictureFolder(t, ['a.jpg'], { 'broken.json': '{"images": [' });
    await assert.rejects(importInto(t, dir), (error) => {
      assert.match(String(error), /broken\.json is not valid JSON/);
      return hasCode('HL_IMPORT_NO_CLASSES')(error);
    });
  });
});

describe('readers of annotations', () => {
  it('JSON: boxes are finite and have a size, whatever the records hold', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.double(),
      fc.integer({ min: 0, max: 3 }),
      fc.constantFrom('a.jpg', 'weed', '1', Number.NaN, null, undefined),
      fc.array(fc.oneof(fc.double(), fc.integer()), { maxLength: 6 }),
    );
    const recordOf = (...keys: string[]) =>
      fc.record(Object.fromEntries(keys.map((key) => [key, value])), { requiredKeys: [] });
    const listOf = (one: fc.Arbitrary<unknown>) => fc.array(fc.oneof(one, value), { maxLength: 4 });
    const region = recordOf(
      'x',
      'y',
      'width',
      'height',
      'rotation',
      'points',
      'radiusX',
      'radiusY',
      'rectanglelabels',
      'polygonlabels',
      'choices',
    );
    const shapes = [
      fc.record({
        images: listOf(recordOf('id', 'file_name', 'width', 'height')),
        annotations: listOf(recordOf('image_id', 'category_id', 'bbox')),
        categories: listOf(recordOf('id', 'name')),
      }),
      fc.record({ boundingBoxes: fc.dictionary(fc.string(), listOf(recordOf('label', 'x', 'y'))) }),
      fc.record({ files: listOf(recordOf('path', 'name', 'label', 'boundingBoxes')) }),
      listOf(fc.record({ image: value, annotations: listOf(recordOf('label', 'coordinates')) })),
      listOf(
        fc.record({
          data: recordOf('image', 'text'),
          annotations: listOf(fc.record({ result: listOf(fc.record({ value: region })) })),
        }),
      ),
      listOf(fc.record({ image: value, annotator: value, tag: fc.oneof(region, listOf(region)) })),
      fc.record({ imagePath: value, shapes: listOf(recordOf('label', 'points', 'shape_type')) }),
      listOf(recordOf('image', 'label', 'xmin', 'ymin', 'xmax', 'ymax', 'width', 'height')),
      listOf(recordOf('image', 'label', 'bbox')),
    ];
    fc.assert(
      fc.property(fc.oneof(...shapes), (given) => {
        const read = readJsonAnnotations(given);
        for (const { picture, labels, boxes } of read?.pictures ?? []) {
          assert.equal(typeof picture, 'string');
          for (const label of labels) assert.equal(typeof label, 'string');
          for (const { box } of boxes) {
            if (box === null) continue;
            const { left, top, right, bottom } = box;
            assert.ok([left, top, right, bottom].every(Number.isFinite));
            assert.ok(left < right && top < bottom);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('CSV: every table comes back as it was written', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'ä', ';') });
    const table = fc
      .tuple(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 5 }))
      .chain(([width, height]) =>
        fc.array(fc.array(field, { minLength: width, maxLength: width }), {
          minLength: height,
          maxLength: height,
        }),
      );
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), (rows, end) => {
        // More commas than semicolons in the first line tell the separator.
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const plain = rows.map((row, i) => (i === 0 ? row.map((_, c) => `c${c}`) : row));
        const text = plain.map((row) => row.map(quoted).join(',')).join(end);
        assert.deepEqual(parseCsv(text), plain);
      }),
    );
  });

  it('answer, or say that it is nothing, whatever the text', () => {
    const pieces = fc.constantFrom(
      '<annotations>',
      '<image name="',
      '">',
      '</',
      '<!--',
      '-->',
      '&#x',
      '&amp;',
      '"',
      ',',
      '\n',
      'filename',
      'label',
      '[',
      '{',
      '}',
      '0 ',
      '1e9',
      'a.jpg',
      '\0',
      '__proto__',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        for (const read of [readCsvAnnotations, readXmlAnnotations, readYoloLines, readYoloYaml]) {
          assert.doesNotThrow(() => read(given));
        }
        assert.doesNotThrow(() => readYoloList(given, String));
        assert.doesNotThrow(() => readLabelsInNames(given.split('\n')));
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.doesNotThrow(() => readJsonAnnotations(value));
      }),
    );
  });

  it('names: beginnings count only where they are labels', () => {
    const read = (...names: string[]) => readLabelsInNames(names) !== null;
    assert.ok(read('weed.1.jpg', 'weed.2.jpg', 'crop.1.jpg', 'crop.2.jpg'));
    assert.ok(!read('weed.1.jpg', 'crop.1.jpg', 'soil.1.jpg'), 'nothing comes again');
    assert.ok(!read('IMG.1.jpg', 'IMG.2.jpg', 'DSC.1.jpg', 'DSC.2.jpg'), 'cameras count');
    assert.ok(!read('2023.1.jpg', '2023.2.jpg', '2024.1.jpg', '2024.2.jpg'), 'years');
    assert.ok(!read('a.jpg', 'b.jpg', 'weed.1.jpg', 'weed.2.jpg'), 'too few');
    const roboflow = ['a', 'b'].flatMap((name) =>
      [1, 2].map((n) => `${name}_jpg.rf.${`${n}`.repeat(32)}.jpg`),
    );
    assert.ok(!read(...roboflow), 'Roboflow repeats the name of the picture');
  });

  it('pictures: a name that several could mean means none', () => {
    const index = new PictureIndex(['train/1.jpg', 'valid/1.jpg', 'valid/x/2.PNG', '3.jpg']);
    assert.equal(index.find('', '1.jpg'), null);
    assert.equal(index.find('valid/', '1.jpg'), 'valid/1.jpg');
    assert.equal(index.find('', 'data/valid/1.jpg'), 'valid/1.jpg');
    assert.equal(index.find('', 'C:\\data\\x\\2.png'), 'valid/x/2.PNG');
    assert.equal(index.find('', '2'), 'valid/x/2.PNG');
    assert.equal(index.find('', '../3.jpg'), '3.jpg');
    assert.equal(index.find('', '4.jpg'), null);
    assert.equal(index.find('', '100%.jpg'), null);
    assert.equal(index.find('', ''), null);
  });
});
