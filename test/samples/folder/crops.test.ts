import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { importFolder } from '../../../src/samples/folder/import-folder.js';
import type { SampleStore } from '../../../src/samples/store.js';
import { folderWith } from '../../temporary-folder.js';
import { jpeg, scene, timedJpeg } from '../pictures.js';
import { temporaryStore } from '../support.js';
import { importInto, LIMITS, origins, pictureFolder } from './support.js';

/** Size of the test pictures. */
const [WIDTH, HEIGHT] = [144, 128];

/** Two pictures: in "a" weed at 16,32 (48 x 40) and crop at 72,64 (36 x 32), in "b" one crop at 16,32. */
interface BoxExport {
  tool: string;
  a: string;
  b: string;
  files: Record<string, string>;
  layout: RegExp;
}

const A = [
  { label: 'weed', x: 16, y: 32, w: 48, h: 40 },
  { label: 'crop', x: 72, y: 64, w: 36, h: 32 },
];
const B = [{ label: 'crop', x: 16, y: 32, w: 48, h: 40 }];
type Box = (typeof A)[number];

const coco = (pictures: Record<string, Box[]>) =>
  JSON.stringify({
    categories: [
      { id: 1, name: 'weed' },
      { id: 7, name: 'crop' },
    ],
    images: Object.keys(pictures).map((file_name, id) => {
      return { id, file_name, width: WIDTH, height: HEIGHT };
    }),
    annotations: Object.values(pictures).flatMap((boxes, image_id) =>
      boxes.map(({ label, x, y, w, h }, n) => {
        const category_id = label === 'weed' ? 1 : 7;
        return { id: 10 * image_id + n, image_id, category_id, bbox: [x, y, w, h], iscrowd: 0 };
      }),
    ),
  });
