import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { isHeadlandError } from '../../../src/base/errors.js';
import { keepSecrets, plannedSecrets } from '../../../src/cli/setup/keep-secrets.js';
import { SettingsDocument } from '../../../src/cli/setup/settings-document.js';
import type { Answers } from '../../../src/cli/setup/setup-answers.js';
import { startCommands, startService } from '../../../src/cli/setup/start-service.js';
import { loadConfigFile } from '../../../src/config/load.js';
import { CLI, headland } from '../../agent/daemon.js';
import { checkSaid } from '../../docs/remedies/scenario.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { Mosquitto, passwordFile, withoutMosquitto } from '../../telemetry/mosquitto.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { PseudoTerminal, withoutScript } from './pseudo-terminal.js';

const EXAMPLE = fileURLToPath(new URL('../../../../deploy/headland.yaml', import.meta.url));
const setup = (file: string, ...args: string[]): string[] => [
  process.execPath,
  CLI,
  'setup',
  '--config',
  file,
  ...args,
];

/** The settings that name secrets, where setup has put these. */
function using(...names: string[]) {
  const reference = (credential: string) => (names.includes(credential) ? { credential } : null);
  return {
    mqtt: { password: reference('mqtt-password') },
    console: { token: reference('console-token') },
  };
}

const NOTHING: Answers = { robotId: 'r1', camera: null, broker: null, page: null, gpio: null };

