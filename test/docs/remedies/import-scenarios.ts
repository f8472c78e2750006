import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { CLI } from '../../agent/daemon.js';
import type { CommandScenario } from './command-scenario.js';
import type { Ran, Robot } from './field.js';

const both = ['crop', 'weed'];
const importSome = (robot: Robot): string[] => ['import', robot.path('some')];
const some = (robot: Robot): string => robot.photos('some', both);

const TWO_TASKS = { tasks: [{ name: 'way' }, { name: 'weeds' }] };

/** Pictures that a table with this header labels. */
function writeTable(robot: Robot, header: string): void {
  const [file = ''] = readdirSync(join(some(robot), 'crop'));
  robot.write('some/labels.csv', `${header}\n${file},thistle\n`);
}

async function exportTwoTasks(robot: Robot): Promise<void> {
  some(robot);
  await robot.must(...importSome(robot), '--task', 'weeds');
  await robot.must('export-samples', robot.path('export'));
}

/** A picture of these sides, of one colour. */
function plainPicture(side: number): Promise<Buffer> {
  const create = { width: side, height: side, channels: 3 as const, background: '#286428' };
  return sharp({ create }).jpeg().toBuffer();
}

export const importScenarios: CommandScenario[] = [
  {
    code: 'HL_IMPORT_NOT_FOUND',
    follows: 'Give the path of a folder that holds one folder of pictures for each class',
    given: some,
    command: (robot) => ['import', robot.path('som')],
    follow: importSome,
  },
  {
    code: 'HL_IMPORT_NO_CLASSES',
    follows: 'Put the pictures into one folder for each class',
    given: (robot) =>
      copyFileSync(join(some(robot), 'crop', 'crop_000.jpg'), robot.path('some', 'top.jpg')),
    command: (robot) => ['import', robot.path('some', 'crop')],
    follow: importSome,
  },
  {
    code: 'HL_TASK_MISSING',
    when: 'a folder without a word of tasks',
    follows: 'Name one of them: --task NAME',
    settings: TWO_TASKS,
    given: some,
    command: importSome,
    follow: (robot) => [...importSome(robot), '--task', 'weeds'],
  },
  {
    code: 'HL_TASK_MISSING',
    when: 'a table',
    follows: 'name the columns of the labels as the tasks',
    settings: TWO_TASKS,
    given: (robot) => writeTable(robot, 'file,wheeds'),
    command: importSome,
    follow: (robot) => {
      writeTable(robot, 'file,weeds');
      return importSome(robot);
    },
  },
  {
    code: 'HL_TASK_UNKNOWN',
    when: 'an export of other tasks',
    follows: 'import the folder of one task',
    settings: TWO_TASKS,
    given: exportTwoTasks,
    command: (robot) => {
      robot.configure({ tasks: [{ name: 'way' }, { name: 'gate' }] });
      return ['import', robot.path('export'), '--state', robot.path('new-state')];
    },
    follow: (_robot, { remedy }) =>
      /headland (import \S+ --task \w+)/.exec(remedy ?? '')![1]!.split(' '),
  },
  {
    code: 'HL_IMPORT_TASKS_INVALID',
    follows: 'Import the folder of each task by itself',
    settings: TWO_TASKS,
    given: async (robot) => {
      await exportTwoTasks(robot);
      robot.write('export/headland-tasks.json', '{');
    },
    command: (robot) => ['import', robot.path('export')],
    follow: (robot) => ['import', robot.path('export', 'weeds'), '--task', 'weeds'],
  },
  {
    code: 'HL_IMPORT_PATTERN_INVALID',
    follows: 'Give a JavaScript regular expression',
    given: some,
    command: (robot) => [...importSome(robot), '--group-pattern', '(_'],
    follow: (robot) => [...importSome(robot), '--group-pattern', '(_[0-9]+)'],
  },
  {
    code: 'HL_IMPORT_EMPTY_CLASS',
    when: 'it is filled',
    follows: 'Put pictures into the folder',
    given: (robot) => mkdirSync(join(some(robot), 'stone')),
    command: importSome,
    follow: (robot) => robot.photos('some', ['stone']),
  },
  {
    code: 'HL_IMPORT_EMPTY_CLASS',
    when: 'it is removed',
    follows: 'or remove it',
    given: (robot) => mkdirSync(join(some(robot), 'stone')),
    command: importSome,
    follow: (robot) => rmSync(robot.path('some', 'stone'), { recursive: true }),
  },
  {
    code: 'HL_IMPORT_GROUPS_WEAK',
    follows: 'Import again with --group-pattern and --regroup',
    given: async (robot) => {
      for (const label of both) {
        for (let i = 0; i < 30; i++) {
          // Patches of colour at random: no two resemble each other.
          const patches = Buffer.from(
            Array.from({ length: 192 }, (_, p) => (p * (i + 2) * 7919 * label.charCodeAt(0)) % 256),
          );
          const raw = { width: 8, height: 8, channels: 3 as const };
          const picture = await sharp(patches, { raw }).resize(64, 64).jpeg().toBuffer();
          robot.write(join('some', label, `pass${i % 5}_${i}.jpg`), picture);
        }
      }
    },
    command: importSome,
    follow: (robot) => [
      ...importSome(robot),
      '--group-pattern',
      '(pass[0-9])_',
      '--state',
      robot.path('new-state'),
    ],
  },
  {
    code: 'HL_IMPORT_IGNORED',
    follows: 'Rename pictures to .jpg, .png or .webp',
    given: (robot) =>
      renameSync(
        join(some(robot), 'crop', 'crop_000.jpg'),
        robot.path('some', 'crop', 'picture.jfif0'),
      ),
    command: importSome,
    follow: (robot) =>
      renameSync(
        robot.path('some', 'crop', 'picture.jfif0'),
        robot.path('some', 'crop', 'picture.jpg'),
      ),
  },
  {
    code: 'HL_IMPORT_LABEL_CONFLICT',
    when: 'the picture is stored',
    follows: 'run the `headland label ID LABEL` that the note gives',
    given: async (robot) => {
      await robot.must('import', some(robot));
      renameSync(
        robot.path('some', 'crop', 'crop_000.jpg'),
        robot.path('some', 'weed', 'crop_000.jpg'),
      );
    },
    command: importSome,
    follow: async (robot, { message }) => {
      const [, id] = /headland label (\S+) LABEL/.exec(message)!;
      await robot.must('label', id!, 'weed');
    },
  },
  {
    code: 'HL_IMPORT_LABEL_CONFLICT',
    when: 'two folders have it',
    follows: 'If it gives none, import again',
    given: (robot) =>
      copyFileSync(
        join(some(robot), 'crop', 'crop_000.jpg'),
        robot.path('some', 'weed', 'crop_000.jpg'),
      ),
    command: importSome,
    follow: async (robot) => {
      const again = await robot.must(...importSome(robot));
      const [, id] = /headland label (\S+) LABEL/.exec(again)!;
      await robot.must('label', id!, 'weed');
      rmSync(robot.path('some', 'crop', 'crop_000.jpg'));
    },
  },
  {
    code: 'HL_IMPORT_MANIFEST_INVALID',
    follows: 'export the samples again (`headland export-samples`) and import that',
    given: (robot) => {
      some(robot);
      robot.write('some/samples.jsonl', '{"file": "crop/crop_000.jpg"\n');
    },
    command: importSome,
    follow: async (robot) => {
      // The line is lost: a manifest is written again by an export.
      await robot.must('export-samples', robot.path('export'));
      return ['import', robot.path('export'), '--state', robot.path('new-state')];
    },
  },
  {
    code: 'HL_IMPORT_LINK_OUTSIDE',
    follows: 'Import with --follow-links',
    given: (robot) => symlinkSync(join(robot.photosDir, 'stone'), join(some(robot), 'stone')),
    command: importSome,
    follow: (robot) => [...importSome(robot), '--follow-links'],
  },
  {
    code: 'HL_IMPORT_QUARANTINE_FAILED',
    follows: 'remove what is in the way there',
    given: (robot) => {
      some(robot);
      robot.write('some/crop/notes.jpg', 'no picture');
      robot.write('state/quarantine', 'a file');
    },
    command: importSome,
    follow: (robot) => rmSync(join(robot.stateDir, 'quarantine')),
  },
  {
    code: 'HL_IMPORT_UNREADABLE',
    when: 'rights',
    follows: 'Give this user read access',
    given: (robot) => {
      chmodSync(join(some(robot), 'crop', 'crop_000.jpg'), 0o000);
      mkdirSync(robot.stateDir);
      for (const dir of [robot.dir, robot.stateDir]) chmodSync(dir, 0o777);
    },
    asNobody: true,
    command: importSome,
    follow: (robot) => chmodSync(robot.path('some', 'crop', 'crop_000.jpg'), 0o644),
  },
  {
    code: 'HL_IMPORT_UNREADABLE',
    when: 'a link',
    follows: 'replace a broken link',
    given: (robot) => symlinkSync('gone.jpg', join(some(robot), 'crop', 'link.jpg')),
    command: importSome,
    follow: (robot) => {
      rmSync(robot.path('some', 'crop', 'link.jpg'));
      copyFileSync(
        join(robot.photosDir, 'crop', 'crop_009.jpg'),
        robot.path('some', 'crop', 'link.jpg'),
      );
    },
  },
  {
    code: 'HL_IMPORT_CANCELLED',
    follows: 'Import again: it continues where it stopped',
    given: async (robot) => {
      some(robot);
      robot.write('some/crop/0.jpg', 'no picture');
      const large = await plainPicture(3_000);
      for (let i = 0; i < 40; i++) robot.write(`some/crop/large_${i}.jpg`, large);
    },
    command: importSome,
    provoke: interrupted,
    follow: () => {},
  },
  {
    code: 'HL_LABEL_INVALID',
    when: 'a folder',
    follows: 'not "unknown"',
    given: (robot) =>
      renameSync(
        join(robot.photos('some', [...both, 'stone']), 'stone'),
        robot.path('some', 'unknown'),
      ),
    command: importSome,
    follow: (robot) => renameSync(robot.path('some', 'unknown'), robot.path('some', 'stone')),
  },
  {
    code: 'HL_LABEL_INVALID',
    when: 'a label',
    follows: 'without "/"',
    given: async (robot) => robot.adopt(await robot.field.labelled()),
    command: () => ['label', 'ID', 'weed/large'],
    provoke: async (robot) => robot.headland('label', await anySample(robot), 'weed/large'),
    follow: async (robot) => ['label', await anySample(robot), 'weed, large'],
  },
  {
    code: 'HL_PICTURE_INVALID',
    when: 'damaged',
    follows: 'Replace the file',
    given: (robot) => {
      some(robot);
      robot.write('some/crop/damaged.jpg', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 1, 2, 3]));
    },
    command: importSome,
    follow: (robot) =>
      copyFileSync(
        join(robot.photosDir, 'crop', 'crop_010.jpg'),
        robot.path('some', 'crop', 'damaged.jpg'),
      ),
  },
  {
    code: 'HL_PICTURE_INVALID',
    when: 'another format',
    follows: 'ffmpeg -i IN OUT.png',
    given: async (robot) => {
      some(robot);
      robot.write(
        'some/crop/animation.jpg',
        await sharp(await plainPicture(40))
          .gif()
          .toBuffer(),
      );
    },
    command: importSome,
    follow: (robot) => {
      const from = robot.path('some', 'crop', 'animation.jpg');
      execFileSync('ffmpeg', [
        '-loglevel',
        'error',
        '-i',
        from,
        robot.path('some', 'crop', 'still.png'),
      ]);
      rmSync(from);
    },
  },
  {
    code: 'HL_PICTURE_TOO_LARGE',
    when: 'the limit',
    follows: 'raise inference.maxPictureBytes',
    settings: { inference: { maxPictureBytes: 1_024 } },
    given: some,
    command: importSome,
    follow: (robot) => robot.configure({ inference: { maxPictureBytes: 1_000_000 } }),
  },
  {
    code: 'HL_PICTURE_TOO_MANY_PIXELS',
    when: 'the limit',
    follows: 'raise inference.maxPicturePixels',
    settings: { inference: { maxPicturePixels: 4_096 } },
    given: async (robot) => {
      some(robot);
      robot.write('some/crop/large.jpg', await plainPicture(100));
    },
    command: importSome,
    follow: (robot) => robot.configure({ inference: { maxPicturePixels: 10_000 } }),
  },
  {
    code: 'HL_PICTURE_TOO_MANY_PIXELS',
    when: 'the picture',
    follows: 'Make the picture smaller',
    settings: { inference: { maxPicturePixels: 4_096 } },
    given: async (robot) => {
      some(robot);
      robot.write('some/crop/large.jpg', await plainPicture(100));
    },
    command: importSome,
    follow: async (robot) => robot.write('some/crop/large.jpg', await plainPicture(64)),
  },
  {
    code: 'HL_IMPORT_HEADS_TRAINED',
    follows: '--state DIR --regroup',
    given: async (robot) => {
      some(robot);
      robot.adopt(await robot.field.trained());
    },
    command: (robot) => [...importSome(robot), '--regroup'],
    follow: (robot) => [...importSome(robot), '--regroup', '--state', robot.path('new-state')],
  },
  {
    code: 'HL_IMPORT_LAYOUT_UNCLEAR',
    when: 'the folder that is meant',
    follows: 'Import',
    given: unclearFolder,
    command: importSome,
    follow: (_, { remedy }) => {
      const [, meant] = /Import the folder that you mean: ([^,;]+)/.exec(remedy ?? '')!;
      return ['import', meant!];
    },
  },
  {
    code: 'HL_IMPORT_LAYOUT_UNCLEAR',
    when: 'every folder is a class',
    follows: 'add --layout classes',
    given: unclearFolder,
    command: importSome,
    follow: (robot) => [...importSome(robot), '--layout', 'classes'],
  },
  {
    code: 'HL_IMPORT_SPLITS',
    follows: '--layout classes makes classes of them',
    given: splitFolder,
    command: importSome,
    follow: (robot) => [...importSome(robot), '--layout', 'classes'],
  },
  {
    code: 'HL_IMPORT_NOT_KEPT_OUT',
    follows: 'Import with --regroup too, before the first training',
    given: async (robot) => {
      splitFolder(robot);
      await robot.must(...importSome(robot));
    },
    command: (robot) => [...importSome(robot), '--keep-split'],
    follow: (robot) => [...importSome(robot), '--keep-split', '--regroup'],
  },
  {
    code: 'HL_IMPORT_SPLIT_OVERLAP',
    follows: 'remove one of both files',
    given: (robot) => {
      splitFolder(robot);
      copyFileSync(
        robot.path('some', 'test', 'crop', 'crop_000.jpg'),
        robot.path('some', 'train', 'crop', 'copy.jpg'),
      );
    },
    command: (robot) => [...importSome(robot), '--keep-split'],
    follow: (robot) => rmSync(robot.path('some', 'train', 'crop', 'copy.jpg')),
  },
  {
    code: 'HL_IMPORT_CLASS_LIKE_SPLIT',
    follows: 'if it is a class, rename it',
    given: (robot) =>
      renameSync(
        join(robot.photos('some', [...both, 'stone']), 'stone'),
        robot.path('some', 'train'),
      ),
    command: importSome,
    follow: (robot) => renameSync(robot.path('some', 'train'), robot.path('some', 'railway train')),
  },
  {
    code: 'HL_IMPORT_FOLDERS_INSIDE',
    follows: 'import each of the outer folders by itself',
    given: (robot) => {
      for (const [place, label] of [
        ['north', 'crop'],
        ['north', 'weed'],
        ['south', 'crop'],
        ['south', 'weed'],
      ]) {
        mkdirSync(robot.path('some', place!), { recursive: true });
        renameSync(
          join(robot.photos(`of-${place}`, [label!]), label!),
          robot.path('some', place!, label!),
        );
      }
    },
    command: importSome,
    follow: (robot) => ['import', robot.path('some', 'north')],
  },
  {
    code: 'HL_IMPORT_LOOSE',
    follows: 'Move them into one',
    given: (robot) =>
      copyFileSync(join(robot.photosDir, 'crop', 'crop_010.jpg'), join(some(robot), 'loose.jpg')),
    command: importSome,
    follow: (robot) =>
      renameSync(robot.path('some', 'loose.jpg'), robot.path('some', 'crop', 'loose.jpg')),
  },
  {
    code: 'HL_IMPORT_NAME_ENCODING',
    follows: 'Rename it',
    given: (robot) => {
      const stone = join(robot.photos('some', [...both, 'stone']), 'stone');
      renameSync(
        stone,
        Buffer.concat([Buffer.from(`${robot.path('some')}/`), Buffer.from('R\xfcbe', 'latin1')]),
      );
    },
    command: importSome,
    follow: (robot) => {
      const [name] = readdirSync(robot.path('some'), { encoding: 'buffer' }).filter((each) =>
        each.includes(0xfc),
      );
      renameSync(
        Buffer.concat([Buffer.from(`${robot.path('some')}/`), name!]),
        robot.path('some', 'Rübe'),
      );
    },
  },
  {
    code: 'HL_IMPORT_NOTHING',
    follows: 'put the picture there that was meant',
    given: (robot) => robot.write('some/crop/crop_000.jpg', 'no picture'),
    command: importSome,
    follow: some,
  },
  {
    code: 'HL_IMPORT_CLASS_SMALL',
    when: 'more pictures',
    follows: 'Add pictures of it',
    settings: { training: { minLabelsPerClass: 5 } },
    given: some,
    command: importSome,
    follow: (robot) => robot.photos('some', both, 6),
  },
  {
    code: 'HL_IMPORT_CLASS_SMALL',
    when: 'the limit',
    follows: 'lower training.minLabelsPerClass',
    settings: { training: { minLabelsPerClass: 5 } },
    given: some,
    command: importSome,
    follow: (robot) => robot.configure({ training: { minLabelsPerClass: 4 } }),
  },
  {
    code: 'HL_IMPORT_ONE_GROUP',
    follows: '--group-pattern or --group-by',
    given: some,
    command: (robot) => [...importSome(robot), '--group-pattern', '(_)'],
    follow: (robot) => [...importSome(robot), '--group-pattern', '_([0-9]+)', '--regroup'],
  },
  {
    code: 'HL_IMPORT_SEVERAL_CLASSES',
    follows: 'Cut it into one picture for each class',
    given: (robot) => annotated(robot, 'a.jpg,weed\nb.jpg,weed\nb.jpg,crop\n'),
    command: importSome,
    follow: (robot) => {
      renameSync(robot.path('some', 'b.jpg'), robot.path('some', 'b-weed.jpg'));
      robot.write('some/labels.csv', 'image,label\na.jpg,weed\nb-weed.jpg,weed\nc.jpg,crop\n');
    },
  },
  {
    code: 'HL_IMPORT_UNLABELLED',
    follows: 'Label them in the annotations',
    given: (robot) => annotated(robot, 'a.jpg,weed\nb.jpg,crop\n'),
    command: importSome,
    follow: (robot) =>
      robot.write('some/labels.csv', 'image,label\na.jpg,weed\nb.jpg,crop\nc.jpg,crop\n'),
  },
  {
    code: 'HL_IMPORT_ANNOTATION_INVALID',
    follows: 'Save it as UTF-8',
    given: (robot) => {
      annotated(robot, 'a.jpg,weed\nb.jpg,crop\n');
      robot.write('some/more.csv', Buffer.from('image,label\nc.jpg,R\xfcbe\n', 'latin1'));
    },
    command: importSome,
    follow: (robot) => robot.write('some/more.csv', 'image,label\nc.jpg,Rübe\n'),
  },
  {
    code: 'HL_LABEL_ALIKE',
    when: 'folders',
    follows: '--keep-alike',
    given: (robot) =>
      renameSync(
        join(robot.photos('some', [...both, 'stone']), 'stone'),
        robot.path('some', 'Crop'),
      ),
    command: importSome,
    follow: (robot) => [...importSome(robot), '--keep-alike'],
  },
  {
    code: 'HL_LABEL_ALIKE',
    when: 'a label',
    follows: 'Give',
    given: async (robot) => robot.adopt(await robot.field.labelled()),
    command: () => ['label', 'ID', 'Weed'],
    provoke: async (robot) => robot.headland('label', await anySample(robot), 'Weed'),
    follow: async (robot, { remedy }) => {
      const [, meant] = /Did you mean "(\w+)"/.exec(remedy ?? '')!;
      return ['label', await anySample(robot), meant!];
    },
  },
  {
    code: 'HL_IMPORT_BOX_INVALID',
    follows: 'Correct it in the annotation tool',
    given: (robot) => boxed(robot, 'a.jpg,1,1,40,40,weed\nb.jpg,1,1,4,4,crop\n'),
    command: importSome,
    follow: (robot) => boxed(robot, 'a.jpg,1,1,40,40,weed\nb.jpg,1,1,40,40,crop\n'),
  },
  {
    code: 'HL_IMPORT_PICTURE_MISSING',
    follows: 'Put the missing pictures into the folder',
    given: (robot) => annotated(robot, 'a.jpg,weed\nb.jpg,crop\nd.jpg,weed\n'),
    command: importSome,
    follow: (robot) =>
      copyFileSync(join(robot.photosDir, 'weed', 'weed_003.jpg'), robot.path('some', 'd.jpg')),
  },
  {
    code: 'HL_EXPORT_WAITING',
    follows: 'Export without --waiting',
    command: (robot) => ['export-samples', robot.path('export'), '--as', 'coco', '--waiting'],
    follow: (robot) => ['export-samples', robot.path('export'), '--as', 'coco'],
  },
  {
    code: 'HL_EXPORT_NOT_EMPTY',
    follows: 'Name a folder that does not exist yet',
    given: async (robot) => {
      robot.adopt(await robot.field.labelled());
      robot.write('export/notes.txt', 'mine');
    },
    command: (robot) => ['export-samples', robot.path('export')],
    follow: (robot) => ['export-samples', robot.path('export-2')],
  },
];

