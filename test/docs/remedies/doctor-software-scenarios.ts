import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { REPOSITORY } from '../../mutants/mutant.js';
import type { DoctorScenario, Patient } from './doctor-scenario.js';
import { withoutRoot } from './field.js';
import { damageBackbone, writeCard } from './model-scenarios.js';
import type { Said } from './scenario.js';

const database = ({ robot }: Patient): string => join(robot.stateDir, 'headland.db');

/** Runs the command of a remedy: "Run: chmod …". */
function obey(remedy: string | null): void {
  const [, command] = /Run: (.*)$/.exec(remedy ?? '') ?? [];
  execFileSync('sh', ['-c', command!]);
}

/** Loads a script into every Node.js of the doctor. */
function preload({ robot, env }: Patient, script: string): void {
  env.NODE_OPTIONS = `--require ${robot.write('preload.cjs', script)}`;
}

/** Hands the secret to the service as the remedy says. @param unit other properties of the unit */
function loadCredential(
  patient: Patient,
  { remedy }: Said,
  unit: Record<string, string> = {},
): void {
  const [, name, file] = /LoadCredential=([^:]+):(\S+)\. /.exec(remedy ?? '') ?? [];
  patient.systemd({ ...unit, LoadCredential: `${name}:${file}` });
  const yaml = readFileSync(patient.robot.configFile, 'utf8');
  writeFileSync(patient.robot.configFile, yaml.replace(`file: ${file}`, `credential: ${name}`));
}

async function train(patient: Patient): Promise<void> {
  patient.robot.adopt(await patient.robot.field.trained());
}

const weights = ({ robot }: Patient): string => join(robot.stateDir, 'heads/main/1/weights');

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