describe('setup at a terminal', { skip: withoutScript, timeout: TEST_HANG_MS }, () => {
  test('asks five questions, tries camera and broker, and writes what it showed', {
    skip: withoutMosquitto,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'etc/headland.yaml');
    const passwords = passwordFile(join(folder, 'passwords'), 'robot', 'sword fish');
    const broker = await Mosquitto.start(t, ['allow_anonymous false', passwords]);
    const terminal = new PseudoTerminal(t, setup(file), { TMPDIR: folder });
    await terminal.answer('1/5', 'robot 7');
    await terminal.until('use 1 to 63 letters');
    await terminal.answer('1/5', 'robot7');
    await terminal.answer('Camera:', 'simulated');
    await terminal.until('taking a test image');
    await terminal.until('640 x 480 pixels');
    const [, image] = /(\/\S+main\.jpg)/.exec(terminal.shown) ?? [];
    assert.equal(readFileSync(image!).subarray(0, 2).toString('hex'), 'ffd8');
    await terminal.answer('3/5', broker.url);
    await terminal.answer('User at the broker', 'robot');
    await terminal.answer('Password', 'codfish');
    await terminal.until('failed: login');
    await terminal.answer('Use this broker anyway?', 'n');
    await terminal.answer('3/5', broker.url);
    await terminal.answer('User at the broker', 'robot');
    await terminal.answer('Password', 'sword fish');
    await terminal.until('ok: login');
    await terminal.answer('4/5', 'perhaps');
    await terminal.until('Answer y or n');
    await terminal.answer('4/5', 'y');
    await terminal.answer('Address it listens on', '192.0.2.1');
    await terminal.until('this machine does not have this address');
    await terminal.answer('Address it listens on', '0.0.0.0');
    await terminal.answer('5/5', 'onof');
    await terminal.until('Answer one of: ');
    await terminal.answer('5/5', 'onoff');
    await terminal.answer('Output as name=line', 'horn');
    await terminal.until('Write name=line');
    // No chip has so many lines.
    await terminal.answer('Output as name=line', 'horn=1023');
    await terminal.answer('Output as name=line', '');
    await terminal.until('failed: ');
    await terminal.answer('Use these outputs anyway?', 'y');
    await terminal.until(`${file}:`);
    assert.ok(!existsSync(file), 'nothing is written before the last yes');
    await terminal.answer('Write this?', 'y');
    await terminal.until('token of the page');
    await terminal.until('headland pair');
    assert.equal(await terminal.end(), 0);

    assert.doesNotMatch(terminal.shown, /codfish|sword fish/, 'the password is not shown');
    const config = loadConfigFile(file);
    assert.equal(config.robot.id, 'robot7');
    assert.equal(config.cameras[0]!.driver, 'simulated');
    assert.equal(config.mqtt.url, broker.url);
    assert.equal(config.console.host, '0.0.0.0');
    assert.deepEqual(
      config.gpio.outputs.map(({ name, line }) => [name, line]),
      [['horn', 1_023]],
    );
    for (const [reference, text] of [
      [config.mqtt.password, 'sword fish\n'],
      [config.console.token, /^[0-9a-f]{48}\n$/],
    ] as const) {
      assert.ok(reference && 'file' in reference);
      assert.equal(statSync(reference.file).mode & 0o777, 0o600);
      const stored = readFileSync(reference.file, 'utf8');
      if (typeof text === 'string') assert.equal(stored, text);
      else assert.match(stored, text);
    }
    assert.equal(statSync(file).mode & 0o777, 0o644);
    // What it wrote is what doctor accepts.
    const { status } = headland('doctor', '--config', file, '--only', 'configuration', 'broker');
    assert.equal(status, 0);
  });

  test('changes an existing file with a yes, keeps the old one, and what nobody asked about', async (t) => {
    const file = join(temporaryFolder(t), 'headland.yaml');
    const before = readFileSync(EXAMPLE, 'utf8');
    writeFileSync(file, before);
    const terminal = new PseudoTerminal(t, setup(file));
    await terminal.answer('exists. Change it?', '');
    await terminal.answer('1/5', 'robot9');
    await terminal.answer('Camera:', 'keep');
    await terminal.answer('3/5', '');
    await terminal.answer('4/5', 'n');
    await terminal.answer('5/5', '');
    await terminal.answer('Write this?', 'y');
    assert.equal(await terminal.end(), 0);
    assert.equal(readFileSync(`${file}.bak`, 'utf8'), before);
    const after = readFileSync(file, 'utf8');
    assert.match(after, /id: robot9 # topics begin with/, 'comments stay');
    const settings = parse(after);
    assert.deepEqual(settings.cameras, parse(before).cameras);
    assert.deepEqual(settings.augmentation, { verticalFlip: false });
    assert.deepEqual(settings.console, { enabled: false });
  });

  for (const [how, key] of [
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ] as const) {
    test(`${how} ends it, and nothing is written`, async (t) => {
      const folder = temporaryFolder(t);
      const terminal = new PseudoTerminal(t, setup(join(folder, 'headland.yaml')));
      await terminal.answer('1/5', 'robot7');
      await terminal.until('Camera:');
      terminal.press(key);
      await terminal.until('HL_SETUP_CANCELLED');
      assert.equal(await terminal.end(), 130);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});

describe('setup without a terminal', () => {
  test('refuses without --yes, and takes answers from options with it', (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'headland.yaml');
    const refused = headland('setup', '--config', file);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /HL_SETUP_NO_TERMINAL/);
    const password = join(folder, 'given');
    writeFileSync(password, 'swordfish\n');
    const broker = ['--broker', 'mqtt://broker.invalid', '--broker-user', 'u'];
    const secret = ['--broker-password-file', password];
    const answers = [
      '--robot',
      'r7',
      '--camera',
      'rpicam:1',
      '--page',
      'off',
      ...broker,
      ...secret,
    ];
    const done = headland('setup', '--yes', '--config', file, ...answers);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /headland run --config/);
    assert.deepEqual(parse(readFileSync(file, 'utf8')), {
      robot: { id: 'r7' },
      cameras: [{ driver: 'rpicam', cameraIndex: 1 }],
      mqtt: {
        url: 'mqtt://broker.invalid',
        username: 'u',
        password: { file: join(folder, 'mqtt-password') },
      },
      console: { enabled: false },
    });
    loadConfigFile(file);
  });

  test('replaces an existing file only with --force, and validates before it writes', (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'headland.yaml');
    writeFileSync(file, 'robot: {id: old}\n');
    const refused = headland('setup', '--yes', '--config', file, '--robot', 'new');
    assert.match(refused.stderr, /HL_SETUP_FILE_EXISTS/);
    const invalid = headland('setup', '--yes', '--force', '--config', file, '--robot', 'a b');
    assert.match(
      invalid.stderr,
      /HL_CONFIG_INVALID: 1 problem in the answers\n.*robot\.id: .*did you mean "a-b"\?/,
    );
    assert.equal(invalid.status, 2);
    assert.deepEqual(readdirSync(folder), ['headland.yaml'], 'nothing was written');
    assert.equal(readFileSync(file, 'utf8'), 'robot: {id: old}\n');
    const done = headland('setup', '--yes', '--force', '--config', file, '--robot', 'new');
    assert.equal(done.status, 0, done.stderr);
    assert.equal(readFileSync(`${file}.bak`, 'utf8'), 'robot: {id: old}\n');
    assert.equal(loadConfigFile(file).robot.id, 'new');
  });

  test('says who may write there', { skip: process.getuid?.() !== 0 && 'needs root' }, (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o755);
    const words = setup(join(folder, 'headland.yaml'), '--yes');
    const { stderr } = spawnSync(words[0]!, words.slice(1), {
      uid: 65_534,
      gid: 65_534,
      encoding: 'utf8',
    });
    assert.match(stderr, /HL_SETUP_UNWRITABLE[\s\S]*sudo headland setup/);
  });
});

