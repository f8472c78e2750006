import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import sharp from 'sharp';
import { createRandom, seedFrom } from '../../../src/base/random.js';
import type { CommandScenario } from './command-scenario.js';
import { type Robot, withoutMounts } from './field.js';

const database = (robot: Robot): string => join(robot.stateDir, 'headland.db');

async function teach(robot: Robot): Promise<void> {
  robot.adopt(await robot.field.labelled());
}

/** A picture of noise compresses badly: about 45 kB. */
function noisyPicture(seed: number): Promise<Buffer> {
  const random = createRandom(seed);
  const [width, height] = [180, 180];
  const data = Uint8Array.from({ length: 3 * width * height }, () => random.uniform(0, 255));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
}

export const storeScenarios: CommandScenario[] = [
  {
    code: 'HL_STATE_UNWRITABLE',
    follows: 'Set paths.stateDir, or --state, to a folder',
    given: (robot) => robot.write('file', ''),
    command: (robot) => ['label', '--state', robot.path('file', 'state')],
    follow: (robot) => ['label', '--state', robot.path('folder', 'state')],
  },
  {
    code: 'HL_STORE_UNAVAILABLE',
    follows: 'Remove or rename the folder or other object at this path',
    given: (robot) => mkdirSync(database(robot), { recursive: true }),
    command: () => ['label'],
    follow: (robot) => renameSync(database(robot), robot.path('aside')),
  },
  {
    code: 'HL_STORE_READ_ONLY',
    follows: 'Give this user write access to the state folder and its files',
    given: async (robot) => {
      await teach(robot);
      for (const name of readdirSync(robot.stateDir)) chmodSync(join(robot.stateDir, name), 0o444);
      chmodSync(robot.stateDir, 0o555);
      chmodSync(robot.dir, 0o755);
    },
    asNobody: true,
    command: () => ['label'],
    follow: (robot) => {
      chmodSync(robot.stateDir, 0o777);
      for (const name of readdirSync(robot.stateDir)) chmodSync(join(robot.stateDir, name), 0o666);
    },
  },
  {
    code: 'HL_STORE_CORRUPT',
    when: 'nothing else is there',
    follows: 'Start the daemon, or run `headland verify --repair`',
    given: async (robot) => {
      await teach(robot);
      writeFileSync(database(robot), 'no database');
    },
    command: () => ['label'],
    follow: async (robot) => void (await robot.must('verify', '--repair')),
  },
  {
    code: 'HL_STORE_CORRUPT',
    when: 'a backup is there',
    follows: 'Or restore a backup (`headland restore FILE`)',
    given: async (robot) => {
      await teach(robot);
      await robot.must('backup', robot.path('all.backup'));
      writeFileSync(database(robot), 'no database');
    },
    command: () => ['export-samples', 'exported'],
    follow: async (robot) => void (await robot.must('restore', robot.path('all.backup'))),
  },
  {
    code: 'HL_STORE_LOST',
    follows: 'Start the daemon, or run `headland verify --repair`',
    given: async (robot) => {
      await teach(robot);
      await robot.must('backup');
      writeFileSync(database(robot), '');
    },
    command: () => ['export-samples', 'exported'],
    follow: async (robot) => void (await robot.must('verify', '--repair')),
  },
  {
    code: 'HL_BACKUP_EXISTS',
    follows: 'Name a new file',
    given: async (robot) => {
      await teach(robot);
      robot.write('all.backup', '');
    },
    command: (robot) => ['backup', robot.path('all.backup')],
    follow: (robot) => ['backup', robot.path('new.backup')],
  },
  {
    code: 'HL_BACKUP_INVALID',
    follows: 'Use another backup',
    given: async (robot) => {
      await teach(robot);
      robot.write('text.backup', 'no backup');
    },
    command: (robot) => ['restore', robot.path('text.backup')],
    follow: async (robot) => {
      await robot.must('backup', robot.path('all.backup'));
      return ['restore', robot.path('all.backup')];
    },
  },
  {
    code: 'HL_BACKUP_NO_ROOM',
    follows: 'lower samples.minFreeBytes',
    given: async (robot) => {
      await teach(robot);
      robot.configure({ samples: { minFreeBytes: 1e15 } });
    },
    command: () => ['backup'],
    follow: (robot) => robot.configure({ samples: { minFreeBytes: 1_000_000 } }),
  },
  {
    code: 'HL_STORE_NEWER',
    follows: 'put a backup from before the update in place of the file',
    given: async (robot) => {
      await teach(robot);
      cpSync(database(robot), robot.path('before-update.db'));
      const store = new Database(database(robot));
      store.exec('UPDATE schema_versions SET version = version + 1');
      store.close();
    },
    command: () => ['label'],
    follow: (robot) => cpSync(robot.path('before-update.db'), database(robot)),
  },
  {
    code: 'HL_STORE_BUSY',
    follows: 'names the process that keeps the database locked: end it',
    given: teach,
    command: (robot) => ['import', robot.photos('more', ['crop', 'weed'])],
    provoke: async (robot, command) => {
      const store = new Database(database(robot));
      store.exec('BEGIN EXCLUSIVE');
      try {
        return await robot.headland(...command);
      } finally {
        store.close();
      }
    },
    // The process that kept it locked has ended: its connection is closed.
    follow: () => {},
  },
  {
    code: 'HL_DISK_LOW',
    follows: 'lower samples.minFreeBytes',
    settings: { samples: { minFreeBytes: Number.MAX_SAFE_INTEGER } },
    given: (robot) => void robot.photos('more', ['crop', 'weed']),
    command: (robot) => ['import', robot.path('more')],
    follow: (robot) => robot.configure({ samples: { minFreeBytes: 0 } }),
  },
  {
    code: 'HL_STORE_LIMIT',
    follows: 'Raise samples.maxPictureStoreBytes',
    settings: { samples: { maxPictureStoreBytes: 1_000_000 } },
    given: fillStore,
    command: (robot) => ['import', robot.path('large')],
    follow: (robot) => robot.configure({ samples: { maxPictureStoreBytes: 100_000_000 } }),
  },
  {
    code: 'HL_STORE_FULL',
    follows: 'Free space on this disk',
    settings: { samples: { minFreeBytes: 0 } },
    skip: withoutMounts,
    given: (robot) => {
      robot.photos('some', ['crop', 'weed'], 2);
      robot.mountState('size=2m');
      const { bavail, bsize } = statfsSync(robot.stateDir);
      writeFileSync(join(robot.stateDir, 'filler'), Buffer.alloc(bavail * bsize));
    },
    command: (robot) => ['import', robot.path('some')],
    follow: (robot) => rmSync(join(robot.stateDir, 'filler')),
    after: (robot) => robot.unmountState(),
  },
];

/** Pictures of which the limit leaves no room for all. */
async function fillStore(robot: Robot): Promise<void> {
  for (const label of ['crop', 'weed']) {
    for (let i = 0; i < 16; i++) {
      robot.write(
        join('large', label, `${label}_${i}.jpg`),
        await noisyPicture(seedFrom(label, i)),
      );
    }
  }
}
