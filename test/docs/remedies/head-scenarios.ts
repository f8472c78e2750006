import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../../../src/storage/database.js';
import { CLI } from '../../agent/daemon.js';
import { installBackbone } from '../../training/fixture.js';
import type { CommandScenario } from './command-scenario.js';
import type { Ran, Robot } from './field.js';

const labelled = async (robot: Robot): Promise<void> => robot.adopt(await robot.field.labelled());
const trained = async (robot: Robot): Promise<void> => robot.adopt(await robot.field.trained());
const importAll = (robot: Robot): string[] => [
  'import',
  robot.photosDir,
  '--group-pattern',
  '_(\\d+)',
];

/** Id of an imported sample that no training has embedded. */
function firstSample({ stateDir }: Robot): string {
  const database = openDatabase(join(stateDir, 'headland.db'));
  try {
    const row = database.prepare<{ id: string }>('SELECT min(id) AS id FROM samples').get();
    return row!.id;
  } finally {
    database.close();
  }
}

const TWO_TASKS = { tasks: [{ name: 'way' }, { name: 'weeds' }] };

export const headScenarios: CommandScenario[] = [
  {
    code: 'HL_TASK_MISSING',
    follows: 'Name one of them: --task NAME on the command line',
    settings: TWO_TASKS,
    command: () => ['label'],
    follow: (_robot, { message }) => ['label', '--task', /(\w+)$/.exec(message)![1]!],
  },
  {
    code: 'HL_TASK_UNKNOWN',
    follows: 'Name one of the tasks of this robot',
    settings: TWO_TASKS,
    command: () => ['label', '--task', 'ways'],
    follow: (_robot, { remedy }) => ['label', '--task', /robot: (\w+)/.exec(remedy ?? '')![1]!],
  },
  {
    code: 'HL_SAMPLE_NOT_EMBEDDED',
    follows: 'Label it alone',
    given: labelled,
    command: (robot) => ['label', firstSample(robot), 'crop', '--alike'],
    follow: (robot) => ['label', firstSample(robot), 'crop'],
  },
  {
    code: 'HL_TRAINING_TOO_FEW_LABELS',
    when: 'more labels',
    follows: 'Label',
    command: () => ['train'],
    follow: (robot) => robot.must(...importAll(robot)),
  },
  {
    code: 'HL_TRAINING_TOO_FEW_LABELS',
    when: 'the limit',
    follows: 'lower training.minLabels',
    given: (robot) => robot.must('import', robot.photos('some', ['crop', 'weed'], 5)),
    command: () => ['train'],
    follow: (robot) => robot.configure({ training: { minLabels: 8 } }),
  },
  {
    code: 'HL_TRAINING_TOO_FEW_CLASSES',
    follows: 'Label samples of another class',
    given: (robot) => robot.must('import', robot.photos('some', ['crop'], 14)),
    command: () => ['train'],
    follow: (robot) => robot.must('import', robot.photos('more', ['weed'], 14)),
  },
  {
    code: 'HL_TRAINING_CRASHED',
    follows: 'Free memory, then train again',
    given: labelled,
    command: () => ['train'],
    provoke: withKilledJob,
    // What took the memory has gone.
    follow: () => {},
  },
  {
    code: 'HL_HEAD_NO_PREVIOUS',
    when: 'there is a head',
    follows: '`headland rollback VERSION`',
    given: trained,
    command: () => ['rollback'],
    follow: async (robot) => {
      const [, version] = /^(\d+) /m.exec(await robot.must('models', 'heads'))!;
      return ['rollback', version!];
    },
  },
  {
    code: 'HL_HEAD_NO_PREVIOUS',
    when: 'there is none',
    follows: 'If it lists none, train',
    given: labelled,
    command: () => ['rollback'],
    follow: () => ['train'],
  },
  {
    code: 'HL_HEAD_UNKNOWN_VERSION',
    follows: 'Name one of the versions that `headland models heads` lists',
    given: trained,
    command: () => ['models', 'why', '7'],
    follow: async (robot) => {
      const [, version] = /^(\d+) /m.exec(await robot.must('models', 'heads'))!;
      return ['models', 'why', version!];
    },
  },
  {
    code: 'HL_HEAD_INVALID',
    follows: 'train again (`headland train`)',
    given: async (robot) => {
      await trained(robot);
      const path = join(robot.stateDir, 'heads', 'main', '1', 'weights');
      const bytes = readFileSync(path);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(path, bytes);
    },
    command: (robot) => ['export', robot.path('model.onnx'), '--head', '1'],
    follow: async (robot) => {
      await robot.must('train');
      return ['export', robot.path('model.onnx')];
    },
  },
  {
    code: 'HL_EVALUATE_NO_HEAD',
    follows: 'Label some frames, then train: `headland train`',
    command: () => ['evaluate'],
    follow: trained,
  },
  {
    code: 'HL_EVALUATE_OTHER_FEATURES',
    follows: 'set models.backbone',
    given: async (robot) => {
      await trained(robot);
      robot.configure({ inference: { fit: 'crop' } });
    },
    command: () => ['evaluate'],
    follow: (robot, { remedy }) => {
      const [, backbone, fit] = /set models\.backbone to (\S+) and inference\.fit to (\w+)/.exec(
        remedy ?? '',
      )!;
      robot.configure({ models: { backbone }, inference: { fit } });
    },
  },
  {
    code: 'HL_EXPORT_NO_HEAD',
    follows: 'Train (`headland train`)',
    given: labelled,
    command: (robot) => ['export', robot.path('model.onnx')],
    follow: (robot) => robot.must('train'),
  },
  {
    code: 'HL_EXPORT_ENDING',
    follows: 'FILE.onnx',
    given: trained,
    command: (robot) => ['export', robot.path('model.tflite')],
    follow: (robot) => ['export', robot.path('model.onnx')],
  },
  {
    code: 'HL_EXPORT_UNWRITABLE',
    follows: 'Name a file in a folder that exists',
    given: trained,
    command: (robot) => ['export', robot.path('none', 'model.onnx')],
    follow: (robot) => ['export', robot.path('model.onnx')],
  },
  {
    code: 'HL_EXPORT_BACKBONE_CHANGED',
    follows: 'Train again (`headland train`), then export',
    given: async (robot) => {
      await trained(robot);
      const cardsDir = await installBackbone(robot.dir, 'tiny', 2);
      robot.configure({ models: { cardsDir }, paths: { cacheDir: robot.path('cache') } });
    },
    command: (robot) => ['export', robot.path('model.onnx')],
    follow: async (robot) => {
      // Whether the new head is better or not: it is the one that fits.
      await robot.headland('train');
      const heads = await robot.must('models', 'heads');
      const versions = [...heads.matchAll(/^(\d+) /gm)].map(([, version]) => version!);
      return ['export', robot.path('model.onnx'), '--head', versions.at(-1)!];
    },
  },
  {
    code: 'HL_EXPORT_NOT_EMPTY',
    when: 'of a model',
    follows: 'Name a folder that does not exist yet',
    given: async (robot) => {
      await trained(robot);
      robot.write('model/notes.txt', 'mine');
    },
    command: (robot) => ['export', robot.path('model'), '--format', 'tfjs'],
    follow: (robot) => ['export', robot.path('model-2'), '--format', 'tfjs'],
  },
  {
    code: 'HL_EXPORT_FORMAT',
    follows: '--format tfjs',
    given: async (robot) => {
      const cardsDir = await installBackbone(robot.dir, 'tiny', 1, 'tfjs');
      robot.configure({ models: { cardsDir }, paths: { cacheDir: robot.path('cache') } });
      await labelled(robot);
      await robot.must('train');
    },
    command: (robot) => ['export', robot.path('model.onnx')],
    follow: (robot) => ['export', robot.path('model'), '--format', 'tfjs'],
  },
  {
    code: 'HL_STUDY_TOO_FEW_CLASSES',
    follows: 'Put photos of at least two classes into the folder',
    given: (robot) => robot.photos('photos', ['crop'], 12),
    command: study,
    follow: (robot) => robot.photos('photos', ['crop', 'weed'], 12),
  },
  {
    code: 'HL_STUDY_TOO_FEW_GROUPS',
    follows: 'give a --group-pattern that makes more groups',
    given: (robot) => robot.photos('photos', ['crop', 'weed'], 12),
    command: (robot) => [...study(robot), '--group-pattern', '(crop|weed)'],
    follow: (robot) => [...study(robot), '--group-pattern', '_(\\d+)'],
  },
];

function study(robot: Robot): string[] {
  const quick = ['--variants', 'backbone', '--folds', '2', '--epochs', '1', '--size', '16'];
  return ['study', robot.path('photos'), '--out', robot.path('study'), ...quick];
}

/** Ends the training process as the kernel does when memory runs out. */
async function withKilledJob(robot: Robot, command: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...command, '--config', robot.configFile]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const closed = once(child, 'close');
  for (let killed = false; !killed && child.exitCode === null; await sleep(1)) {
    for (const pid of jobsOf(child.pid!)) {
      process.kill(pid, 'SIGKILL');
      killed = true;
    }
  }
  const [status] = await closed;
  return { status, output };
}

/** Training processes that a process has started. */
function jobsOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      // The name of the program, in parentheses, may hold spaces.
      const [, rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const isJob = rest?.split(' ')[1] === String(parent) && command.includes('training-job');
      return isJob ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}