const yolo = (boxes: Box[]) =>
  boxes
    .map(({ label, x, y, w, h }) => {
      const numbers = [(x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT];
      return `${label === 'weed' ? 1 : 0} ${numbers.join(' ')}`;
    })
    .join('\n');
const percents = ({ x, y, w, h }: Box) => {
  return {
    x: (100 * x) / WIDTH,
    y: (100 * y) / HEIGHT,
    width: (100 * w) / WIDTH,
    height: (100 * h) / HEIGHT,
    rotation: 0,
  };
};
const task = (image: string, boxes: Box[]) => {
  const result = boxes.map((box) => {
    const value = { ...percents(box), rectanglelabels: [box.label] };
    return { type: 'rectanglelabels', original_width: WIDTH, original_height: HEIGHT, value };
  });
  return { data: { image }, annotations: [{ result }] };
};
const minimal = (image: string, boxes: Box[]) => {
  const label = boxes.map((box) => {
    const of = { original_width: WIDTH, original_height: HEIGHT };
    return { ...percents(box), ...of, rectanglelabels: [box.label] };
  });
  return { id: 1, image, plants: label, annotator: 1, annotation_id: 2, lead_time: 1.5 };
};
const cvat = (name: string, boxes: Box[]) =>
  `<image id="0" name="${name}" width="${WIDTH}" height="${HEIGHT}">${boxes
    .map(
      ({ label, x, y, w, h }) =>
        `<box label="${label}" source="manual" occluded="0" xtl="${x}.00" ytl="${y}.00" xbr="${x + w}.00" ybr="${y + h}.00" z_order="0"></box>`,
    )
    .join('')}</image>`;
const voc = (name: string, boxes: Box[]) =>
  `<annotation><filename>${name}</filename><size><width>${WIDTH}</width><height>${HEIGHT}</height></size>${boxes
    .map(
      ({ label, x, y, w, h }) =>
        `<object><name>${label}</name><bndbox><xmin>${x}</xmin><ymin>${y}</ymin><xmax>${x + w}</xmax><ymax>${y + h}</ymax></bndbox></object>`,
    )
    .join('')}</annotation>`;
const rows = (name: string, boxes: Box[]) =>
  boxes
    .map(
      ({ label, x, y, w, h }) =>
        `${name},${WIDTH},${HEIGHT},${label},${x},${y},${x + w},${y + h}\n`,
    )
    .join('');
const ROBOFLOW_CSV = 'filename,width,height,class,xmin,ymin,xmax,ymax\n';
const impulse = (boxes: Box[]) =>
  boxes.map(({ label, x, y, w, h }) => ({ label, x, y, width: w, height: h }));

const EXPORTS: BoxExport[] = [
  {
    tool: 'Label Studio, JSON',
    a: 'images/0a1b2c3d-a.jpg',
    b: 'images/b.jpg',
    files: {
      'project-1.json': JSON.stringify([
        task('/data/upload/1/0a1b2c3d-a.jpg', A),
        task('/data/local-files/?d=images/b.jpg', B),
      ]),
    },
    layout: /^a Label Studio export; boxes as crops$/,
  },
  {
    tool: 'Label Studio, JSON-MIN',
    a: 'images/a.jpg',
    b: 'images/b.jpg',
    files: {
      'project-1-min.json': JSON.stringify([
        minimal('/data/upload/1/0a1b2c3d-a.jpg', A),
        minimal('/data/upload/1/0a1b2c3d-b.jpg', B),
      ]),
    },
    layout: /^a Label Studio export; boxes as crops$/,
  },
  {
    tool: 'CVAT for images 1.1',
    a: 'images/a.jpg',
    b: 'images/b.jpg',
    files: {
      'annotations.xml': `<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>${cvat('a.jpg', A)}${cvat('b.jpg', B)}</annotations>`,
    },
    layout: /^a CVAT export; boxes as crops$/,
  },
  {
    tool: 'COCO',
    a: 'train2017/a.jpg',
    b: 'val2017/b.jpg',
    files: {
      'annotations/instances_train2017.json': coco({ 'a.jpg': A }),
      'annotations/instances_val2017.json': coco({ 'b.jpg': B }),
    },
    layout: /^COCO annotations in the splits train2017, val2017; boxes as crops$/,
  },
  {
    tool: 'Roboflow, COCO',
    a: 'train/a_jpg.rf.0123456789abcdef0123456789abcdef.jpg',
    b: 'valid/b_jpg.rf.0123456789abcdef0123456789abcdef.jpg',
    files: {
      'train/_annotations.coco.json': coco({
        'a_jpg.rf.0123456789abcdef0123456789abcdef.jpg': A,
      }),
      'valid/_annotations.coco.json': coco({
        'b_jpg.rf.0123456789abcdef0123456789abcdef.jpg': B,
      }),
    },
    layout: /^COCO annotations \(Roboflow\) in the splits train, valid; boxes as crops$/,
  },
  {
    tool: 'YOLO',
    a: 'train/images/a.jpg',
    b: 'test/images/b.jpg',
    files: {
      'data.yaml': 'train: ../train/images\nnc: 2\nnames: [crop, weed]\n',
      'train/labels/a.txt': yolo(A),
      'test/labels/b.txt': yolo(B),
    },
    layout: /^YOLO annotations in the splits test, train; boxes as crops$/,
  },
  {
    tool: 'CVAT, YOLO 1.1',
    a: 'obj_train_data/a.jpg',
    b: 'obj_valid_data/b.jpg',
    files: {
      'obj.data': 'classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n',
      'obj.names': 'crop\nweed\n',
      'train.txt': 'data/obj_train_data/a.jpg\n',
      'obj_train_data/a.txt': yolo(A),
      'obj_valid_data/b.txt': yolo(B),
    },
    layout: /^YOLO annotations in the splits obj_train_data, obj_valid_data; boxes as crops$/,
  },
  {
    tool: 'Roboflow, CSV',
    a: 'train/a.jpg',
    b: 'test/b.jpg',
    files: {
      'train/_annotations.csv': `${ROBOFLOW_CSV}${rows('a.jpg', A)}`,
      'test/_annotations.csv': `${ROBOFLOW_CSV}${rows('b.jpg', B)}`,
    },
    layout: /^a table of labels \(Roboflow\) in the splits test, train; boxes as crops$/,
  },
  {
    tool: 'Edge Impulse, bounding_boxes.labels',
    a: 'training/a.jpg',
    b: 'testing/b.jpg',
    files: {
      'training/bounding_boxes.labels': JSON.stringify({
        version: 1,
        type: 'bounding-box-labels',
        boundingBoxes: { 'a.jpg': impulse(A) },
      }),
      'testing/bounding_boxes.labels': JSON.stringify({
        version: 1,
        type: 'bounding-box-labels',
        boundingBoxes: { 'b.jpg': impulse(B) },
      }),
    },
    layout: /^an Edge Impulse export in the splits testing, training; boxes as crops$/,
  },
  {
    tool: 'Edge Impulse, info.labels',
    a: 'training/a.jpg',
    b: 'testing/b.jpg',
    files: {
      'info.labels': JSON.stringify({
        version: 1,
        files: [
          { path: 'training/a.jpg', label: { type: 'unlabeled' }, boundingBoxes: impulse(A) },
          { path: 'testing/b.jpg', label: { type: 'unlabeled' }, boundingBoxes: impulse(B) },
        ],
      }),
    },
    layout: /^an Edge Impulse export in the splits testing, training; boxes as crops$/,
  },
  {
    tool: 'Pascal VOC',
    a: 'JPEGImages/a.jpg',
    b: 'JPEGImages/b.jpg',
    files: { 'Annotations/a.xml': voc('a.jpg', A), 'Annotations/b.xml': voc('b.jpg', B) },
    layout: /^Pascal VOC annotations; boxes as crops$/,
  },
  {
    tool: 'CreateML',
    a: 'a.jpg',
    b: 'b.jpg',
    files: {
      '_annotations.createml.json': JSON.stringify(
        Object.entries({ 'a.jpg': A, 'b.jpg': B }).map(([image, boxes]) => {
          const annotations = boxes.map(({ label, x, y, w, h }) => {
            return { label, coordinates: { x: x + w / 2, y: y + h / 2, width: w, height: h } };
          });
          return { image, annotations };
        }),
      ),
    },
    layout: /^CreateML annotations \(Roboflow\); boxes as crops$/,
  },
  {
    tool: 'LabelMe',
    a: 'a.jpg',
    b: 'b.jpg',
    files: Object.fromEntries(
      Object.entries({ a: A, b: B }).map(([stem, boxes]) => {
        const shapes = boxes.map(({ label, x, y, w, h }) => {
          const points = [
            [x + w, y + h],
            [x, y],
          ];
          return { label, points, shape_type: 'rectangle' };
        });
        const size = { imageWidth: WIDTH, imageHeight: HEIGHT };
        return [`${stem}.json`, JSON.stringify({ imagePath: `${stem}.jpg`, ...size, shapes })];
      }),
    ),
    layout: /^LabelMe annotations; boxes as crops$/,
  },
];

/** Mean difference per channel between a stored crop and the same pixels of its picture, 0..255. */
async function difference(store: SampleStore, origin: string, picture: Buffer): Promise<number> {
  const [left, top, width, height] = origin.split('#xywh=')[1]!.split(',').map(Number);
  const region = { left: left!, top: top!, width: width!, height: height! };
  const expected = await sharp(picture).extract(region).removeAlpha().raw().toBuffer();
  const { id } = store.list().find((sample) => sample.origin === origin)!;
  const crop = sharp(store.picture(id)!);
  const { info, data } = await crop.raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [width, height, 3]);
  return data.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / data.length;
}

