import type { Mutant } from '../mutant.js';

const SCRUBBER = 'src/agent/doctor/bundle/scrubber.ts';
const DOCTOR = 'test/cli/doctor.test.ts';
const CANARIES = [{ file: 'test/agent/doctor/bundle.test.ts', names: 'support bundle|holds no' }];
const BESIDE = [
  { file: 'test/agent/doctor/running-daemon.test.ts', names: 'its camera is left to it' },
];
const AT_TERMINAL = [
  { file: 'test/cli/setup/setup.test.ts', names: 'at a terminal|five questions' },
];
const WITHOUT_TERMINAL = [
  { file: 'test/cli/setup/setup.test.ts', names: 'without a terminal|only with --force' },
];

export const DOCTOR_MUTANTS: readonly Mutant[] = [
  {
    promise: 'doctor leaves no trace beside the database',
    file: 'src/storage/sqlite-connection.ts',
    text: 'immutable ? `${pathToFileURL(path).href}?immutable=1` : path',
    replacement: 'path',
    tests: [{ file: DOCTOR, names: 'headland doctor|changes nothing' }],
  },
  {
    promise: 'the log of a killed daemon is not completed by doctor',
    file: 'src/storage/inspect-database.ts',
    text: 'return { ...inspect(copy, false), bytes };',
    replacement: 'return { ...inspect(path, false), bytes };',
    tests: [{ file: 'test/agent/doctor/running-daemon.test.ts', names: 'examined as a copy' }],
  },
  {
    promise: 'a check that ends its process costs only itself',
    file: 'src/agent/doctor/run-checks.ts',
    text: 'left.splice(0, ended.length);',
    replacement: 'left.length = 0;',
    tests: [{ file: DOCTOR, names: 'headland doctor|costs only itself' }],
  },
  {
    promise: 'what only root may see is no fault of the robot',
    file: 'src/agent/doctor/denied.ts',
    text: '!isDenied(error) ||',
    replacement: 'error.code !== null ||',
    tests: [{ file: DOCTOR, names: 'headland doctor|what only root can see' }],
  },
  {
    promise: 'a camera that the daemon holds is left to it',
    file: 'src/agent/doctor/devices/check-cameras.ts',
    text: 'if (isHeld) return await fromDaemon',
    replacement: 'if (isHeld && status === null) return await fromDaemon',
    tests: BESIDE,
  },
  {
    promise: 'doctor does not take the connection of the daemon',
    file: 'src/telemetry/connection/probe-broker.ts',
    text: "`headland-doctor-${randomBytes(4).toString('hex')}`",
    replacement: '`headland-r1`',
    tests: BESIDE,
  },
  {
    promise: 'secrets in files are known',
    file: 'src/agent/doctor/bundle/support-bundle.ts',
    text: '...secretsInFiles(written.settings,',
    replacement: '...secretsInFiles(null,',
    tests: CANARIES,
  },
  {
    promise: 'secrets in settings are known',
    file: 'src/agent/doctor/bundle/support-bundle.ts',
    text: '...secretsInSettings(written.settings),',
    replacement: '',
    tests: CANARIES,
  },
  {
    promise: 'secrets in the environment are known',
    file: 'src/agent/doctor/bundle/support-bundle.ts',
    text: '...secretsInEnvironment(environment, ENVIRONMENT_FILE),',
    replacement: '',
    tests: CANARIES,
  },
  {
    promise: 'a private key in a log is hidden',
    file: SCRUBBER,
    text: '.replaceAll(PEM_KEY, HIDDEN)',
    replacement: '',
    tests: CANARIES,
  },
  {
    promise: 'a credential in the unit is hidden',
    file: SCRUBBER,
    text: '.replaceAll(SET_CREDENTIAL, `$1${HIDDEN}`)',
    replacement: '',
    tests: CANARIES,
  },
  {
    promise: 'a value with white space in the environment of the unit is hidden',
    file: SCRUBBER,
    text: 'return start + words.replaceAll(WORD, withoutValue);',
    replacement: 'return start + words;',
    tests: CANARIES,
  },
  {
    promise: 'arguments of commands are left out of the settings',
    file: 'src/agent/doctor/bundle/settings-text.ts',
    text: 'if (value !== null && name === ARGUMENTS) return [HIDDEN];',
    replacement: '',
    tests: [{ file: 'test/agent/doctor/bundle.test.ts', names: 'settings without' }],
  },
  {
    promise: 'arguments of commands are known secrets',
    file: 'src/agent/doctor/bundle/known-secrets.ts',
    text: 'if (name === ARGUMENTS) return [...secretsInArgument(settings), ...secretsInText(settings)];',
    replacement: '',
    tests: CANARIES,
  },
  {
    promise: 'a support bundle is for its owner alone',
    file: 'src/agent/doctor/bundle/support-bundle.ts',
    text: 'const MODE = 0o600;',
    replacement: 'const MODE = 0o644;',
    tests: CANARIES,
  },
  {
    promise: 'a bearer token in a log is hidden',
    file: SCRUBBER,
    text: '.replaceAll(BEARER, `$1${HIDDEN}`)',
    replacement: '',
    tests: CANARIES,
  },
  {
    promise: 'a part of a secret is not hidden before the whole',
    file: SCRUBBER,
    text: 'b.length - a.length',
    replacement: 'a.length - b.length',
    tests: [{ file: 'test/agent/doctor/bundle.test.ts', names: 'scrubber' }],
  },
  {
    promise: 'a password is not shown while it is typed',
    file: 'src/cli/setup/terminal.ts',
    text: 'if (!this.#isHidden) output',
    replacement: 'output',
    tests: AT_TERMINAL,
  },
  {
    promise: 'a secret is for its owner alone',
    file: 'src/cli/setup/keep-secrets.ts',
    text: 'await write(file, text, 0o600);',
    replacement: 'await write(file, text, 0o644);',
    tests: AT_TERMINAL,
  },
  {
    promise: 'answers are valid before anything is written',
    file: 'src/cli/setup/setup-command.ts',
    text: "validateConfig(planned.settings, 'the answers');",
    replacement: '',
    tests: WITHOUT_TERMINAL,
  },
  {
    promise: 'setup keeps the old file',
    file: 'src/cli/setup/write-settings.ts',
    text: 'if (backup !== null) await copyFile(file, backup);',
    replacement: '',
    tests: WITHOUT_TERMINAL,
  },
];