describe('what setup writes', () => {
  test('a service with a user of its own gets secrets as credentials', async (t) => {
    const folder = temporaryFolder(t);
    const unit = { installed: true, user: null, credentials: new Map() };
    const dropInDir = join(folder, 'headland.service.d');
    const keeping = { configFile: join(folder, 'headland.yaml'), unit, dropInDir };
    const broker = { url: 'mqtt://b', username: 'u', password: 'swordfish' };
    const answers = { ...NOTHING, broker };
    assert.deepEqual(plannedSecrets(answers, keeping), {
      password: { credential: 'mqtt-password' },
      token: null,
    });
    const { dropIn } = await keepSecrets(answers, using('mqtt-password'), keeping);
    const file = join(folder, 'mqtt-password');
    assert.equal(
      readFileSync(dropIn!, 'utf8'),
      `[Service]\nLoadCredential=mqtt-password:${file}\n`,
    );
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const commands = startCommands({ active: 'active' }, true).map((words) => words.join(' '));
    assert.deepEqual(commands, [
      'systemctl daemon-reload',
      'systemctl enable headland',
      'systemctl restart headland',
    ]);
    assert.deepEqual(startCommands({ active: 'inactive' }, false), [
      ['systemctl', 'enable', '--now', 'headland'],
    ]);
    // A unit that has failed too often is not started before its count is gone.
    assert.deepEqual(startCommands({ active: 'failed' }, false), [
      ['systemctl', 'reset-failed', 'headland'],
      ['systemctl', 'enable', '--now', 'headland'],
    ]);
  });

  test('a second run keeps the other credential and foreign lines of the drop-in', async (t) => {
    const folder = temporaryFolder(t);
    const unit = { installed: true, user: null, credentials: new Map() };
    const dropInDir = join(folder, 'headland.service.d');
    const keeping = { configFile: join(folder, 'headland.yaml'), unit, dropInDir };
    const lines = () => readFileSync(join(dropInDir, 'credentials.conf'), 'utf8').split('\n');
    const load = (name: string): string => `LoadCredential=${name}:${join(folder, name)}`;
    const broker = { url: 'mqtt://b', username: 'u', password: 'swordfish' };
    const page = { enabled: true, host: '0.0.0.0', newToken: 'a'.repeat(48) };
    await keepSecrets({ broker, page: null }, using('mqtt-password'), keeping);
    writeFileSync(join(dropInDir, 'credentials.conf'), `${lines().join('\n')}Nice=5\n[Unit]\n`);
    const both = using('mqtt-password', 'console-token');
    await keepSecrets({ broker: null, page }, both, keeping);
    const complete = [
      '[Service]',
      load('console-token'),
      load('mqtt-password'),
      'Nice=5',
      '[Unit]',
      '',
    ];
    assert.deepEqual(lines(), complete);
    const none = { broker: null, page: null };
    assert.deepEqual(await keepSecrets(none, both, keeping), { dropIn: null });
    // A line that an earlier version lost comes back.
    writeFileSync(join(dropInDir, 'credentials.conf'), `[Service]\n${load('console-token')}\n`);
    await keepSecrets(none, both, keeping);
    assert.deepEqual(lines(), ['[Service]', load('mqtt-password'), load('console-token'), '']);
    // A broker without a password needs none, and a credential of another drop-in is left to it.
    await keepSecrets(none, using('console-token'), keeping);
    assert.deepEqual(lines(), ['[Service]', load('console-token'), '']);
    const elsewhere = { ...unit, credentials: new Map([['mqtt-password', '/elsewhere']]) };
    await keepSecrets(none, both, { ...keeping, unit: elsewhere });
    assert.deepEqual(lines(), ['[Service]', load('console-token'), '']);
    await keepSecrets(none, using(), keeping);
    assert.ok(!existsSync(join(dropInDir, 'credentials.conf')));
  });

  test('a service with a fixed user gets credentials, too; one of root reads the files', (t) => {
    const folder = temporaryFolder(t);
    const broker = { url: 'mqtt://b', username: 'u', password: 'swordfish' };
    const planned = (user: string | null) =>
      plannedSecrets(
        { broker, page: null },
        {
          configFile: join(folder, 'headland.yaml'),
          unit: { installed: true, user, credentials: new Map() },
          dropInDir: folder,
        },
      ).password;
    assert.deepEqual(planned('robot'), { credential: 'mqtt-password' });
    assert.deepEqual(planned('root'), { file: join(folder, 'mqtt-password') });
  });

  test('a page that is served again keeps its token and gets no other', (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'headland.yaml');
    const token = join(folder, 'my-token');
    writeFileSync(token, 'a'.repeat(48));
    const section = `{enabled: false, host: 0.0.0.0, token: {file: ${token}}}`;
    writeFileSync(file, `robot: {id: r1}\nconsole: ${section}\n`);
    const run = (...args: string[]) => {
      const { status, stdout, stderr } = headland(
        'setup',
        '--yes',
        '--force',
        '--config',
        file,
        ...args,
      );
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stdout, /token of the page/);
      return parse(readFileSync(file, 'utf8')).console;
    };
    assert.deepEqual(run('--page', 'on'), { host: '0.0.0.0', token: { file: token } });
    assert.deepEqual(run('--page', 'off'), {
      enabled: false,
      host: '0.0.0.0',
      token: { file: token },
    });
    assert.deepEqual(readdirSync(folder).sort(), [
      'headland.yaml',
      'headland.yaml.bak',
      'headland.yaml.bak.1',
      'my-token',
    ]);
  });

  test('a file keeps its permissions and its owner, and a login in it is warned about', (t) => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'headland.yaml');
    const run = () => {
      const camera = ['--camera', 'rtsp://admin:swordfish@camera.invalid/1'];
      const done = headland('setup', '--yes', '--force', '--config', file, ...camera);
      assert.equal(done.status, 0, done.stderr);
      return done.stdout;
    };
    assert.match(run(), /warning: .* contains passwords/);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    chmodSync(file, 0o640);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(file, 65_534, 65_534);
    assert.match(run(), /warning: .* contains passwords/, 'its group may read it');
    chmodSync(file, 0o600);
    assert.doesNotMatch(run(), /warning/);
    for (const path of [file, `${file}.bak.1`]) assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(`${file}.bak`).mode & 0o777, 0o640);
    if (isRoot) assert.equal(statSync(file).uid, 65_534);
  });

  test('a service that does not start is said, with what to do next', async (t) => {
    const folder = temporaryFolder(t);
    const started = join(folder, 'started');
    const systemctl = join(folder, 'systemctl');
    // Fails once, as a unit whose camera is missing, and then no more.
    writeFileSync(
      systemctl,
      `#!/bin/sh\n[ -e ${started} ] && exit 0\ntouch ${started}\necho Job failed. >&2\nexit 1\n`,
      { mode: 0o755 },
    );
    const environment = { PATH: `${folder}:${process.env.PATH}` };
    const commands = startCommands({ active: 'inactive' }, false);
    const failure = await startService(commands, environment).then(
      () => null,
      (error: unknown) => error,
    );
    assert.ok(isHeadlandError(failure, 'HL_SETUP_START_FAILED'));
    const { code, message, remedy } = failure;
    checkSaid({ code, follows: 'Run `headland doctor`' }, { code, message, remedy });
    assert.match(message, /systemctl enable --now headland: Job failed\./);
    await startService(commands, environment);
  });

  test('answers replace their settings and leave the name of a camera', (t) => {
    const file = join(temporaryFolder(t), 'headland.yaml');
    writeFileSync(
      file,
      'cameras: [{driver: auto, name: front}, {driver: simulated, name: rear}]\nmqtt: {url: "mqtt://a", username: u, keepaliveSeconds: 9}\n',
    );
    const answers: Answers = {
      ...NOTHING,
      camera: { driver: 'ffmpeg', input: '/dev/video0' },
      broker: { url: null, username: null, password: null },
    };
    const { settings } = SettingsDocument.read(file).with(answers, { password: null, token: null });
    assert.deepEqual(settings, {
      cameras: [
        { driver: 'ffmpeg', input: '/dev/video0', name: 'front' },
        { driver: 'simulated', name: 'rear' },
      ],
      mqtt: { keepaliveSeconds: 9 },
      robot: { id: 'r1' },
    });
  });
});