describe('boxes of annotations', () => {
  for (const { tool, a, b, files, layout } of EXPORTS) {
    it(`become crops: ${tool}`, async (t) => {
      const dir = await pictureFolder(t, [a, b], files);
      const { store, report, codes } = await importInto(t, dir);
      assert.deepEqual(origins(store), {
        crop: [`${a}#xywh=72,64,36,32`, `${b}#xywh=16,32,48,40`].sort(),
        weed: [`${a}#xywh=16,32,48,40`],
      });
      assert.match(report.layout, layout);
      assert.deepEqual([report.found, report.imported], [3, 3]);
      assert.ok(codes.includes('HL_IMPORT_BOXES'));
      for (const [picture, seed] of [
        [a, 1],
        [b, 2],
      ] as const) {
        assert.ok((await difference(store, `${picture}#xywh=16,32,48,40`, await jpeg(seed))) < 3);
      }
      const again = await importFolder(store, dir, { limits: LIMITS });
      assert.deepEqual([again.imported, again.duplicates], [0, 3]);
    });
  }

  const manyBoxes = async (t: TestContext, pictures: readonly string[], times: boolean) => {
    const files: Record<string, Uint8Array | string> = {};
    const boxes: Record<string, Box[]> = {};
    for (const [i, name] of pictures.entries()) {
      files[name] = times
        ? await timedJpeg(i + 1, 1_700_000_000_000 + i * 60_000)
        : await jpeg(i + 1);
      boxes[name] = Array.from({ length: 6 }, (_, n) => {
        return { label: n % 2 ? 'weed' : 'crop', x: 20 * n, y: 4 * n + i, w: 30, h: 30 + n };
      });
    }
    files['boxes.json'] = coco(boxes);
    return folderWith(t, files);
  };

  it('of one picture are one group, on one side, however they look', async (t) => {
    const names = Array.from({ length: 12 }, (_, i) => `p${i}.jpg`);
    for (const times of [false, true]) {
      const dir = await manyBoxes(t, names, times);
      const { store } = temporaryStore(t, { holdoutShare: 0.5 });
      const report = await importFolder(store, dir, { limits: LIMITS });
      assert.deepEqual([report.imported, report.groups], [72, 12]);
      assert.ok(!report.warnings.some(({ code }) => code === 'HL_IMPORT_TIME_DOUBTED'));
      const groups = new Map<string, Set<string>>();
      for (const { origin, group, holdout } of store.list()) {
        const picture = origin!.split('#')[0]!;
        groups.set(picture, (groups.get(picture) ?? new Set()).add(`${group} ${holdout}`));
      }
      assert.equal(groups.size, 12);
      for (const sides of groups.values()) assert.equal(sides.size, 1);
      const held = store.list({ holdout: true }).length;
      assert.ok(held > 0 && held < 72, `${held} held out`);
    }
  });

  it('of alike frames are one group, also if the boxes show other things', async (t) => {
    const frames: Record<string, Uint8Array | string> = {};
    const boxesOf: Record<string, Box[]> = {};
    for (const [i, quality] of [95, 80, 65].entries()) {
      frames[`f${i}.jpg`] = await jpeg(1, quality);
      boxesOf[`f${i}.jpg`] = [
        { label: i % 2 ? 'weed' : 'crop', x: 40 * i, y: 30 * i, w: 40, h: 50 },
      ];
    }
    frames['other.jpg'] = await jpeg(2);
    boxesOf['other.jpg'] = B;
    const dir = folderWith(t, { ...frames, 'c.json': coco(boxesOf) });
    const { store, report } = await importInto(t, dir);
    assert.deepEqual([report.imported, report.groups], [4, 2]);
    const ofFrames = store.list().filter(({ origin }) => origin?.startsWith('f'));
    assert.equal(new Set(ofFrames.map(({ group }) => group)).size, 1);
  });

  it('that are added later join the group of their picture', async (t) => {
    const dir = await pictureFolder(t, ['a.jpg'], { 'c.json': coco({ 'a.jpg': A }) });
    const { store } = await importInto(t, dir);
    const [{ group } = { group: '' }] = store.list();
    const more = [...A, { label: 'stone', x: 100, y: 10, w: 30, h: 30 }];
    writeFileSync(join(dir, 'c.json'), coco({ 'a.jpg': more }));
    const report = await importFolder(store, dir, { limits: LIMITS, groupPattern: '(a)' });
    assert.deepEqual([report.imported, report.duplicates], [1, 2]);
    assert.deepEqual([...new Set(store.list().map((sample) => sample.group))], [group]);
  });

  it('of the test part are kept out, also those of its copy in another part', async (t) => {
    const stone = [{ label: 'stone', x: 100, y: 10, w: 30, h: 30 }];
    const dir = folderWith(t, {
      'train/a.jpg': await jpeg(1),
      'train/b.jpg': await jpeg(2),
      'test/copy.jpg': await jpeg(1),
      'train/c.json': coco({ 'a.jpg': A, 'b.jpg': B }),
      'test/c.json': coco({ 'copy.jpg': stone }),
    });
    const { store, report } = await importInto(t, dir, { keepSplit: true });
    assert.deepEqual(
      store
        .list()
        .filter(({ kept }) => kept)
        .map(({ origin }) => origin?.split('#')[0])
        .sort(),
      ['test/copy.jpg', 'train/a.jpg', 'train/a.jpg'],
    );
    assert.equal(report.keptOut, 3);
    const groups = new Set(store.list().map(({ group }) => group));
    assert.equal(groups.size, 2);
  });

  it('that are unusable are named and counted, and the others imported', async (t) => {
    const bad = [
      { label: 'weed', x: 500, y: 0, w: 20, h: 20 },
      { label: 'weed', x: 20, y: 20, w: 7, h: 50 },
      { label: 'weed', x: 20, y: 20, w: -7, h: 50 },
      ...A,
    ];
    const file = JSON.parse(coco({ 'a.jpg': bad, 'gone.jpg': B }));
    file.annotations.push(null, { image_id: 99, category_id: 1 }, { image_id: 0, category_id: 5 });
    file.images.push({ id: 5 });
    const dir = await pictureFolder(t, ['a.jpg'], { 'c.json': JSON.stringify(file) });
    const { store, report } = await importInto(t, dir);
    assert.equal(store.list().length, 2);
    assert.deepEqual(
      report.leftOut.map(({ code, reason, files, examples }) => [code, reason, files, examples]),
      [
        ['HL_IMPORT_BOX_INVALID', 'boxes without usable edges', 1, ['a.jpg']],
        ['HL_IMPORT_BOX_INVALID', 'boxes outside their picture', 1, ['a.jpg']],
        ['HL_IMPORT_BOX_INVALID', 'boxes of fewer than 8 pixels', 1, ['a.jpg']],
      ],
    );
    const notes = report.warnings.map(({ code, message }) => `${code} ${message}`).join('\n');
    assert.match(notes, /ANNOTATION_INVALID c\.json .* objects: annotation 7/);
    assert.match(notes, /ANNOTATION_INVALID c\.json .* no image has their image_id: annotation 8/);
    assert.match(notes, /ANNOTATION_INVALID c\.json .* their category_id: annotation 9/);
    assert.match(notes, /ANNOTATION_INVALID c\.json .* no id or no file_name: image 3/);
    assert.match(notes, /PICTURE_MISSING .*1 picture .*"gone\.jpg"/);
  });

  it('with lines or classes that YOLO does not know are named', async (t) => {
    const dir = await pictureFolder(t, ['images/a.jpg', 'images/b.jpg'], {
      'classes.txt': 'crop\nweed\n',
      'labels/a.txt': `${yolo(A)}\n7 0.5 0.5 0.5 0.5\nweed 1 2 3 4\n`,
      'labels/b.txt': '',
    });
    const { store, report } = await importInto(t, dir);
    assert.equal(store.list().length, 2);
    const notes = report.warnings.map(({ message }) => message).join('\n');
    assert.match(notes, /labels\/a\.txt has a box of class 7, which has no name/);
    assert.match(notes, /labels\/a\.txt has lines that are no YOLO boxes: 4/);
    assert.match(notes, /1 pictures without a label in YOLO annotations: "images\/b\.jpg"/);
  });

  it('are widened by the margin, within the picture', async (t) => {
    const dir = await pictureFolder(t, ['a.jpg'], { 'c.json': coco({ 'a.jpg': A }) });
    const { store } = await importInto(t, dir, { cropMargin: 0.5 });
    assert.deepEqual(origins(store), {
      crop: ['a.jpg#xywh=54,48,72,64'],
      weed: ['a.jpg#xywh=0,12,88,80'],
    });
  });

  it('that are the whole picture leave it as it is, and a label of the whole too', async (t) => {
    const dir = folderWith(t, {
      'a.jpg': await jpeg(1),
      'b.jpg': await jpeg(2),
      'annotations.xml': `<annotations>${cvat('a.jpg', [{ label: 'weed', x: 0, y: 0, w: WIDTH, h: HEIGHT }])}<image name="b.jpg"><tag label="crop"/><box label="weed" xtl="16" ytl="32" xbr="64" ybr="72"/></image></annotations>`,
    });
    const { store } = await importInto(t, dir);
    assert.deepEqual(origins(store), {
      crop: ['b.jpg'],
      weed: ['a.jpg', 'b.jpg#xywh=16,32,48,40'],
    });
    const [whole] = store.list({ label: 'weed' }).filter(({ origin }) => origin === 'a.jpg');
    assert.deepEqual(Buffer.from(store.picture(whole!.id)!), await jpeg(1));
    const ofB = store.list().filter(({ origin }) => origin?.startsWith('b.jpg'));
    assert.equal(new Set(ofB.map(({ group }) => group)).size, 1);
  });

  it('of a damaged picture are refused with it, once', async (t) => {
    const whole = await jpeg(1);
    const dir = folderWith(t, {
      'a.jpg': whole.subarray(0, whole.length / 2),
      'b.jpg': await jpeg(2),
      'c.json': coco({ 'a.jpg': A, 'b.jpg': B }),
    });
    const { store, report } = await importInto(t, dir);
    assert.deepEqual(
      report.quarantined.map(({ origin }) => origin),
      ['a.jpg'],
    );
    assert.equal(store.list().length, 1);
  });

  it('are cut from PNG and grey pictures too', async (t) => {
    const grey = await (await scene(1)).greyscale().png().toBuffer();
    const dir = folderWith(t, { 'a.png': grey, 'c.json': coco({ 'a.png': A }) });
    const { store, report } = await importInto(t, dir);
    assert.deepEqual([report.imported, report.quarantined], [2, []]);
    const [{ id } = { id: '' }] = store.list();
    assert.equal((await sharp(store.picture(id)!).metadata()).format, 'jpeg');
  });
});