export const softwareFindings: DoctorScenario[] = [
  {
    code: 'HL_CONFIG_NOT_FOUND',
    follows: 'An empty file is valid',
    check: 'configuration',
    state: 'failed',
    given: (patient) => {
      patient.args = ['--config', patient.robot.path('none.yaml')];
    },
    follow: ({ robot }) => robot.write('none.yaml', ''),
  },
  {
    code: 'HL_CONFIG_INVALID',
    when: 'an unknown setting',
    follows: 'Correct the settings named',
    check: 'configuration',
    state: 'failed',
    subject: 'training.minLabel',
    given: ({ robot }) => robot.write('headland.yaml', 'training: {minLabel: 6}\nrobot: {id: 7}\n'),
    follow: ({ robot }, { message }) => {
      const meant = /did you mean "(\w+)"/.exec(message)?.[1];
      robot.write('headland.yaml', `training: {${meant}: 6}\nrobot: {id: "7"}\n`);
    },
  },
  {
    code: 'HL_SECRET_UNREADABLE',
    follows: 'Create the file, owned by the user of the daemon and with mode 0600',
    check: 'configuration',
    state: 'failed',
    subject: 'mqtt.password',
    given: ({ robot }) => robot.configure({ mqtt: { password: { file: robot.path('password') } } }),
    follow: ({ robot }) => robot.write('password', 'swordfish\n', 0o600),
  },
  {
    code: 'HL_SECRET_TOO_OPEN',
    follows: 'chmod 600',
    check: 'configuration',
    state: 'failed',
    subject: 'console.token',
    given: ({ robot }) => {
      const file = robot.write('token', 'swordfish-swordfish\n', 0o644);
      robot.configure({ console: { token: { file } } });
    },
    follow: (_, { remedy }) => obey(remedy),
  },
  {
    code: 'HL_DOCTOR_CONFIG_WRITABLE',
    follows: 'chmod go-w',
    check: 'configuration',
    state: 'warning',
    given: ({ robot }) => chmodSync(robot.configFile, 0o666),
    follow: (_, { remedy }) => obey(remedy),
  },
  {
    code: 'HL_DOCTOR_HIDDEN_FROM_SERVICE',
    when: 'the configuration',
    follows: 'chmod go+r',
    check: 'configuration',
    state: 'failed',
    given: (patient) => {
      patient.systemd();
      chmodSync(patient.robot.configFile, 0o600);
    },
    follow: (_, { remedy }) => obey(remedy),
  },
  {
    code: 'HL_DOCTOR_HIDDEN_FROM_SERVICE',
    when: 'a secret',
    follows: 'LoadCredential=',
    check: 'configuration',
    state: 'failed',
    subject: 'mqtt.password',
    given: (patient) => {
      patient.systemd();
      const file = patient.robot.write('password', 'swordfish\n', 0o600);
      patient.robot.configure({ mqtt: { password: { file } } });
    },
    follow: loadCredential,
  },
  {
    code: 'HL_DOCTOR_HIDDEN_FROM_SERVICE',
    when: 'a secret, from a service with a fixed user',
    follows: 'LoadCredential=',
    check: 'configuration',
    state: 'failed',
    subject: 'mqtt.password',
    skip: withoutRoot,
    given: (patient) => {
      patient.systemd({ DynamicUser: 'no', User: 'robot' });
      mkdirSync(patient.robot.stateDir);
      chownSync(patient.robot.stateDir, 65_534, 65_534);
      const file = patient.robot.write('password', 'swordfish\n', 0o600);
      patient.robot.configure({ mqtt: { password: { file } } });
    },
    follow: (patient, said) => loadCredential(patient, said, { DynamicUser: 'no', User: 'robot' }),
  },
  {
    code: 'HL_DOCTOR_TIMEOUT',
    follows: 'correct the path',
    check: 'configuration',
    state: 'failed',
    given: ({ robot }) => {
      const pipe = robot.path('password');
      execFileSync('mkfifo', ['-m', '600', pipe]);
      robot.configure({ mqtt: { password: { file: pipe } } });
    },
    follow: ({ robot }) => {
      const file = robot.write('real-password', 'swordfish\n', 0o600);
      robot.configure({ mqtt: { password: { file } } });
    },
  },
  {
    code: 'HL_DOCTOR_NODE_UNSUPPORTED',
    follows: 'Install Node.js 24',
    check: 'node',
    state: 'failed',
    given: (patient) =>
      preload(patient, "Object.defineProperty(process, 'version', { value: 'v18.20.4' });"),
    follow: (patient) =>
      preload(patient, "Object.defineProperty(process, 'version', { value: 'v24.4.0' });"),
  },
  {
    code: 'HL_DOCTOR_CRASHED',
    follows: 'Install headland again',
    check: 'engine',
    state: 'failed',
    given: (patient) =>
      preload(
        patient,
        `if (process.argv[1]?.endsWith('doctor-job.js')) {
           process.dlopen = () => process.kill(process.pid, 'SIGILL');
         }`,
      ),
    follow: (patient) => {
      patient.env = {};
    },
  },
  {
    code: 'HL_DOCTOR_PART_UNUSABLE',
    follows: 'Install headland again',
    check: 'cameras',
    state: 'failed',
    given: (patient) => {
      const { robot } = patient;
      mkdirSync(robot.path('program/dist'), { recursive: true });
      cpSync(join(REPOSITORY, 'dist/src'), robot.path('program/dist/src'), { recursive: true });
      cpSync(join(REPOSITORY, 'package.json'), robot.path('program/package.json'));
      const modules = robot.path('program/node_modules');
      mkdirSync(modules);
      for (const name of readdirSync(join(REPOSITORY, 'node_modules'))) {
        if (name !== 'sharp') {
          symlinkSync(join(REPOSITORY, 'node_modules', name), join(modules, name));
        }
      }
      patient.program = robot.path('program/dist/src/cli/main.js');
    },
    follow: ({ robot }) =>
      symlinkSync(join(REPOSITORY, 'node_modules/sharp'), robot.path('program/node_modules/sharp')),
  },
  {
    code: 'HL_DOCTOR_OUTPUT_UNWRITABLE',
    follows: 'Name a folder that this user may write',
    check: 'cameras',
    state: 'failed',
    given: (patient) => {
      patient.args = ['--images', '/proc/images'];
    },
    follow: (patient) => {
      patient.args = ['--images', patient.robot.path('images')];
    },
  },
  {
    code: 'HL_MODEL_NOT_CACHED',
    follows: 'Run `headland models pull',
    check: 'backbone',
    state: 'failed',
    given: ({ robot }) => writeCard(robot),
    follow: ({ robot }) => robot.must('models', 'pull', 'tiny'),
  },
  {
    code: 'HL_MODEL_CHECKSUM',
    follows: 'Run `headland models pull',
    check: 'backbone',
    state: 'failed',
    given: async ({ robot }) => {
      writeCard(robot);
      await robot.must('models', 'pull', 'tiny');
      damageBackbone(robot);
    },
    follow: ({ robot }) => robot.must('models', 'pull', 'tiny'),
  },
  {
    code: 'HL_ACCELERATOR_UNAVAILABLE',
    follows: 'Or set inference.executionProvider to cpu',
    check: 'engine',
    state: 'warning',
    settings: { inference: { executionProvider: 'cuda' } },
    follow: ({ robot }) => robot.configure({ inference: { executionProvider: 'cpu' } }),
  },
  {
    code: 'HL_HEAD_INVALID',
    follows: 'train again (`headland train`)',
    check: 'heads',
    state: 'failed',
    given: async (patient) => {
      await train(patient);
      flip(weights(patient), 200);
    },
    follow: ({ robot }) => robot.must('train'),
  },
  {
    code: 'HL_HEAD_BACKBONE_MISMATCH',
    follows: 'Train again (`headland train`)',
    check: 'heads',
    state: 'failed',
    given: async (patient) => {
      await train(patient);
      patient.robot.configure({ inference: { fit: 'crop' } });
    },
    follow: ({ robot }) => robot.must('train'),
  },
  {
    code: 'HL_HEAD_UNREADABLE',
    follows: 'Give the user of the daemon read access to paths.stateDir',
    check: 'heads',
    state: 'failed',
    asNobody: true,
    given: async (patient) => {
      await train(patient);
      chmodSync(join(patient.robot.stateDir, 'heads'), 0o755);
      chmodSync(patient.robot.stateDir, 0o755);
      chmodSync(weights(patient), 0o600);
    },
    follow: (patient) => execFileSync('chmod', ['-R', 'a+rX', patient.robot.stateDir]),
    skip: withoutRoot,
  },
  {
    code: 'HL_STORE_CORRUPT',
    follows: 'Start the daemon, or run `headland verify --repair`',
    check: 'store',
    state: 'failed',
    given: async (patient) => {
      patient.robot.adopt(await patient.robot.field.labelled());
      const bytes = readFileSync(database(patient));
      // The header and the schema stay readable: only a look at every page finds it.
      bytes.fill(0xa5, 8_192, 16_384);
      writeFileSync(database(patient), bytes);
    },
    follow: async (patient) => void (await patient.robot.must('verify', '--repair')),
  },
  {
    code: 'HL_STORE_NEWER',
    follows: 'put a backup from before the update in place of the file',
    check: 'store',
    state: 'failed',
    given: async (patient) => {
      patient.robot.adopt(await patient.robot.field.labelled());
      cpSync(database(patient), patient.robot.path('backup.db'));
      const file = new Database(database(patient));
      file.exec("UPDATE schema_versions SET version = 99 WHERE room = 'sightings'");
      file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      file.close();
    },
    follow: (patient) => cpSync(patient.robot.path('backup.db'), database(patient)),
  },
  {
    code: 'HL_STORE_UNAVAILABLE',
    follows: 'Remove or rename the folder or other object at this path',
    check: 'store',
    state: 'failed',
    given: (patient) => mkdirSync(database(patient), { recursive: true }),
    follow: (patient) => rmSync(database(patient), { recursive: true }),
  },
];
