import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { CLI } from '../../agent/daemon.js';
import {
  BUCKET,
  type Fault,
  failing,
  KEYS,
  REGION,
  S3Server,
  silent,
} from '../../sync/s3-server.js';
import type { CommandScenario } from './command-scenario.js';
import type { Ran, Robot } from './field.js';

/** A store for one scenario, and what its robot needs to send there. */
class Place {
  #store: S3Server | null = null;
  readonly #undo: (() => unknown)[] = [];

  get store(): S3Server {
    if (this.#store === null) throw new Error('the store has not started');
    return this.#store;
  }

  /** A robot with one sample to send and everything configured. */
  async prepare(robot: Robot): Promise<void> {
    this.#store = await S3Server.start({
      after: (undo) => void this.#undo.push(undo as () => void),
    });
    await robot.must('import', robot.photos('photos', ['weed'], 1));
    const id = robot.write('id', `${KEYS.accessKeyId}\n`, 0o600);
    const key = robot.write('key', `${KEYS.secretAccessKey}\n`, 0o600);
    const { endpoint } = this.#store;
    robot.configure({
      sync: {
        target: `s3://${BUCKET}/season`,
        timeoutMs: 3_600_000,
        s3: {
          endpoint,
          region: REGION,
          accessKeyId: { file: id },
          secretAccessKey: { file: key },
        },
      },
    });
  }

  configure(robot: Robot, s3: object): void {
    robot.configure({ sync: { s3 } });
  }

  async leave(): Promise<void> {
    for (const undo of this.#undo) await undo();
  }
}

type Given = Pick<CommandScenario, 'code' | 'follows'> &
  Partial<CommandScenario> & {
    /** What is wrong. */
    spoil?(robot: Robot, place: Place): unknown;
    mend(robot: Robot, place: Place): unknown;
    run?(robot: Robot, place: Place, command: string[]): Promise<Ran>;
  };

function scenario({ spoil, mend, run, ...rest }: Given): CommandScenario {
  const place = new Place();
  return {
    ...rest,
    given: async (robot) => {
      await place.prepare(robot);
      await spoil?.(robot, place);
    },
    command: rest.command ?? (() => ['sync']),
    ...(run ? { provoke: (robot, command) => run(robot, place, command) } : {}),
    follow: (robot) => mend(robot, place),
    after: () => place.leave(),
  };
}

const answers = (fault: Fault) => (_robot: Robot, place: Place) => {
  place.store.fault = () => fault;
};
const answersWell = (_robot: Robot, place: Place): void => {
  place.store.fault = () => null;
};

function start(robot: Robot, command: string[], path = process.env.PATH): ChildProcess {
  return spawn(process.execPath, [CLI, ...command, '--config', robot.configFile], {
    env: { ...process.env, PATH: path },
  });
}

async function ended(child: ChildProcess): Promise<Ran> {
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ]);
  return { status, output: stdout + stderr };
}

/** Starts a pass that hangs at the store. */
async function hanging(robot: Robot, place: Place, command: string[]): Promise<ChildProcess> {
  const asked = new Promise<void>((resolve) => {
    place.store.fault = () => {
      resolve();
      return silent;
    };
  });
  const child = start(robot, command);
  await asked;
  return child;
}

export const syncScenarios: CommandScenario[] = [
  scenario({
    code: 'HL_SYNC_OFF',
    follows: 'set sync.target in the configuration',
    spoil: (robot) => robot.configure({ sync: { target: null } }),
    mend: (robot) => robot.configure({ sync: { target: `s3://${BUCKET}/season` } }),
  }),
  scenario({
    code: 'HL_SYNC_NO_KEYS',
    follows: 'Set sync.s3.accessKeyId and sync.s3.secretAccessKey to files or systemd credentials',
    spoil: (robot, place) => place.configure(robot, { accessKeyId: null, secretAccessKey: null }),
    mend: (robot, place) =>
      place.configure(robot, {
        accessKeyId: { file: robot.path('id') },
        secretAccessKey: { file: robot.path('key') },
      }),
  }),
  scenario({
    code: 'HL_SYNC_DENIED',
    follows: 'Check the keys or password in the files of the secrets',
    spoil: (robot) => robot.write('key', 'another\n', 0o600),
    mend: (robot) => robot.write('key', KEYS.secretAccessKey, 0o600),
  }),
  scenario({
    code: 'HL_SYNC_TARGET_MISSING',
    follows: 'correct sync.target',
    spoil: (robot) => robot.configure({ sync: { target: 's3://another-bucket' } }),
    mend: (robot) => robot.configure({ sync: { target: `s3://${BUCKET}` } }),
  }),
  scenario({
    code: 'HL_SYNC_REGION_WRONG',
    follows: 'Set sync.s3.region',
    spoil: (robot, place) => place.configure(robot, { region: 'us-east-1' }),
    mend: (robot, place) => place.configure(robot, { region: REGION }),
  }),
  scenario({
    code: 'HL_SYNC_UNREACHABLE',
    follows: 'Check the network, the address in sync.target or sync.s3.endpoint',
    spoil: (robot, place) => place.configure(robot, { endpoint: 'http://127.0.0.1:1' }),
    mend: (robot, place) => place.configure(robot, { endpoint: place.store.endpoint }),
  }),
  scenario({
    code: 'HL_SYNC_CLOCK_WRONG',
    follows: 'or that of the server if the robot is right',
    spoil: (_robot, place) => {
      place.store.clockAheadMs = 3_600_000;
    },
    mend: (_robot, place) => {
      place.store.clockAheadMs = 0;
    },
  }),
  scenario({
    code: 'HL_SYNC_TARGET_FULL',
    follows: 'Free space on the server or raise its quota',
    spoil: answers(failing(507, 'XMinioStorageFull', 'full')),
    mend: answersWell,
  }),
  scenario({
    code: 'HL_SYNC_SERVER',
    follows: 'Sending continues by itself',
    spoil: answers(failing(500, 'InternalError', 'broken')),
    mend: answersWell,
  }),
  scenario({
    code: 'HL_SYNC_REFUSED',
    follows: 'restart headland to try this one again',
    spoil: answers(failing(400, 'EntityTooLarge', 'too large')),
    mend: answersWell,
  }),
  scenario({
    code: 'HL_SYNC_CANCELLED',
    follows: 'Run `headland sync` again',
    run: async (robot, place, command) => {
      const child = await hanging(robot, place, command);
      child.kill('SIGINT');
      return ended(child);
    },
    mend: answersWell,
  }),
  scenario({
    code: 'HL_SYNC_RUNNING',
    follows: 'Wait until it has ended',
    run: async (robot, place, command) => {
      const first = await hanging(robot, place, command);
      const second = await ended(start(robot, command));
      first.kill('SIGINT');
      await ended(first);
      return second;
    },
    mend: answersWell,
  }),
  scenario({
    code: 'HL_SYNC_PROGRAM_MISSING',
    follows: 'sudo apt install',
    spoil: (robot) => robot.configure({ sync: { target: 'rsync://127.0.0.1:1/farm' } }),
    run: (robot, _place, command) => ended(start(robot, command, '/nonexistent')),
    // With rsync there is another trouble: nobody listens.
    mend: () => {},
    leaves: 1,
  }),
];
