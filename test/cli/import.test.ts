import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { headland, Rig } from '../agent/daemon.js';
import { TEST_HANG_MS } from '../liveness.js';
import { pictureFolder } from '../samples/folder/support.js';
import { temporaryFolder } from '../temporary-folder.js';
import { drawing } from '../vision/pictures.js';

const whole = { timeout: TEST_HANG_MS };

describe('import from the command line', { concurrency: false }, () => {
  test('reports skipped files with remedies, as text and as JSON', whole, async (t) => {
    const dir = await pictureFolder(
      t,
      ['weed/1.jpg', 'weed/2.jpg', 'crop/3.jpg', 'crop/4.jpg', 'stone/5.jpg', 'loose.jpg'],
      {
        'weed/phone.jpg': Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
        'weed/esc\u001b[2J.jpg': 'no picture',
        'crop/film.mp4': Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1'),
        'crop/notes.txt': 'x',
        'unknown/6.jpg': await drawing(40, 30).jpeg().toBuffer(),
      },
    );
    mkdirSync(join(dir, 'thistle'));
    const state = temporaryFolder(t);
    const { status, stdout } = headland('import', dir, '--state', state);
    assert.equal(status, 0);
    for (const words of [
      /^8 pictures in \d+ groups \(by \w+\)\n5 imported, 0 already stored, 3 quarantined\nlayout: class folders\n/,
      /^ {2}1 {2}a HEIC picture +weed\/phone\.jpg$/m,
      /^ {2}1 {2}an MP4 or QuickTime video +crop\/film\.mp4$/m,
      /^ {2}1 {2}pictures outside class folders +loose\.jpg$/m,
      /^ {2}1 {2}pictures of folders whose name cannot be a label +unknown$/m,
      /what to do: .*heif-convert/,
      /what to do: .*ffmpeg -i IN -vf fps=1/,
      /note: HL_IMPORT_CLASS_SMALL: class "stone" has 1 picture for training/,
      /note: HL_IMPORT_EMPTY_CLASS: class "thistle"/,
      /esc\\u\{1b\}\[2J\.jpg/,
    ]) {
      assert.match(stdout, words);
    }
    assert.ok(!stdout.includes('\u001b'));
    const again = headland('import', dir, '--state', state, '--json');
    const report = JSON.parse(again.stdout);
    assert.deepEqual(report.classes, { crop: 2, stone: 1, weed: 2 });
    assert.deepEqual(
      report.leftOut
        .map(({ code, files }: { code: string; files: number }) => [code, files])
        .sort(),
      [
        ['HL_IMPORT_IGNORED', 1],
        ['HL_IMPORT_LOOSE', 1],
        ['HL_LABEL_INVALID', 1],
        ['HL_PICTURE_INVALID', 1],
        ['HL_PICTURE_INVALID', 1],
        ['HL_PICTURE_INVALID', 1],
      ],
    );
    for (const { remedy } of report.quarantined) assert.match(remedy, /^[A-Z]/);
  });

  test('fails if no picture is usable, and reports why', whole, async (t) => {
    const state = temporaryFolder(t);
    const bad = await pictureFolder(t, [], { 'weed/1.jpg': 'text', 'weed/2.gif': 'GIF89a' });
    for (const json of [[], ['--json']]) {
      const { status, stdout, stderr } = headland('import', bad, '--state', state, ...json);
      assert.equal(status, 1);
      assert.match(
        stderr,
        /HL_IMPORT_NOTHING: none of the 2 pictures in\s.*: 1 not a picture; 1 a GIF/,
      );
      if (json.length === 0) assert.match(stdout, /quarantined: weed\/2\.gif: HL_PICTURE_INVALID/);
      else {
        const report = JSON.parse(stdout);
        assert.equal(report.error.code, 'HL_IMPORT_NOTHING');
        assert.equal(report.quarantined.length, 2);
      }
    }
    for (const dir of ['/etc', temporaryFolder(t), '/proc/nowhere']) {
      const { status, stderr } = headland('import', dir, '--state', state);
      assert.equal(status, 1, dir);
      assert.match(stderr, /HL_IMPORT_NO_CLASSES|HL_IMPORT_NOT_FOUND/);
    }
  });

  test('boxes are cut out as asked, and exported for another tool', whole, async (t) => {
    const state = temporaryFolder(t);
    const dir = await pictureFolder(t, ['train/a.jpg', 'test/b.jpg'], {
      'train/_annotations.csv': 'filename,class,xmin,ymin,xmax,ymax\na.jpg,weed,10,10,50,60\n',
      'test/_annotations.csv': 'filename,class,xmin,ymin,xmax,ymax\nb.jpg,crop,10,10,50,60\n',
    });
    for (const margin of ['-0.1', '1.5', 'x', '']) {
      const { status, stderr } = headland('import', dir, '--state', state, '--crop-margin', margin);
      assert.equal(status, 2, margin);
      assert.match(stderr, /not a number from 0 to 1/);
    }
    const at = ['--state', state];
    const { status, stdout } = headland('import', dir, '--crop-margin', '0.1', ...at);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^layout: a table of labels \(Roboflow\) in the splits test, train; boxes as crops$/m,
    );
    const out = join(temporaryFolder(t), 'out');
    assert.equal(headland('export-samples', out, '--as', 'csv', ...at).status, 0);
    assert.match(readFileSync(join(out, 'labels.csv'), 'utf8'), /^images\/[0-9a-f-]+\.jpg,weed,/m);
    assert.match(
      readFileSync(join(out, 'headland-samples.jsonl'), 'utf8'),
      /"origin":"train\/a\.jpg#xywh=6,5,48,60"/,
    );
    const whole = headland('import', dir, '--boxes', 'whole', '--json', '--state', `${state}/2`);
    assert.equal(
      JSON.parse(whole.stdout).layout,
      'a table of labels (Roboflow) in the splits test, train; boxes as labels of whole pictures',
    );
    const waiting = headland('export-samples', `${out}2`, '--as', 'yolo', '--waiting', ...at);
    assert.equal(waiting.status, 1);
    assert.match(waiting.stderr, /HL_EXPORT_WAITING/);
    assert.equal(headland('export-samples', `${out}2`, '--as', 'tfrecord', ...at).status, 2);
    assert.ok(!existsSync(`${out}2`));
  });

  test('a state folder that cannot be created ends a command', whole, () => {
    for (const state of ['/proc/nowhere', '/proc/nowhere/deeper', '/dev/null/x']) {
      const { status, stderr } = headland('label', '--state', state);
      assert.equal(status, 1);
      assert.match(stderr, /HL_STATE_UNWRITABLE/);
    }
  });

  test(
    'a label that looks like an existing class is refused with a suggestion',
    whole,
    async (t) => {
      const state = temporaryFolder(t);
      const dir = await pictureFolder(t, ['Apple/1.jpg', 'Apple/2.jpg', 'plum/3.jpg']);
      headland('import', dir, '--state', state);
      const exported = join(temporaryFolder(t), 'out');
      headland('export-samples', exported, '--state', state);
      // Sample ids are the names of the exported files.
      const [plum] = readdirSync(join(exported, 'plum'));
      const id = plum!.replace(/\.jpg$/, '');
      for (const label of ['apple', 'APPLE', 'Ａｐｐｌｅ', '\u0410pple']) {
        const { status, stderr } = headland('label', id, label, '--state', state);
        assert.equal(status, 1, label);
        assert.match(stderr, /HL_LABEL_ALIKE: .*looks like the class "Apple"/);
        assert.match(stderr, /Did you mean "Apple"\?/);
      }
      assert.equal(headland('label', id, 'Apple', '--state', state).status, 0);
      // The only sample of a class may change the spelling of its label.
      assert.equal(headland('label', id, 'plum', '--state', state).status, 0);
      assert.equal(headland('label', id, 'Plum', '--state', state).status, 0);
    },
  );

  test(
    'regrouping is refused after a training, and an export to unusable targets',
    whole,
    async (t) => {
      const rig = await Rig.create(t);
      const at = ['--config', rig.configFile];
      const imports = ['import', rig.photosDir, '--group-pattern', '_(\\d+)', ...at];
      assert.equal(headland(...imports).status, 0);
      assert.equal(headland(...imports, '--regroup').status, 0);
      assert.equal(headland('train', ...at).status, 0);
      const late = headland(...imports, '--regroup');
      assert.equal(late.status, 1);
      assert.match(late.stderr, /HL_IMPORT_HEADS_TRAINED/);
      // What the remedy says works.
      const fresh = join(rig.dir, 'fresh');
      assert.equal(headland(...imports, '--regroup', '--state', fresh).status, 0);

      writeFileSync(join(rig.dir, 'file'), '');
      mkdirSync(join(rig.dir, 'folder.onnx'));
      const refused: [args: string[], code: RegExp][] = [
        [['weeds.tflite'], /HL_EXPORT_ENDING: .*weeds\.tflite.*\n.*FILE\.onnx.*--format tfjs/],
        [['weeds.pb'], /HL_EXPORT_ENDING/],
        [['weeds'], /HL_EXPORT_ENDING/],
        [['weeds.onnx', '--format', 'tfjs'], /HL_EXPORT_ENDING/],
        [['weeds.tflite', '--format', 'tfjs'], /HL_EXPORT_ENDING/],
        [[join(rig.dir, 'nodir', 'x.onnx')], /HL_EXPORT_UNWRITABLE: .*does not exist/],
        [[join(rig.dir, 'file', 'x.onnx')], /HL_EXPORT_UNWRITABLE/],
        [[join(rig.dir, 'folder.onnx')], /HL_EXPORT_UNWRITABLE: .*it is a folder/],
        [['/proc/x.onnx'], /HL_EXPORT_UNWRITABLE: .*cannot create a file there/],
      ];
      for (const [args, code] of refused) {
        const { status, stderr } = headland('export', ...args, ...at);
        assert.equal(status, 1, args.join(' '));
        assert.match(stderr, code);
        assert.doesNotMatch(stderr, /HL_INTERNAL/);
      }
      assert.ok(!existsSync('weeds'));
      assert.equal(headland('export', join(rig.dir, 'weeds.ONNX'), ...at).status, 0);
    },
  );
});