/** Two parts of a data set. */
function splitFolder(robot: Robot): void {
  robot.photos('some/train', both, 8);
  for (const label of both) {
    for (const name of readdirSync(robot.path('some', 'train', label)).slice(0, 3)) {
      mkdirSync(robot.path('some', 'test', label), { recursive: true });
      renameSync(robot.path('some', 'train', label, name), robot.path('some', 'test', label, name));
    }
  }
}

/** Parts of a data set, and beside them something that may be a class or not. */
function unclearFolder(robot: Robot): void {
  splitFolder(robot);
  robot.photos('some', ['stone']);
}

/** Three pictures without class folders, and a table of labels. */
function annotated(robot: Robot, rows: string): void {
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    mkdirSync(robot.path('some'), { recursive: true });
    copyFileSync(
      join(robot.photosDir, 'weed', `weed_00${i}.jpg`),
      robot.path('some', `${name}.jpg`),
    );
  }
  robot.write('some/labels.csv', `image,label\n${rows}`);
}

/** Two pictures with a table of boxes, which has no head. */
function boxed(robot: Robot, rows: string): void {
  annotated(robot, '');
  robot.write('some/labels.csv', rows);
}

async function anySample(robot: Robot): Promise<string> {
  const dir = robot.path('export-for-ids');
  if (!existsSync(dir)) await robot.must('export-samples', dir);
  const [picture] = readdirSync(join(dir, 'crop')).sort();
  return basename(picture!, '.jpg');
}

/** Ctrl-C while pictures are read: the first one, which is none, is in the quarantine by then. */
async function interrupted(robot: Robot, command: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...command, '--config', robot.configFile]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const closed = once(child, 'close');
  while (child.exitCode === null && !existsSync(join(robot.stateDir, 'quarantine'))) await sleep(2);
  child.kill('SIGINT');
  const [status] = await closed;
  return { status, output };
}
